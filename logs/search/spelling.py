"""What someone probably meant who wrote a name that no one has."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

_LONGEST, _MOST = 60, 300  # characters of a name, names: comparing two costs the square of their length


def closest(word: str, names: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the one of `names` that is most like `word`, None if none is like it by `cutoff` (0 to 1)."""
    if len(word) > _LONGEST:
        return None
    short = islice((name for name in names if len(name) <= _LONGEST), _MOST)
    return next(iter(difflib.get_close_matches(word, short, n=1, cutoff=cutoff)), None)
