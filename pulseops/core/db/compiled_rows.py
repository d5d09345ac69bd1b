"""Querysets whose SQL is written once: for the few that every page asks, Django takes longer to write it than
PostgreSQL to answer.

    _SESSIONS = CompiledRows(lambda: Session.objects.filter(token_hash=Parameter("token", CharField())))
    _SESSIONS.fetch(token=…)

What Django does beside its public ways is kept to three methods, `Query.get_compiler`, `SQLCompiler.as_sql` and
`SQLCompiler.get_converters`, and to a compiler that knows its columns once it has written its SQL
(tests/core/test_compiled_rows.py).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import connections
from django.db.models import BooleanField, Expression, Field, Func, Model, QuerySet

Row = TypeVar("Row", bound=Model)


class Parameter(Expression):
    """Where a value of `field`'s type comes in under `name`; given as the database driver takes it."""

    def __init__(self, name: str, field: Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """Stand in the SQL as a parameter that is yet to come."""
        return "%s", [self]


class AnyOf(Func):
    """Whether the first expression is among the values of the second, a Parameter that takes a list of any length."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY("
    output_field = BooleanField()


class CompiledRows(Generic[Row]):
    """The rows of the queryset that `build` makes; it is made, and its SQL written, when rows are first asked for."""

    def __init__(self, build: Callable[[], QuerySet[Row]]) -> None:
        self._build = build

    @cached_property
    def _written(self) -> tuple[QuerySet[Row], Any, str, tuple[Any, ...]]:
        rows = self._build()
        compiler: Any = rows.query.get_compiler(using=rows.db)
        sql, parameters = compiler.as_sql()
        converters = compiler.get_converters([column for column, *_ in compiler.select])
        compiler.get_converters = lambda _columns: converters
        return rows, compiler, sql, parameters

    def fetch(self, **values: Any) -> list[Row]:
        """Return the rows for these values of the parameters; raises KeyError where one is missing."""
        rows, written, sql, parameters = self._written
        given = tuple(values[each.name] if isinstance(each, Parameter) else each for each in parameters)
        compiler = copy.copy(written)
        compiler.connection = connections[rows.db]  # this thread's
        compiler.as_sql = lambda: (sql, given)
        query: Any = copy.copy(rows.query)
        query.get_compiler = lambda **_: compiler
        return list(QuerySet(rows.model, query, rows.db))

    def get(self, **values: Any) -> Any:
        """Return the one row, with what it was annotated with; raises the model's DoesNotExist where there is none."""
        for row in self.fetch(**values):
            return row
        model: Any = self._written[0].model
        raise model.DoesNotExist
