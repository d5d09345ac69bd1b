"""The state of a page as one short text, for its forms: a query of four thousand characters is not said in each."""

from __future__ import annotations

import binascii
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from urllib.parse import urlencode

from django.core.exceptions import SuspiciousOperation
from django.http import QueryDict

PAGE = "page"
_MOST = 128 * 1024  # bytes of an address


def packed(parameters: Mapping[str, str]) -> str:
    """Return the parameters of a page as `unpacked` reads them."""
    return urlsafe_b64encode(zlib.compress(urlencode(parameters).encode())).decode()


def unpacked(text: str) -> QueryDict:
    """Return the parameters that `packed` wrote; none where the text is not of its making."""
    try:
        said = zlib.decompressobj().decompress(urlsafe_b64decode(text), _MOST)
        return QueryDict(said)
    except (ValueError, binascii.Error, zlib.error, SuspiciousOperation):
        return QueryDict()


def with_page(given: QueryDict) -> QueryDict:
    """Return what a form says of a page: what it carries along of the page it stands on, and its own fields."""
    if PAGE not in given:
        return given
    result = unpacked(given.get(PAGE, "")).copy()
    for name in given:
        if name != PAGE:
            result[name] = given.get(name, "")
    return result
