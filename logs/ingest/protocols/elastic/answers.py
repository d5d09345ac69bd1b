"""What Elasticsearch's clients read: the product's header on each answer, its shape of errors, its constants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse

from logs.ingest.protocols.base import status_response
from pulseops.core.web.json_errors import STATUS, ApiError

_VERSION = (8, 19, 0)
# Beats refuse a server that is older than they are.
_CLIENT = re.compile(r"(?:Elastic-[A-Za-z]{1,30}|Filebeat|Metricbeat)/(\d{1,3})\.(\d{1,3})\.(\d{1,3})")
_COMPATIBLE = re.compile(r"application/vnd\.elasticsearch\+json;\s*compatible-with=(\d{1,2})")
_TYPES = {
    "UNAUTHORIZED": "security_exception",
    "FORBIDDEN": "security_exception",
    "NOT_FOUND": "resource_not_found_exception",
}
ACKNOWLEDGED = {"acknowledged": True}
SHARDS = {"_shards": {"total": 1, "successful": 1, "failed": 0}}
LICENSE = {
    "license": {
        "uid": "00000000-0000-0000-0000-000000000000",
        "type": "basic",
        "status": "active",
        "expiry_date_in_millis": 4_000_000_000_000,
    }
}
HEALTH = {
    "cluster_name": "pulseops",
    "status": "green",
    "timed_out": False,
    "number_of_nodes": 1,
    "number_of_data_nodes": 1,
    "active_primary_shards": 1,
    "active_shards": 1,
    "relocating_shards": 0,
    "initializing_shards": 0,
    "unassigned_shards": 0,
}
# No addresses: a client that looks for nodes would go past the proxy.
NODES = {"_nodes": {"total": 0, "successful": 0, "failed": 0}, "cluster_name": "pulseops", "nodes": {}}


def root(request: HttpRequest) -> dict[str, Any]:
    """Return what a cluster says of itself, as new as the client that asks."""
    match = _CLIENT.search(request.META.get("HTTP_USER_AGENT", "")[:400])
    version = max(_VERSION, tuple(map(int, match.groups()))) if match else _VERSION
    return {
        "name": "pulseops",
        "cluster_name": "pulseops",
        "cluster_uuid": "AAAAAAAAAAAAAAAAAAAAAA",
        "version": {
            "number": ".".join(map(str, version)),
            "build_flavor": "default",
            "build_type": "docker",
            "build_hash": "0" * 40,
            "build_date": "2025-01-01T00:00:00.000000000Z",
            "build_snapshot": False,
            "lucene_version": "9.12.0",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    }


def elastic_response(request: HttpRequest, body: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
    """Build an answer, of the type that the client accepts."""
    response = HttpResponse(msgspec.json.encode(body), content_type=_content_type(request), status=status)
    response["X-Elastic-Product"] = "Elasticsearch"
    return response


def elastic_error(error: ApiError, request: HttpRequest) -> HttpResponse:
    """Build the answer to what is refused as a whole."""
    status = STATUS[error.code]
    cause = {"type": _TYPES.get(error.code, "illegal_argument_exception"), "reason": error.message}
    body = {"error": {"root_cause": [cause], **cause}, "status": status}
    response = status_response(error, msgspec.json.encode(body), _content_type(request))
    response["X-Elastic-Product"] = "Elasticsearch"
    if status == STATUS["UNAUTHORIZED"]:
        response["WWW-Authenticate"] = "ApiKey"
    return response


def _content_type(request: HttpRequest) -> str:
    match = _COMPATIBLE.match(request.META.get("HTTP_ACCEPT", ""))
    return f"application/vnd.elasticsearch+json;compatible-with={match[1]}" if match else "application/json"
