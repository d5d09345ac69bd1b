"""The types of rules, one file each: a module here that has a RULE_TYPE is a type, of the module's name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from alerts.params import Params, ParamsError

if TYPE_CHECKING:
    from alerts.rule_types.base import RuleType


@cache
def rule_types() -> Mapping[str, RuleType[Any]]:
    """Return every type by its name, in the order in which the form offers them."""
    modules = [import_module(f"{__name__}.{each.name}") for each in iter_modules(__path__)]
    types: list[RuleType[Any]] = [module.RULE_TYPE for module in modules if hasattr(module, "RULE_TYPE")]
    return {each.name: each for each in sorted(types, key=lambda each: each.position)}


def read_params(type_name: str, given: Any) -> Params:
    """Read the parameters of a rule of that type; what is missing has its default. Raises ParamsError."""
    rule_type = rule_types().get(type_name)
    if rule_type is None:
        raise ParamsError({"type": f"There is no type {type_name!r}."})
    params: Params = rule_type.params_class.read(given)
    return params
