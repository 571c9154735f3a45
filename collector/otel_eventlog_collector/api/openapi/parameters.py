"""The parameters of the API, described. What they mean is in `query_parse`."""

from __future__ import annotations

from typing import Any

from otel_eventlog.model import OutcomeSource, Phase, Status
from otel_eventlog_collector.insight.export import FORMATS
from otel_eventlog_collector.insight.views import FACET_VALUES_DEFAULT, FACET_VALUES_MAX
from otel_eventlog_collector.query import (
    FILTER_FIELDS,
    LIMIT_DEFAULT,
    LIMIT_MAX,
    NUMBER_FIELDS,
    RequestState,
)
from otel_eventlog_collector.query_parse import Q_CHARS_MAX, VALUE_CHARS_MAX
from otel_eventlog_collector.query_parse.times import DURATION_HELP, TIME_HELP

_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_TIME = {
    "type": "string",
    "description": TIME_HELP,
    "examples": ["2026-11-23T10:42:00Z", "-15m", "now"],
    "pattern": (
        r"^(now|-[0-9]{1,4}(s|m|h|d|w)|[0-9]{16,18}"
        r"|20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
        r"(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]0[0-9]:[0-5][0-9]))?)$"
    ),
}
_CHOICES: dict[str, list[str]] = {
    "status": list(Status),
    "phase": list(Phase),
    "outcome_source": list(OutcomeSource),
}


def parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return a query parameter."""
    return {"name": name, "in": "query", "description": description, "schema": schema}


SINCE = parameter("since", "Earliest time, inclusive.", _TIME)
UNTIL = parameter("until", "Latest time, exclusive.", _TIME)
Q = parameter(
    "q",
    'Search: key:value -key:value "free text" (docs/api.md).',
    {"type": "string", "maxLength": Q_CHARS_MAX},
)
ORDER = parameter(
    "order",
    "Newest first or oldest first, by time, then by event id.",
    {"type": "string", "enum": ["desc", "asc"]},
)
CURSOR = parameter(
    "cursor",
    "next_cursor of the page before, unchanged.",
    {"type": "string", "pattern": "^[A-Za-f][A-Za-z0-9_-]{31}$"},
)
STATE = parameter("state", "State of the request.", {"type": "string", "enum": list(RequestState)})
BUCKET = parameter(
    "bucket",
    f"Width of a slice; absent = some sixty slices. {DURATION_HELP}",
    {"type": "string", "pattern": "^[1-9][0-9]{0,3}(s|m|h|d|w)$"},
)
FIELD = parameter(
    "field",
    "Whose values to count; may be repeated.",
    {"type": "array", "items": {"type": "string", "enum": list(FILTER_FIELDS)}},
)
FORMAT = parameter(
    "format", "File format.", {"type": "string", "enum": list(FORMATS), "default": "jsonl"}
)
AFTER = parameter(
    "after",
    "Event id of the last event log you have: go on after it.",
    {"type": "string", "pattern": _UUID},
)
FORCE = parameter(
    "force",
    "The machine's clock is right, though it jumped: remove after all.",
    {"type": "string", "enum": ["true", "false"]},
)
LAST_EVENT_ID = parameter(
    "last_event_id", "As the header Last-Event-ID: go on from there.", {"type": "string"}
)
WINDOW = [SINCE, UNTIL, Q]


def limit(default: int = LIMIT_DEFAULT, largest: int = LIMIT_MAX) -> dict[str, Any]:
    """Return the parameter that bounds an answer."""
    schema = {"type": "integer", "minimum": 1, "maximum": largest, "default": default}
    return parameter("limit", "How many at most.", schema)


PAGE = [*WINDOW, ORDER, limit(), CURSOR]
FACET_LIMIT = limit(FACET_VALUES_DEFAULT, FACET_VALUES_MAX)


def uuid_path(name: str) -> dict[str, Any]:
    """Return a path parameter that is an id."""
    return _path(name, {"type": "string", "format": "uuid", "pattern": _UUID})


def text_path(name: str) -> dict[str, Any]:
    """Return a path parameter that is any text."""
    return _path(name, {"type": "string", "minLength": 1, "maxLength": 1024})


def _path(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def filters() -> list[dict[str, Any]]:
    """Return two parameters for each filter: equals, and does not equal."""
    found = []
    for name in FILTER_FIELDS:
        for suffix, meaning in (("", "Equals"), ("!", "Does not equal")):
            schema = {"type": "array", "items": _value(name), "maxItems": 20}
            about = f"{meaning}; may be repeated; * at the end means begins with."
            found.append(
                {**parameter(name + suffix, about, schema), "style": "form", "explode": True}
            )
    return found


def _value(name: str) -> dict[str, Any]:
    if name in NUMBER_FIELDS:
        return {"type": "string", "pattern": r"^([0-9]{1,3}|\*)$"}
    if name in _CHOICES:
        return {"type": "string", "enum": [*_CHOICES[name], "*"]}
    return {"type": "string", "minLength": 1, "maxLength": VALUE_CHARS_MAX}
