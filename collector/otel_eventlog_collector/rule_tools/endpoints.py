"""What an application serves and calls: from an OpenAPI document, or from spans. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from otel_eventlog import semconv
from otel_eventlog.model import SpanData
from otel_eventlog.request_facts import first, first_text, host, integer, path
from otel_eventlog_collector.rule_tools.conditions import kind_word
from otel_eventlog_collector.rule_tools.suggestions import Endpoint

_METHODS = ("get", "put", "post", "delete", "patch")
_NOT_SERVED = (404, 405)
# What is an id, an address or a token in a path: it differs by request, and is nobody's business.
_VARYING = re.compile(
    r"\d+|[0-9a-f]{8}-[0-9a-f-]{27}|(?=.*\d)[\w.~=-]{16,}|[0-9a-f]{12,}|.*[@%].*|[\w=-]{32,}",
    re.IGNORECASE,
)


def endpoints_of_openapi(text: str) -> list[Endpoint]:
    """Return the endpoints of an OpenAPI document in JSON, under its server's path.

    Raises:
        ValueError: it is none; the text says what to give.

    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON: {error}; YAML has to be converted first") from None
    paths = document.get("paths") if isinstance(document, dict) else None
    if not isinstance(paths, dict):
        raise ValueError("is no OpenAPI document: it has no paths")  # noqa: TRY004 - the one error
    prefix = _prefix(document)
    return [
        Endpoint(method.upper(), prefix + route)
        for route, item in paths.items()
        if isinstance(item, dict)
        for method in _METHODS
        if method in item
    ]


def _prefix(document: dict[str, object]) -> str:
    """Return the path under which everything is: of the first server, or Swagger's basePath."""
    servers = document.get("servers")
    if isinstance(servers, list) and servers and isinstance(servers[0], dict):
        url = str(servers[0].get("url", ""))
        found = urlsplit(url).path if "://" in url else url
    else:
        found = str(document.get("basePath", ""))
    return "" if "{" in found else found.rstrip("/")


def endpoints_of_spans(spans: Iterable[SpanData]) -> Iterator[Endpoint]:
    """Yield what the spans of requests were about: of server and client spans, one each.

    Where there is no route, the path stands for it; segments that look like ids become
    placeholders, so that no token of a path gets into a rule. What was not found is left out.
    """
    for span in spans:
        attributes = span.attributes
        method = first_text(attributes, semconv.HTTP_METHOD)
        kind = kind_word(span.kind)
        if method is None or kind not in ("server", "client"):
            continue
        route, where = first_text(attributes, semconv.HTTP_ROUTE), path(attributes)
        if kind == "client":
            name = host(attributes)
            if where is not None and name is not None:
                yield Endpoint(method, template_of(where), "client", name, seen=1)
        elif integer(first(attributes, semconv.HTTP_STATUS_CODE)) not in _NOT_SERVED:
            found = _server_route(route, where)
            if found is not None:
                yield Endpoint(method, found, seen=1)


def _server_route(route: str | None, where: str | None) -> str | None:
    """Return the route, or the path's template where the route is a mount's beginning only."""
    if where is None or route is None:
        return route if where is None else template_of(where)
    parts, segments = route.strip("/").split("/"), where.strip("/").split("/")
    is_beginning = len(parts) < len(segments) and parts == segments[: len(parts)]
    is_rest = "*" in route or ":path" in route or "path:" in route
    return template_of(where) if is_beginning and not is_rest else route


def template_of(where: str) -> str:
    """Return a path with placeholders for what looks like an id."""
    segments = where.strip("/").split("/")
    return "/" + "/".join("{id}" if _VARYING.fullmatch(part) else part for part in segments)
