"""OTLP protobuf → spans and event logs, each record parsed alone from the walk's offsets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from otel_eventlog.model import Attributes, AttributeValue, EventLog, SpanData, SpanEvent
from otel_eventlog.semconv import EVENT_NAMES, EXCEPTION_EVENT
from otel_eventlog.wire import WireRecord
from otel_eventlog_collector.errors import PermanentError
from otel_eventlog_collector.limits import (
    ATTRIBUTE_BYTES_MAX,
    ATTRIBUTE_CHARS_MAX,
    ATTRIBUTES_PER_RECORD_MAX,
    EVENTS_PER_SPAN_MAX,
    EXCEPTIONS_PER_SPAN_MAX,
    FIELDS_PER_RECORD_MAX,
    RECORD_BYTES_UNCOUNTED_MAX,
    VALUE_DEPTH_MAX,
)
from otel_eventlog_collector.otlp import shallow
from otel_eventlog_collector.otlp.assemble import (
    AttributeBudget,
    LogBatch,
    SpanBatch,
    event_log_from,
)
from otel_eventlog_collector.otlp.records import (
    DecodedEventLogs,
    DecodedSpans,
    Reason,
    RecordError,
    Value,
    Wanted,
    attribute_value,
    check_times,
    float_value,
    known_number,
    text_value,
)
from otel_eventlog_collector.otlp.walk import count_fields, walk

_TRACE_ID_BYTES = 16
_SPAN_ID_BYTES = 8
_KIND_MAX = 5
_STATUS_MAX = 2
_CACHED_ATTRIBUTE_BYTES_MAX = 128
_CACHED_ATTRIBUTES_MAX = 8192
_EXCEPTION_BYTES = EXCEPTION_EVENT.encode()
_UTF8_BYTES_PER_CHAR_MAX = 4


def decode_traces_protobuf(body: bytes, wanted: Wanted | None = None) -> DecodedSpans:
    """Return the spans of an ExportTraceServiceRequest.

    Args:
        body: the message, decompressed.
        wanted: leave out (accepted, not rejected) the spans for which this is false.

    Raises:
        PermanentError: the body is no such message, or over a limit.

    """
    outline = walk(body)
    batch = SpanBatch(outline.records, wanted)
    budget = AttributeBudget()
    for group in outline.resources:
        resource = _resource(group.resource, budget)
        for scope in group.scopes:
            name = _scope_name(scope.scope)
            for start, end in scope.records:
                try:
                    if resource is None or name is None:
                        raise RecordError(Reason.MALFORMED)  # noqa: TRY301 - one place counts
                    batch.add(_span(body[start:end], resource, name, batch, budget))
                except (DecodeError, RecordError) as error:
                    batch.reject(error)
    return batch.result()


def decode_logs_protobuf(body: bytes) -> DecodedEventLogs:
    """Return the event logs of an ExportLogsServiceRequest; other log records are only counted.

    Raises:
        PermanentError: the body is no such message, or over a limit.

    """
    outline = walk(body)
    batch = LogBatch(outline.records)
    budget = AttributeBudget()
    for group in outline.resources:
        resource = _resource(group.resource, budget)
        for scope in group.scopes:
            for start, end in scope.records:
                try:
                    batch.add(_event_log(body[start:end], resource, budget))
                except (DecodeError, RecordError) as error:
                    batch.reject(error)
    return batch.result()


def _span(
    data: bytes, resource: Attributes, scope_name: str, batch: SpanBatch, budget: AttributeBudget
) -> SpanData | None:
    """Return one span, None if it is valid and nobody wants it."""
    span = _parse(shallow.Span, data)
    ids = _ids(span.trace_id, span.span_id, span.parent_span_id)
    start, end = check_times(span.start_time_unix_nano, span.end_time_unix_nano)
    kind = known_number(span.kind, _KIND_MAX)
    attributes = _attributes(span.attributes, budget)
    if not batch.wants(kind, attributes, scope_name):
        return None
    status = span.status
    return SpanData(
        *ids,
        name=text_value(span.name),
        kind=kind,
        start_unix_nano=start,
        end_unix_nano=end,
        attributes=attributes,
        resource=resource,
        scope_name=scope_name,
        span_status=known_number(status.code, _STATUS_MAX),
        span_status_message=text_value(status.message),
        events=_exceptions(span.events, budget) if span.events else (),
        trace_sampled=True,
    )


def _event_log(
    data: bytes, resource: Attributes | None, budget: AttributeBudget
) -> EventLog | None:
    """Return one event log, None for a log record that is none of ours."""
    record = _parse(shallow.LogRecord, data)
    if record.event_name not in EVENT_NAMES:
        return None
    if resource is None:
        raise RecordError(Reason.MALFORMED)
    trace_id, span_id, _ = _ids(record.trace_id, record.span_id, b"", trace_optional=True)
    wire_record = WireRecord(
        event_name=record.event_name,
        time_unix_nano=record.time_unix_nano or record.observed_time_unix_nano,
        observed_unix_nano=record.observed_time_unix_nano,
        trace_id=trace_id,
        span_id=span_id,
        flags=record.flags & 0xFF,
        severity_number=record.severity_number,
        severity_text=text_value(record.severity_text),
        body=_body(record.body),
        attributes=dict(_values(record.attributes, budget)),
    )
    return event_log_from(wire_record, resource)


def _parse(message: Any, data: bytes) -> Any:
    """Parse one message; the fields of a large one are counted before."""
    if len(data) > RECORD_BYTES_UNCOUNTED_MAX:
        try:
            bounded = count_fields(data, FIELDS_PER_RECORD_MAX)
        except PermanentError:
            raise RecordError(Reason.MALFORMED) from None
        if not bounded:
            raise RecordError(Reason.TOO_LARGE)
    return message.FromString(data)


def _resource(data: bytes, budget: AttributeBudget) -> Attributes | None:
    """Return a resource's attributes, None if it is malformed: its records are rejected then."""
    try:
        return _attributes(_parse(shallow.Resource, data).attributes, budget)
    except (DecodeError, RecordError):
        return None


