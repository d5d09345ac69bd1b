"""API keys that come in an address: taken out of it before anything can write it down.

Some clients can send no header of their own. Access logs, error reports and our own log lines are made of the request's
META, so the key moves from the address to an entry of META's that nothing prints.
"""

from __future__ import annotations

import re

from django.http import HttpRequest

from pulseops.core.config.masking import MASK, mask_keys

KEY_OF_URL = "pulseops.key_of_url"
_KEY = re.compile(r"pol_[0-9A-Za-z]{1,200}")
_ADDRESSES = ("RAW_URI", "REQUEST_URI", "QUERY_STRING", "PATH_INFO")


def hide_key_of_url(request: HttpRequest) -> None:
    """Move the first key of the request's address, if there is one, to META[KEY_OF_URL]."""
    meta = request.META
    if "pol_" not in meta.get("QUERY_STRING", "") and "pol_" not in request.path_info:
        return
    match = _KEY.search(meta.get("QUERY_STRING", "")) or _KEY.search(request.path_info)
    if match is None:
        return
    meta[KEY_OF_URL] = match[0]
    for name in _ADDRESSES:
        if name in meta:
            meta[name] = _KEY.sub(MASK, meta[name])
    request.path_info = _KEY.sub(MASK, request.path_info)
    request.path = _KEY.sub(MASK, request.path)


def mask_whole_keys(request: HttpRequest) -> None:
    """Keep keys that were sent to a page by mistake out of the access log; the page itself sees what was sent."""
    for name in ("RAW_URI", "REQUEST_URI"):
        if "pol_" in request.META.get(name, ""):
            request.META[name] = mask_keys(request.META[name])
