"""All below /es: logs come in, and what clients ask before is answered as a cluster that lacks nothing would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from accounts.tenancy import public
from logs.ingest.guards import unavailable
from logs.ingest.pipeline import receive
from logs.ingest.protocols.elastic import answers
from logs.ingest.protocols.elastic.answers import elastic_error, elastic_response
from logs.ingest.protocols.elastic.bulk import BulkProtocol, DocumentProtocol
from pulseops.core.web.json_errors import ApiError
from pulseops.core.web.machine_routes import machine_route, plain_path
from services.authentication import Credential, authenticate
from services.models import ApiKey

_bulk, _document = BulkProtocol(), DocumentProtocol()
_PREFIX = "/es"
_CONSTANTS: Mapping[str, Mapping[str, Any]] = {
    "_license": answers.LICENSE,
    "_xpack": answers.LICENSE,
    "_xpack/license": answers.LICENSE,
    "_cluster/health": answers.HEALTH,
    "_nodes": answers.NODES,
    "_nodes/http": answers.NODES,
    "_nodes/_all/http": answers.NODES,
}
# What clients make before they send: templates, policies, pipelines. Nothing of it is needed.
_SETUP = {"_index_template", "_template", "_data_stream", "_ilm", "_ingest", "_component_template", "_alias"}
_ENGINE = {"_search", "_count", "_cat", "_msearch", "_sql", "_mget", "_update_by_query", "_delete_by_query"}


@public
@machine_route
def elastic(request: HttpRequest) -> HttpResponse:
    """Take in what is sent, answer what is asked."""
    parts = plain_path(request.path_info).removeprefix(_PREFIX).strip("/").split("/")
    if request.method in ("POST", "PUT"):
        if parts[-1] == "_bulk":
            return receive(request, _bulk)
        if len(parts) > 1 and parts[1] in ("_doc", "_create"):
            return receive(request, _document)
    try:
        authenticate(Credential.of(request.META, ApiKey.Scope.LOGS))
    except ApiError as error:
        return elastic_error(error, request)
    except (OperationalError, InterfaceError):
        return elastic_error(unavailable(), request)
    return _probe(request, parts)


def _probe(request: HttpRequest, parts: list[str]) -> HttpResponse:
    path = "/".join(parts)
    if path in _CONSTANTS:
        return elastic_response(request, _CONSTANTS[path])
    if not path:
        return elastic_response(request, answers.root(request))
    if parts[-1] in ("_refresh", "_flush"):
        return elastic_response(request, answers.SHARDS)
    is_engine = _ENGINE & set(parts) or (parts[0].startswith("_") and parts[0] not in _SETUP)
    if is_engine or request.method not in ("GET", "HEAD", "PUT", "POST"):
        return elastic_error(ApiError("NOT_FOUND", "PulseOps takes logs by _bulk; it is not a search engine."), request)
    return elastic_response(request, {} if request.method in ("GET", "HEAD") else answers.ACKNOWLEDGED)
