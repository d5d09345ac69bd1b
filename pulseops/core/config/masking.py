"""What no log line may hold: API keys, wherever they were written."""

from __future__ import annotations

import re

MASK = "pol_hidden"
_WHOLE_KEY = re.compile(r"pol_[0-9a-f]{64}")


def mask_keys(text: str) -> str:
    """Return `text` with every API key in it made unreadable."""
    return _WHOLE_KEY.sub(MASK, text) if "pol_" in text else text
