from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django import forms
from django.template import Context, Template
from django.utils import timezone

from pulseops.core.templatetags import pulseops as tags

LONG_AGO = datetime(2025, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


def rendered(source: str, **values: Any) -> str:
    return Template("{% load pulseops %}" + source).render(Context(values))


def test_when_says_it_relatively_and_exactly() -> None:
    html = rendered("{% when t %}", t=timezone.now() - timedelta(minutes=3))
    assert ">3 min ago</time>" in html
    assert 'datetime="' in html
    assert " UTC" in html


def test_absolute_times_name_their_zone_unless_asked_not_to() -> None:
    assert ">2025-01-02 03:04:05.678 UTC</time>" in rendered("{% abs_time t milliseconds=True %}", t=LONG_AGO)
    assert ">2025-01-02 03:04:05</time>" in rendered("{% abs_time t zone=False %}", t=LONG_AGO)


def test_no_time_is_never() -> None:
    assert rendered("{% when t %} {% abs_time t empty='not yet' %}", t=None) == "never not yet"


def test_what_goes_on_ticks_and_what_is_over_does_not() -> None:
    start = timezone.now() - timedelta(seconds=65)
    assert "data-since" in rendered("{% elapsed t %}", t=start)
    over = rendered("{% elapsed t e %}", t=start, e=start + timedelta(seconds=65))
    assert over == '<time datetime="PT65S">1 min 05 s</time>'


def test_a_state_has_a_shape_and_a_word() -> None:
    html = rendered('{% status "open" %}')
    assert "tone-error" in html
    assert "#state-full" in html
    assert "Open</span>" in html
    assert "#state-ring" in rendered('{% status "never heard of" %}')


def test_words_are_escaped() -> None:
    assert "&lt;b&gt;" in rendered("{% status s %}", s="<b>")
    assert "&lt;b&gt;" in rendered("{% badge s %}", s="<b>")
    assert "&lt;b&gt;" in rendered("{% level s %}", s="<b>")


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Ada Lovelace", "AL"),
        ("ada.lovelace@example.org", "AL"),
        ("x", "X"),
        ("", "?"),
        ("ops", "OP"),
        ("名前", "名前"),
    ],
)
def test_initials(name: str, letters: str) -> None:
    assert tags.initials(name) == letters


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0"), (950, "950"), (1000, "1k"), (1234, "1.2k"), (34_400, "34k"), (5_600_000, "5.6M"), (None, "")],
)
def test_compact_counts(number: int | None, words: str) -> None:
    assert tags.compact(number) == words


class Sample(forms.Form):
    email = forms.EmailField(help_text="Where alerts go.")
    muted = forms.BooleanField(required=False)


def test_a_field_is_joined_to_its_help_and_errors() -> None:
    html = Sample({"email": "nobody"}).render()
    assert 'aria-describedby="id_email_helptext id_email_error"' in html
    assert 'id="id_email_helptext"' in html
    assert 'id="id_email_error"' in html
    assert 'aria-invalid="true"' in html
    assert 'value="nobody"' in html


def test_a_form_says_its_mistakes_at_the_top_too() -> None:
    assert '<a href="#id_email">Email</a>: Enter a valid email address.' in Sample({"email": "nobody"}).render()
    assert "form-errors" not in Sample().render()
