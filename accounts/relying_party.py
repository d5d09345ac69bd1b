"""Who asks for passkeys: the host of PUBLIC_URL, to which browsers bind them (https://www.w3.org/TR/webauthn-3/)."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings

_USUAL_PORTS = {"https": 443, "http": 80}


def relying_party_id() -> str:
    """Return the host that passkeys are for."""
    return urlsplit(settings.PUBLIC_URL).hostname or ""


def relying_party_origin() -> str:
    """Return the only origin whose pages may use them, as browsers spell it: another host of the domain may not."""
    url = urlsplit(settings.PUBLIC_URL)
    port = "" if url.port in {None, _USUAL_PORTS.get(url.scheme)} else f":{url.port}"
    return f"{url.scheme}://{relying_party_id()}{port}"


def offers_passkeys() -> bool:
    """Return whether browsers know passkeys at PUBLIC_URL: with https and a name, or on this machine for trying."""
    host = relying_party_id()
    return host == "localhost" or (urlsplit(settings.PUBLIC_URL).scheme == "https" and not _is_address(host))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
