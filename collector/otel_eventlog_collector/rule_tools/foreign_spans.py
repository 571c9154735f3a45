"""Spans in the JSON of others: Jaeger's traces, and the SDK's ConsoleSpanExporter. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_eventlog import semconv
from otel_eventlog.model import (
    Attributes,
    AttributeValue,
    SpanData,
    SpanEvent,
    SpanKind,
    SpanStatus,
)

_NS_PER_US = 1000
_A_TIME_UNIX_NANO = 1_767_225_600_000_000_000
_A_DURATION_NS = 20_000_000
_SCOPE_TAGS = ("otel.scope.name", "otel.library.name")
_KINDS = {kind.name.lower(): kind for kind in SpanKind}
_STATUSES = {status.name: status for status in SpanStatus}


def spans_of_jaeger(trace: Mapping[str, Any]) -> list[SpanData]:
    """Return the spans of one trace of Jaeger's JSON API, or of its user interface's download.

    Raises:
        ValueError: it is none.

    """
    processes = _mapping(trace, "processes")
    return [_of_jaeger(span, processes) for span in _mappings(trace, "spans")]


def _of_jaeger(span: Mapping[str, Any], processes: Mapping[str, Any]) -> SpanData:
    tags = _tags(span, "tags")
    process = processes.get(str(span.get("processID")))
    process = process if isinstance(process, dict) else {}
    resource = _tags(process, "tags") | {"service.name": str(process.get("serviceName", ""))}
    start = _number(span, "startTime") * _NS_PER_US or _A_TIME_UNIX_NANO
    scope = next((str(tags[name]) for name in _SCOPE_TAGS if name in tags), "")
    status = str(tags.get("otel.status_code", "ERROR" if tags.get("error") is True else "UNSET"))
    events = [SpanEvent(str(found.pop("event", "")), found) for found in _logs(span)]
    return SpanData(
        trace_id=_hex(span.get("traceID")),
        span_id=_hex(span.get("spanID")),
        parent_span_id=0,
        name=str(span.get("operationName", "")),
        kind=_KINDS.get(str(tags.get("span.kind", "internal")), SpanKind.UNSPECIFIED),
        start_unix_nano=start,
        end_unix_nano=start + _number(span, "duration") * _NS_PER_US,
        attributes=tags,
        resource=resource,
        scope_name=scope,
        span_status=_STATUSES.get(status, SpanStatus.UNSET),
        span_status_message=str(tags.get("otel.status_description", "")),
        events=[event for event in events if event.name == semconv.EXCEPTION_EVENT],
        trace_sampled=True,
    )


def _logs(span: Mapping[str, Any]) -> list[dict[str, AttributeValue]]:
    return [_tags(log, "fields") for log in _mappings(span, "logs")]


def _tags(owner: Mapping[str, Any], key: str) -> dict[str, AttributeValue]:
    return {
        str(tag.get("key")): tag["value"]
        for tag in _mappings(owner, key)
        if isinstance(tag.get("value"), (str, bool, int, float))
    }


def span_of_console(span: Mapping[str, Any]) -> SpanData:
    """Return a span as the SDK's ConsoleSpanExporter prints it (`ReadableSpan.to_json`).

    Raises:
        ValueError: it is none.

    """
    context, status = _mapping(span, "context"), _mapping(span, "status")
    kind = str(span.get("kind", "")).rpartition(".")[2].lower()
    events = [
        SpanEvent(str(event.get("name", "")), _attributes(event))
        for event in _mappings(span, "events")
    ]
    return SpanData(
        trace_id=_hex(context.get("trace_id")),
        span_id=_hex(context.get("span_id")),
        parent_span_id=0,
        name=str(span.get("name", "")),
        kind=_KINDS.get(kind, SpanKind.UNSPECIFIED),
        start_unix_nano=_A_TIME_UNIX_NANO,
        end_unix_nano=_A_TIME_UNIX_NANO + _A_DURATION_NS,
        attributes=_attributes(span),
        resource=_attributes(_mapping(span, "resource")),
        span_status=_STATUSES.get(str(status.get("status_code", "UNSET")), SpanStatus.UNSET),
        span_status_message=str(status.get("description", "")),
        events=[event for event in events if event.name == semconv.EXCEPTION_EVENT],
        trace_sampled=True,
    )


def _attributes(owner: Mapping[str, Any]) -> Attributes:
    return {
        name: value
        for name, value in _mapping(owner, "attributes").items()
        if isinstance(value, (str, bool, int, float, list))
    }


def _mapping(owner: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = owner.get(key) or {}
    if not isinstance(value, dict):
        raise ValueError(f"is no span: its {key!r} is no JSON object")  # noqa: TRY004 - the one error
    return value


def _mappings(owner: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    values = owner.get(key) or []
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise ValueError(f"is no span: its {key!r} is no list of JSON objects")
    return values


def _number(owner: Mapping[str, Any], key: str) -> int:
    value = owner.get(key)
    return max(int(value), 0) if isinstance(value, int) else 0


def _hex(value: object) -> int:
    try:
        return int(str(value), 16)
    except ValueError:
        return 0
