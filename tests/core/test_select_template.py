"""Our template of a select writes what Django's writes, without an include for each option."""

from __future__ import annotations

from typing import Any

import pytest
from django.forms import Select, SelectMultiple
from django.forms.renderers import DjangoTemplates, TemplatesSetting
from django.template.loader import get_template

CHOICES = [("", "None"), (1, "One & <two>"), ("a'b\"", "Quotes"), ("More", [("x", "X"), (None, "Nothing")])]


class Shut(Select):
    """Has options with attributes of their own."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        option["attrs"] |= {"disabled": value == 1, "data-of": value, "hidden": False}
        return option


@pytest.mark.parametrize("widget", [Select, SelectMultiple, Shut])
@pytest.mark.parametrize("value", [None, "", 1, "a'b\"", ["x", "1"]])
def test_it_is_djangos_to_the_letter(widget: type[Select], value: Any) -> None:
    made = widget(attrs={"id": "zone", "required": True}, choices=CHOICES)
    theirs = made.render("zone", value, renderer=DjangoTemplates())
    assert made.render("zone", value, renderer=TemplatesSetting()) == theirs
    assert "<option" in theirs


def test_it_is_ours_that_is_rendered() -> None:
    found = get_template("django/forms/widgets/select.html")
    assert "site-packages" not in str(found.origin)  # type: ignore[attr-defined]  # not in the stubs
