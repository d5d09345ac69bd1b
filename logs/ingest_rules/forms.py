"""What developers enter as ingest rules."""

from __future__ import annotations

from typing import Any

from django import forms

from logs.ingest_rules.builtin import BUILT_IN
from logs.ingest_rules.rules import (
    LONGEST_NAME,
    LONGEST_PATTERN,
    LONGEST_TEXT,
    MOST_KEEP_RULES,
    MOST_PATTERNS,
    ONE_IN,
    IngestRules,
    KeepRule,
    OwnPattern,
    PatternError,
    check_steps,
    compile_pattern,
)
from logs.models import Level

_EMPTY_ROWS = 2
_KEPT = [("", "keep all"), *((str(each), f"keep 1 in {each:,}" if each else "drop all") for each in reversed(ONE_IN))]


class IngestRulesForm(forms.Form):
    """The rules of one service; `rules` is what a valid form says. Rows of sampling rules are `rows`."""

    built_in = forms.MultipleChoiceField(
        label="Scrub",
        required=False,
        choices=[(each.name, f"{each.label}: {each.example}") for each in BUILT_IN],
        widget=forms.CheckboxSelectMultiple,
    )
    own = forms.CharField(
        label="Own patterns",
        required=False,
        max_length=MOST_PATTERNS * (LONGEST_NAME + LONGEST_PATTERN + 10),
        widget=forms.Textarea(
            attrs={"rows": 4, "spellcheck": "false", "class": "mono", "placeholder": "customer = cus_[0-9A-Za-z]{14}"}
        ),
        help_text=f"One per line, {MOST_PATTERNS} at most: a name, = and a regular expression in RE2's syntax.",
    )

    def __init__(self, *args: Any, rules: IngestRules, **kwargs: Any) -> None:
        own = "\n".join(f"{each.name} = {each.pattern}" for each in rules.own)
        kwargs["initial"] = {"built_in": list(rules.built_in), "own": own}
        super().__init__(*args, **kwargs)
        shown = min(len(rules.keep) + _EMPTY_ROWS, MOST_KEEP_RULES)
        for number in range(MOST_KEEP_RULES if self.is_bound else shown):
            self._add_row(number, rules.keep[number] if number < len(rules.keep) else None)

    def _add_row(self, number: int, rule: KeepRule | None) -> None:
        levels = [("", "any level"), *((each, each) for each in Level.values)]
        for name, field, value in (
            ("level", forms.ChoiceField(choices=levels, required=False), rule and rule.level),
            ("text", forms.CharField(required=False, max_length=LONGEST_TEXT, strip=False), rule and rule.text),
            ("one_in", forms.ChoiceField(choices=_KEPT, required=False), rule and str(rule.one_in)),
        ):
            field.widget.attrs["class"] = "input input--auto"
            self.fields[f"{name}_{number}"] = field
            self.initial[f"{name}_{number}"] = value or ""

    @property
    def rows(self) -> list[tuple[forms.BoundField, forms.BoundField, forms.BoundField]]:
        """The fields of each sampling rule; of a form that was sent, those that say something and some empty ones."""
        numbers = [n for n in range(MOST_KEEP_RULES) if f"level_{n}" in self.fields]
        used = max((n + 1 for n in numbers if self[f"one_in_{n}"].value() or self[f"text_{n}"].value()), default=0)
        return [(self[f"level_{n}"], self[f"text_{n}"], self[f"one_in_{n}"]) for n in numbers[: used + _EMPTY_ROWS]]

    def clean_own(self) -> tuple[OwnPattern, ...]:
        """Read the lines, and compile each pattern."""
        lines = [line.strip() for line in self.cleaned_data["own"].splitlines() if line.strip()]
        if len(lines) > MOST_PATTERNS:
            raise forms.ValidationError(f"{MOST_PATTERNS} patterns at most.")
        patterns = tuple(map(_own_pattern, lines))
        try:
            check_steps(patterns)
        except PatternError as error:
            raise forms.ValidationError(str(error)) from error
        return patterns

    def clean(self) -> dict[str, Any]:
        """Read the sampling rules."""
        given = super().clean() or {}
        keep = []
        for number in range(MOST_KEEP_RULES):
            level, text, one_in = (given.get(f"{name}_{number}", "") for name in ("level", "text", "one_in"))
            if not one_in:
                continue
            if not (level or text):
                self.add_error(f"text_{number}", "Choose a level or enter a text: this would meet every log.")
                continue
            keep.append(KeepRule(level, text, int(one_in)))
        own = given.get("own")
        self.rules = IngestRules(tuple(given.get("built_in") or ()), own if isinstance(own, tuple) else (), tuple(keep))
        return given


def _own_pattern(line: str) -> OwnPattern:
    name, _, pattern = (part.strip() for part in line.partition("="))
    if not name or not pattern or len(name) > LONGEST_NAME or not name.isprintable() or set(name) & set('\\"\0'):
        raise forms.ValidationError(
            f"“{line[:60]}”: write a name of at most {LONGEST_NAME} characters, = and a pattern."
        )
    try:
        compile_pattern(pattern)
    except PatternError as error:
        raise forms.ValidationError(f"{name}: {error}") from error
    return OwnPattern(name, pattern)
