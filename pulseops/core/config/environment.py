"""Settings from the environment, read strictly: what cannot be used is noted and reported by a system check.

Meanwhile the default stands in its place, so that the check can run at all; no process serves with it.
"""

from __future__ import annotations

import logging
import math
import os
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ

_SWITCHES = {**dict.fromkeys(("1", "true", "yes", "on"), True), **dict.fromkeys(("0", "false", "no", "off"), False)}
_API_KEY = re.compile(r"pol_[0-9a-f]{64}")
_LONGEST_SHOWN = 60  # characters of a wrong value
_POSTGRES = {"postgres", "postgresql", "psql", "pgsql"}
_LEVELS = tuple(logging.getLevelNamesMapping())


@dataclass(frozen=True, slots=True)
class WrongSetting:
    """A variable and what is wrong with it, in a sentence that begins with the variable's name."""

    name: str
    text: str


class Environment:
    """Reads variables, those of the file `dotenv` among them; `wrong` lists what could not be used."""

    def __init__(self, dotenv: Path | None = None) -> None:
        self.wrong: list[WrongSetting] = []
        if dotenv is not None and dotenv.is_file():
            environ.Env.read_env(dotenv, overwrite=False)

    def text(self, name: str, default: str = "") -> str:
        """Return the variable as it stands."""
        return os.environ.get(name, default)

    def words(self, name: str) -> list[str]:
        """Return what stands between commas."""
        return [word.strip() for word in self.text(name).split(",") if word.strip()]

    def path(self, name: str, default: Path) -> Path:
        """Return a path, absolute."""
        return Path(self.text(name) or default).expanduser().absolute()

    def file(self, name: str) -> str:
        """Return the path of a file that can be read, or nothing."""
        value = self.text(name)
        if value and not os.access(value, os.R_OK):
            self._refuse(name, value, "no file that can be read")
        return value

    def switch(self, name: str, default: bool) -> bool:
        """Return True for 1, true, yes or on, False for 0, false, no or off."""
        value = self.text(name).strip()
        if not value:
            return default
        if value.lower() in _SWITCHES:
            return _SWITCHES[value.lower()]
        self._refuse(name, value, "neither 1 nor 0")
        return default

    def whole(self, name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
        """Return a whole number from `least` to `most`."""
        value = self.text(name).strip()
        if not value:
            return default
        try:
            number = int(value)
        except ValueError:
            self._refuse(name, value, "not a whole number")
            return default
        return number if self._is_within(name, number, least, most) else default

    def number(self, name: str, default: float, *, least: float = 0.0) -> float:
        """Return a number of `least` or more."""
        value = self.text(name).strip()
        if not value:
            return default
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self._refuse(name, value, "not a number")
            return default
        return number if self._is_within(name, number, least, None) else default

    def one_of(self, name: str, default: str, known: Collection[str]) -> str:
        """Return one of the `known` words."""
        value = self.text(name) or default
        if value in known:
            return value
        self._refuse(name, value, f"none of {', '.join(known)}")
        return default

    def api_key(self, name: str) -> str:
        """Return an API key of PulseOps, or nothing; a wrong one is not repeated."""
        value = self.text(name).strip()
        if value and not _API_KEY.fullmatch(value):
            self.note(name, f"{name} is not an API key of PulseOps, such as pol_ and 64 digits.")
            return ""
        return value

    def level(self, name: str, default: str) -> str:
        """Return the name of a level of Python's logging, in capitals."""
        value = (self.text(name) or default).upper()
        if value in _LEVELS:
            return value
        self._refuse(name, value, f"none of {', '.join(_LEVELS)}")
        return default

    def url(self, name: str, default: str, schemes: Collection[str]) -> str:
        """Return an address with a host and one of `schemes`."""
        value = self.text(name) or default
        try:
            parts = urlsplit(value)
            is_whole = parts.scheme in schemes and bool(parts.hostname or parts.scheme == "unix") and parts.port != 0
        except ValueError:
            is_whole = False
        if is_whole or not value:
            return value
        self.note(name, f"{name} is not an address such as {next(iter(schemes))}://host.example.com.")
        return default

    def database(self, name: str) -> dict[str, Any]:
        """Return Django's description of the PostgreSQL at the variable's address; the password is never repeated.

        A wrong address gives one where nothing is: what was meant to go there must go nowhere else.
        """
        try:
            parts = urlsplit(self.text(name))
            is_whole = parts.scheme in _POSTGRES and len(parts.path) > 1
            if is_whole:
                result: dict[str, Any] = environ.Env().db_url(name)
                return {**result, "ENGINE": "pulseops.core.external"}
        except (ValueError, environ.ImproperlyConfigured):  # a port that is none, brackets that do not close
            pass
        self.note(name, f"{name} is not an address such as postgresql://user:password@host:5432/name.")
        return {"ENGINE": "pulseops.core.external", "NAME": "nowhere", "HOST": os.devnull}

    def mail(self, name: str) -> dict[str, Any]:
        """Return Django's mail settings for the variable's address."""
        try:
            result: dict[str, Any] = environ.Env().email_url(name)
        except (ValueError, KeyError, environ.ImproperlyConfigured):
            self.note(name, f"{name} is not an address such as smtp+tls://user:password@host:587.")
            return {}
        return result

    def note(self, name: str, text: str) -> None:
        """Note that `name` cannot be used; `text` is a sentence that begins with it and holds no secret."""
        if all(wrong.name != name for wrong in self.wrong):
            self.wrong.append(WrongSetting(name, text))

    def refuse_wrong(self) -> None:
        """End the process, telling what could not be used; for processes that run no system checks."""
        if self.wrong:
            sys.exit("\n".join(f"PulseOps does not start: {wrong.text}" for wrong in self.wrong))

    def _is_within(self, name: str, number: float, least: float, most: float | None) -> bool:
        if number < least:
            self._refuse(name, f"{number:g}", f"less than {least:g}")
        elif most is not None and number > most:
            self._refuse(name, f"{number:g}", f"more than {most:g}")
        else:
            return True
        return False

    def _refuse(self, name: str, value: str, what: str) -> None:
        shown = value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "…"
        self.note(name, f"{name} is “{shown}”, {what}.")


ROOT = Path(__file__).resolve().parents[3]
env = Environment(ROOT / ".env")
