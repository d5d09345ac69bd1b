"""Text from outside: looked at by its length first, read as a number only where it is one, shown as what it is."""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from pulseops.core.config.logging import TextFormatter
from pulseops.core.ui.csv_cells import guarded
from pulseops.core.web.numbers import MOST, whole_number
from tests.support.cpu import BUDGET_SECONDS, cpu_of

ROOT = Path(__file__).parent.parent.parent
OURS = ("accounts", "services", "logs", "deployments", "incidents", "alerts", "notifications", "pulseops")
MEGABYTE = 1024 * 1024
HOSTILE = {
    "marks": "a" + "\u0301" * 150_000 + "\u0323" * 150_000,
    "spaces": "a" + " " * MEGABYTE + "b",
    "letters": "\u0130" * MEGABYTE,
    "dots": "a." * (MEGABYTE // 2),
    "digits": "9" * MEGABYTE,
    "commas": "a," * (MEGABYTE // 2),
    "at": "a@" * (MEGABYTE // 2),
    "address": "https://" + "a." * (MEGABYTE // 2),
}


def form_classes() -> Iterator[type[forms.BaseForm]]:
    """Every form of ours, whichever tests ran before and imported it."""
    importlib.import_module("pulseops.urls")
    for app in OURS:
        for path in sorted((ROOT / app).rglob("*forms*.py")):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    line: list[type[forms.BaseForm]] = [forms.BaseForm]
    while line:
        for each in line.pop().__subclasses__():
            line.append(each)
            if each.__module__.partition(".")[0] in OURS:
                yield each


FIELDS = {
    name: field
    for name, field in sorted(  # Python knows subclasses in no order that two processes have in common
        (
            (f"{form.__module__}.{form.__name__}.{name}", field)
            for form in form_classes()
            for name, field in getattr(form, "base_fields", {}).items()
        ),
        key=itemgetter(0),
    )
    if not isinstance(field, forms.ModelChoiceField)
}


@pytest.mark.parametrize("name", FIELDS)
def test_no_field_makes_anything_of_a_megabyte(name: str) -> None:
    """At e4c1cee the first of these held the interpreter for a minute."""
    for text in HOSTILE.values():
        _, seconds = cpu_of(cleaned, FIELDS[name], text, within=BUDGET_SECONDS / 4)
        assert seconds < BUDGET_SECONDS / 4


def cleaned(field: forms.Field, text: str) -> None:
    with contextlib.suppress(ValidationError):
        field.clean(text)


TRANSFORMING = [
    name
    for name, field in FIELDS.items()
    if isinstance(field, forms.CharField) and type(field).to_python is not forms.CharField.to_python
]


@pytest.mark.parametrize("name", TRANSFORMING)
def test_every_field_that_transforms_text_has_a_length(name: str) -> None:
    field = FIELDS[name]
    assert isinstance(field, forms.CharField)
    assert field.max_length or hasattr(field, "_too_many")


@pytest.mark.django_db
def test_a_name_of_marks(client_for: Callable[[User], Client], developer: User) -> None:
    """The request of fault 3."""
    client = client_for(developer)
    client.get("/services/new")
    posted = {"name": HOSTILE["marks"], "retention_days": "7"}
    response, seconds = cpu_of(client.post, "/services/new", posted, within=BUDGET_SECONDS)
    assert "at most 100 characters" in response.text
    assert seconds < BUDGET_SECONDS


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("42", 42),
        (str(MOST), MOST),
        *((text, None) for text in ("", "-1", "²", "٣", "\uff11", "1.0", " 1", "1_0", str(MOST + 1), "9" * 5_000)),
    ],
)
def test_whole_numbers(text: str, number: int | None) -> None:
    assert whole_number(text) == number


def test_digits_are_checked_in_one_place() -> None:
    """`isdigit` and `int` do not agree about what a digit is."""
    known = {
        "pulseops/core/web/numbers.py", "pulseops/core/web/body.py", "pulseops/demo/traffic.py",
        "pulseops/core/metrics.py", "pulseops/backup/restore.py",  # what we and pg_restore write
        "accounts/forms.py",
        "pulseops/server/request_buffer.py", "logs/ingest/record.py",
        "logs/ingest/timestamps.py",
        "logs/ingest/protocols/otlp/json.py", "logs/ingest/protocols/otlp/json_columns.py",
        "logs/ingest/protocols/otlp/json_structs.py",
        "services/snippets/clients/pulseops_logging.py",
    }  # fmt: skip
    uses = {
        str(path.relative_to(ROOT))
        for app in OURS
        for path in (ROOT / app).rglob("*.py")
        if any(f".{method}()" in path.read_text() for method in ("isdigit", "isnumeric", "isdecimal"))
    }
    assert uses - known == set()


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["²", "٣", "9" * 5_000, "1_0", "x" * 36, "-1"])
@pytest.mark.parametrize("path", ["/incidents", "/settings/notifications", "/settings/audit"])
def test_the_place_in_a_list(client_for: Callable[[User], Client], admin: User, path: str, key: str) -> None:
    response = client_for(admin).get(path, {"before": f"2026-01-01T00:00:00Z_{key}"})
    assert response.status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["²", "٣", "9" * 5_000, "", "1.5"])
def test_chosen_incidents(client_for: Callable[[User], Client], developer: User, number: str) -> None:
    response = client_for(developer).post("/incidents/bulk", {"incident": number, "move": "resolve"})
    assert response.status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["²", "#²", "٣", "9" * 5_000])
def test_the_palette(client_for: Callable[[User], Client], developer: User, number: str) -> None:
    assert client_for(developer).get("/search", {"q": number}).status_code == 200


@pytest.mark.parametrize(
    "text", ["=1", "+1", "-1", "@a", "\ta", "\ra", "\na", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20a"]
)
def test_cells_that_a_spreadsheet_would_run(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("between", [";", "\n", "\r\n", "\t"])
def test_cells_of_a_spreadsheet_that_divides_by_semicolons(between: str) -> None:
    assert guarded(f"{between}=1").endswith("'=1")
    assert guarded(f"a{between}=1{between}b{between}-1") == f"a{between}'=1{between}b{between}'-1"


@pytest.mark.parametrize("value", ["a=1", "a; =1", "a;b-c", "a\nb", "é;", "", None, 1, -1.5, "'=1"])
def test_other_cells_stay(value: object) -> None:
    assert guarded(value) == value


def line_of(message: str, **extra: object) -> str:
    record = logging.makeLogRecord({"name": "x", "levelname": "INFO", "msg": message, **extra})
    return TextFormatter().format(record)


@pytest.mark.parametrize("control", ["\n", "\r", "\x1b[31m", "\x9b31m", "\x00", "\x07", "\u2028", "\u202e", "\x85"])
def test_no_control_character_reaches_a_terminal(control: str) -> None:
    """At e4c1cee `POST /invite/x%0A00:00:00%20error` wrote a line of its own."""
    for line in (line_of(f"a{control}b"), line_of("a", path=f"/x{control}y")):
        assert control[0] not in line
        assert len(line.splitlines()) == 1
        assert ascii(control[0])[1:-1] in line


def test_an_exception_keeps_its_lines() -> None:
    try:
        raise ValueError("a\x1bb")
    except ValueError as error:
        line = line_of("failed", exc_info=(type(error), error, error.__traceback__))
    assert "\x1b" not in line
    assert len(line.splitlines()) > 3