def _scope_name(data: bytes) -> str | None:
    try:
        return text_value(_parse(shallow.Scope, data).name)
    except (DecodeError, RecordError):
        return None


def _ids(
    trace_id: bytes, span_id: bytes, parent_span_id: bytes, *, trace_optional: bool = False
) -> tuple[int, int, int]:
    trace = int.from_bytes(trace_id)
    span = int.from_bytes(span_id)
    if (trace_id and len(trace_id) != _TRACE_ID_BYTES) or not (trace or trace_optional):
        raise RecordError(Reason.TRACE_ID)
    if not span or len(span_id) != _SPAN_ID_BYTES:
        raise RecordError(Reason.SPAN_ID)
    if parent_span_id and len(parent_span_id) != _SPAN_ID_BYTES:
        raise RecordError(Reason.PARENT_SPAN_ID)
    return trace, span, int.from_bytes(parent_span_id)


def _exceptions(events: Sequence[bytes], budget: AttributeBudget) -> tuple[SpanEvent, ...]:
    """Return the exception events among the last events of a span."""
    found = [data for data in events[-EVENTS_PER_SPAN_MAX:] if _EXCEPTION_BYTES in data]
    parsed = (_parse(shallow.SpanEvent, data) for data in found[-EXCEPTIONS_PER_SPAN_MAX:])
    return tuple(
        SpanEvent(EXCEPTION_EVENT, _attributes(event.attributes, budget))
        for event in parsed
        if event.name == EXCEPTION_EVENT
    )


def _attributes(slices: Sequence[bytes], budget: AttributeBudget) -> dict[str, AttributeValue]:
    """Return scalar and array attributes; of a repeated key the last one holds."""
    attributes: dict[str, AttributeValue] = {}
    for key, value in _values(slices, budget):
        kept = attribute_value(value)
        if kept is not None:
            attributes[key] = kept
    return attributes


def _values(slices: Sequence[bytes], budget: AttributeBudget) -> list[tuple[str, Value]]:
    if len(slices) > ATTRIBUTES_PER_RECORD_MAX:
        raise RecordError(Reason.TOO_MANY_ATTRIBUTES)
    budget.spend(len(slices))
    return [
        _cached_key_value(data) if len(data) <= _CACHED_ATTRIBUTE_BYTES_MAX else _key_value(data)
        for data in slices
    ]


def _key_value(data: bytes) -> tuple[str, Value]:
    if len(data) > ATTRIBUTE_BYTES_MAX:
        return _large_key_value(data)
    pair = KeyValue.FromString(data)
    return text_value(pair.key), _value(pair.value, 1)


# Service names, methods, routes and user agents come again and again: a look-up by their encoded
# bytes is five times cheaper than parsing. Cached values are shared: nobody may change them.
_cached_key_value = lru_cache(_CACHED_ATTRIBUTES_MAX)(_key_value)


def _large_key_value(data: bytes) -> tuple[str, Value]:
    pair = shallow.KeyValue.FromString(data)
    large = shallow.LargeValue.FromString(pair.value)
    text = large.string_value[: ATTRIBUTE_CHARS_MAX * _UTF8_BYTES_PER_CHAR_MAX]
    return text_value(pair.key), text_value(text.decode("utf-8", "ignore")) if text else None


def _value(any_value: AnyValue, depth: int) -> Value:
    if depth > VALUE_DEPTH_MAX:
        raise RecordError(Reason.TOO_DEEP)
    which = any_value.WhichOneof("value")
    read = _VALUES.get(which) if which is not None else None
    # None: bytes, nothing, or a kind of value that came after this program was written.
    return None if read is None else read(any_value, depth)


_VALUES: Mapping[str, Callable[[AnyValue, int], Value]] = {
    "string_value": lambda value, _depth: text_value(value.string_value),
    "bool_value": lambda value, _depth: value.bool_value,
    "int_value": lambda value, _depth: value.int_value,
    "double_value": lambda value, _depth: float_value(value.double_value),
    "array_value": lambda value, depth: [
        _value(item, depth + 1) for item in value.array_value.values
    ],
    "kvlist_value": lambda value, depth: {
        text_value(pair.key): _value(pair.value, depth + 1) for pair in value.kvlist_value.values
    },
}


def _body(data: bytes) -> str:
    """Return a record's body if it is text of a sane size; ours always is."""
    if len(data) > ATTRIBUTE_BYTES_MAX:
        return ""
    return text_value(AnyValue.FromString(data).string_value)
