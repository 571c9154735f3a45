"""The objects that the API answers with, described. Fields are only ever added."""

from __future__ import annotations

from typing import Any

from otel_eventlog.model import EventLog, OutcomeSource, Phase, Status
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.query import RequestState

TEXT = {"type": "string"}
INTEGER = {"type": "integer"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_INTEGER_OR_NULL = {"type": ["integer", "null"]}
_UUID = {**TEXT, "format": "uuid"}
_TIME = {**TEXT, "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 0}
_COUNTS = {
    "type": "object",
    "properties": {status.value: _COUNT for status in Status},
    "required": list(Status),
}
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


def ref(name: str) -> dict[str, Any]:
    """Return a reference to one of `schemas`."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(item: dict[str, Any]) -> dict[str, Any]:
    """Return a list of one kind of things."""
    return {"type": "array", "items": item}


def answer(properties: dict[str, Any]) -> dict[str, Any]:
    """Return an answer: an object with `ok` and these."""
    return _object({"ok": {"const": True}, **properties})


def page_of(name: str, item: dict[str, Any]) -> dict[str, Any]:
    """Return a page of things."""
    return answer({name: array(item), "next_cursor": _TEXT_OR_NULL})


def window(properties: dict[str, Any]) -> dict[str, Any]:
    """Return an answer about a stretch of time."""
    ends = {"since": _TIME, "since_unix_nano": INTEGER, "until": _TIME, "until_unix_nano": INTEGER}
    return answer({**ends, **properties, "approximate": {"type": "boolean"}})


def schemas() -> dict[str, Any]:
    """Return the named objects."""
    return {
        "EventLog": _event(),
        "Request": _request(),
        "RequestDetail": _request_detail(),
        "Bucket": _object({"from": _TIME, "from_unix_nano": INTEGER, "counts": _COUNTS}),
        "FacetValue": _object({"value": TEXT, "count": _COUNT}),
        "Action": _action(),
        "Purged": _object(
            {
                "segments": array(TEXT),
                "events": _COUNT,
                "bytes_freed": _COUNT,
                "refused": _TEXT_OR_NULL,
            }
        ),
        "Erased": _object(
            {
                "requests": _COUNT,
                "event_logs": _COUNT,
                "lingering": array(TEXT),
                "unread": array(TEXT),
            }
        ),
        "Imported": _imported(),
        "Rejected": _rejected(),
        "Error": _error(),
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _event() -> dict[str, Any]:
    fields = event_json(EventLog(Status.START, "", 0, 0, 0))
    return _object({name: _field(name) for name in fields})


def _field(name: str) -> dict[str, Any]:
    kind = "integer" if name in _INTEGERS else "boolean" if name in _BOOLEANS else "string"
    if name == "attributes":
        return {"type": "object"}
    schema: dict[str, Any] = {"type": kind if name in _REQUIRED else [kind, "null"]}
    if name in _ENUMS:
        schema["enum"] = [*_ENUMS[name], *([] if name in _REQUIRED else [None])]
    return schema


def _request() -> dict[str, Any]:
    half = {"oneOf": [ref("EventLog"), {"type": "null"}]}
    return _object(
        {
            "request_id": _UUID,
            "state": {"enum": list(RequestState)},
            "action": TEXT,
            "category": _TEXT_OR_NULL,
            "status": {"enum": list(Status)},
            "time": _TIME,
            "time_unix_nano": INTEGER,
            "duration_ns": _INTEGER_OR_NULL,
            "user_id": _TEXT_OR_NULL,
            "organization_id": _TEXT_OR_NULL,
            "service": _TEXT_OR_NULL,
            "error_type": _TEXT_OR_NULL,
            "next_step": _TEXT_OR_NULL,
            "http_status_code": _INTEGER_OR_NULL,
            "trace_id": _TEXT_OR_NULL,
            "start": half,
            "outcome": half,
        }
    )


def _request_detail() -> dict[str, Any]:
    more = _object(
        {
            "why": TEXT,
            "trace_url": _TEXT_OR_NULL,
            "trace_sampled": {"type": ["boolean", "null"]},
            "neighbours": array(ref("Request")),
        }
    )
    return {"allOf": [ref("Request"), more]}


def _action() -> dict[str, Any]:
    rate = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
    return _object(
        {
            "action": TEXT,
            "category": _TEXT_OR_NULL,
            "meaning": _TEXT_OR_NULL,
            **{status.value: _COUNT for status in Status},
            "error_rate": rate,
            "requests": _COUNT,
            "requests_per_min": {"type": ["number", "null"], "minimum": 0},
            "p50_ns": _INTEGER_OR_NULL,
            "p95_ns": _INTEGER_OR_NULL,
            "error_types": array(_object({"value": _TEXT_OR_NULL, "count": _COUNT})),
            "slices": _object({status.value: array(_COUNT) for status in Status}),
        }
    )


def _imported() -> dict[str, Any]:
    counts = ("lines", "stored", "replaced", "duplicates", "conflicts", "outside", "rejected")
    return _object(
        {
            **dict.fromkeys((*counts, "dropped"), _COUNT),
            "reasons": {"type": "object", "additionalProperties": _COUNT},
            "mistakes": array(TEXT),
        }
    )


def _rejected() -> dict[str, Any]:
    return _object(
        {
            "time": _TIME,
            "transport": {"enum": ["http", "grpc"]},
            "signal": TEXT,
            "reason": TEXT,
            "message": TEXT,
            "service": _TEXT_OR_NULL,
            "trace_id": _TEXT_OR_NULL,
            "span_id": _TEXT_OR_NULL,
            "attribute_bytes": {"type": "object", "additionalProperties": _COUNT},
        }
    )


def _error() -> dict[str, Any]:
    return _object(
        {
            "ok": {"const": False},
            "error": TEXT,
            "errors": array(_object({"field": TEXT, "message": TEXT})),
            "status": INTEGER,
        }
    )
