"""`GET /api/v1/openapi.json`: the API described for programs (OpenAPI 3.1)."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from otel_eventlog.model import EventLog, OutcomeSource, Phase, Status
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.insight.export import FORMATS
from otel_eventlog_collector.query import (
    FILTER_FIELDS,
    LIMIT_DEFAULT,
    LIMIT_MAX,
    NUMBER_FIELDS,
    RequestState,
)

_INTEGERS = frozenset({"time_unix_nano", "duration_ns", "http_status_code"})
_BOOLEANS = frozenset({"trace_sampled", "clock_skewed"})
_REQUIRED = frozenset(
    {"event_id", "request_id", "phase", "action", "status", "time", "time_unix_nano"}
    | {"clock_skewed", "attributes"}
)
_ENUMS: dict[str, list[str]] = {
    "status": list(Status),
    "phase": list(Phase),
    "outcome_source": list(OutcomeSource),
}


@cache
def document() -> dict[str, Any]:
    """Return the description of the API."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "otel-eventlog collector",
            "version": version("otel-eventlog-collector"),
            "description": "Event logs of authentication calls: search, follow, count, export.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"bearer": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "EventLog": _event_schema(),
                "Request": _request_schema(),
                "Error": _error_schema(),
            },
        },
    }


def _paths() -> dict[str, Any]:
    window = [_SINCE, _UNTIL, _Q]
    page = [*window, _ORDER, _LIMIT, _CURSOR]
    filters = _filters()
    event, request = _ref("EventLog"), _ref("Request")
    return {
        "/api/v1/events": _get(
            "Event logs, newest first", [*filters, *page], _page_of("events", event)
        ),
        "/api/v1/events/{event_id}": _get(
            "One event log", [_path("event_id")], _object({"event": event}), missing=True
        ),
        "/api/v1/events/stream": _get(
            "Event logs as they are committed (server-sent events)",
            [*filters, *window, _LAST_EVENT_ID],
            {"type": "string"},
            media_type="text/event-stream",
        ),
        "/api/v1/requests": _get(
            "Requests: a start and an outcome each",
            [*filters, *page, _STATE],
            _page_of("requests", request),
        ),
        "/api/v1/requests/{request_id}": _get(
            "One request, why it ended so, and its neighbours in the trace",
            [_path("request_id")],
            _object({"request": request}),
            missing=True,
        ),
        "/api/v1/histogram": _get(
            "Counts by status over time",
            [*filters, *window, _BUCKET],
            _object({"buckets": _array({"type": "object"}), "bucket_ns": {"type": "integer"}}),
        ),
        "/api/v1/facets": _get(
            "The most frequent values of fields",
            [*filters, *window, _FIELD, _LIMIT],
            _object({"facets": {"type": "object"}}),
        ),
        "/api/v1/actions": _get(
            "Actions with their counts, rates, durations and reasons",
            [*filters, *window, _BUCKET],
            _object({"actions": _array({"type": "object"}), "bucket_ns": {"type": "integer"}}),
        ),
        "/api/v1/export": _get(
            "Everything that passes the filters, streamed",
            [*filters, *window, _ORDER, _FORMAT],
            {"type": "string"},
            media_type="application/x-ndjson",
        ),
        "/api/v1/status": _get("The collector's own state", [], {"type": "object"}),
    }


def _get(
    summary: str,
    parameters: list[dict[str, Any]],
    schema: dict[str, Any],
    *,
    media_type: str = "application/json",
    missing: bool = False,
) -> dict[str, Any]:
    content = {media_type: {"schema": schema}}
    if media_type == "application/x-ndjson":
        content["text/csv"] = {"schema": schema}
    wrong = {"description": "Error", "content": {"application/json": {"schema": _ref("Error")}}}
    codes = ["400", "401", "403", "421", "429", "500", "503"] + (["404"] if missing else [])
    responses = {"200": {"description": summary, "content": content}}
    return {
        "get": {
            "summary": summary,
            "parameters": parameters,
            "responses": {**responses, **dict.fromkeys(sorted(codes), wrong)},
        }
    }


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


_TEXT = {"type": "string"}
_SINCE = _parameter("since", "Earliest time, inclusive: RFC 3339, -15m, now", _TEXT)
_UNTIL = _parameter("until", "Latest time, exclusive: RFC 3339, -15m, now", _TEXT)
_Q = _parameter("q", 'Search: key:value -key:value "free text"', _TEXT)
_ORDER = _parameter("order", "Newest or oldest first", {"enum": ["desc", "asc"]})
_LIMIT = _parameter(
    "limit",
    "How many at most",
    {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT},
)
_CURSOR = _parameter("cursor", "next_cursor of the page before", _TEXT)
_STATE = _parameter("state", "State of the request", {"enum": list(RequestState)})
_BUCKET = _parameter("bucket", "Width of a slice, e.g. 5m; absent = some sixty slices", _TEXT)
_FORMAT = _parameter("format", "File format", {"enum": list(FORMATS), "default": "jsonl"})
_FIELD = _parameter(
    "field", "Whose values to count; may be repeated", {"enum": list(FILTER_FIELDS)}
)
_LAST_EVENT_ID = _parameter("last_event_id", "As the header Last-Event-ID: go on from there", _TEXT)


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {**_TEXT, "format": "uuid"}}


def _filters() -> list[dict[str, Any]]:
    found = []
    for name in FILTER_FIELDS:
        item = {"type": "integer"} if name in NUMBER_FIELDS else _TEXT
        for suffix, meaning in (("", "Equals"), ("!", "Does not equal")):
            found.append(
                {
                    **_parameter(name + suffix, f"{meaning}; may be repeated", _array(item)),
                    "style": "form",
                    "explode": True,
                }
            )
    return found


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _array(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"ok": {"const": True}, **properties},
        "required": ["ok", *properties],
    }


def _page_of(name: str, item: dict[str, Any]) -> dict[str, Any]:
    return _object({name: _array(item), "next_cursor": {"type": ["string", "null"]}})


def _event_schema() -> dict[str, Any]:
    fields = event_json(EventLog(Status.START, "", 0, 0, 0))
    return {
        "type": "object",
        "properties": {name: _field_schema(name) for name in fields},
        "required": list(fields),
    }


def _field_schema(name: str) -> dict[str, Any]:
    kind = "integer" if name in _INTEGERS else "boolean" if name in _BOOLEANS else "string"
    if name == "attributes":
        return {"type": "object"}
    schema: dict[str, Any] = {"type": kind if name in _REQUIRED else [kind, "null"]}
    if name in _ENUMS:
        schema["enum"] = [*_ENUMS[name], *([] if name in _REQUIRED else [None])]
    return schema


def _request_schema() -> dict[str, Any]:
    half = {"oneOf": [_ref("EventLog"), {"type": "null"}]}
    return {
        "type": "object",
        "properties": {
            "request_id": {**_TEXT, "format": "uuid"},
            "state": {"enum": list(RequestState)},
            "start": half,
            "outcome": half,
            "duration_ns": {"type": ["integer", "null"]},
        },
        "required": ["request_id", "state", "start", "outcome", "duration_ns"],
    }


def _error_schema() -> dict[str, Any]:
    mistake = {"type": "object", "properties": {"field": _TEXT, "message": _TEXT}}
    return {
        "type": "object",
        "properties": {
            "ok": {"const": False},
            "error": _TEXT,
            "errors": _array(mistake),
            "status": {"type": "integer"},
        },
        "required": ["ok", "error", "errors", "status"],
    }
