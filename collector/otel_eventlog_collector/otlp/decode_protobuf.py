"""OTLP protobuf → spans and event logs, each record parsed alone from the walk's offsets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from otel_eventlog.model import Attributes, AttributeValue, EventLog, SpanData, SpanEvent
from otel_eventlog.semconv import EVENT_NAMES, EXCEPTION_EVENT
from otel_eventlog.wire import WireRecord
from otel_eventlog_collector.errors import PermanentError
from otel_eventlog_collector.limits import (
    ATTRIBUTE_BYTES_MAX,
    EVENTS_PER_SPAN_MAX,
    EXCEPTIONS_PER_SPAN_MAX,
    FIELDS_PER_RECORD_MAX,
    RECORD_BYTES_UNCOUNTED_MAX,
)
from otel_eventlog_collector.otlp import shallow
from otel_eventlog_collector.otlp.assemble import (
    AttributeBudget,
    LogBatch,
    SpanBatch,
    event_log_from,
)
from otel_eventlog_collector.otlp.express import Express, Resource, Unknown
from otel_eventlog_collector.otlp.records import (
    DecodedEventLogs,
    DecodedSpans,
    Reason,
    Recognise,
    RecordError,
    attribute_value,
    check_times,
    known_number,
    text_value,
)
from otel_eventlog_collector.otlp.shapes import NOTHING, Shape
from otel_eventlog_collector.otlp.values import remembered_key_value
from otel_eventlog_collector.otlp.walk import count_fields, walk

_TRACE_ID_BYTES = 16
_SPAN_ID_BYTES = 8
_KIND_MAX = 5
_STATUS_MAX = 2
_EXCEPTION_BYTES = EXCEPTION_EVENT.encode()


def decode_traces_protobuf(
    body: bytes, recognise: Recognise | None = None, express: Express | None = None
) -> DecodedSpans:
    """Return the spans of an ExportTraceServiceRequest.

    Args:
        body: the message, decompressed.
        recognise: leave out (accepted, not rejected) the spans for which this is None.
        express: makes pairs of the spans whose shape it knows; the others are returned as spans.

    Raises:
        PermanentError: the body is no such message, or over a limit.

    """
    outline = walk(body)
    batch = SpanBatch(outline.records, recognise)
    reader = _SpanReader(batch, express)
    for group in outline.resources:
        resource = reader.resource(group.resource)
        for scope in group.scopes:
            name = _scope_name(scope.scope)
            for start, end in scope.records:
                try:
                    if resource is None or name is None:
                        raise RecordError(Reason.MALFORMED)  # noqa: TRY301 - one place counts
                    reader.span(body[start:end], resource, name)
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


class _SpanReader:
    """Reads the spans of one request into a batch, those of a known shape on the express way."""

    def __init__(self, batch: SpanBatch, express: Express | None) -> None:
        self._batch = batch
        self._express = express
        self._budget = AttributeBudget()

    def resource(self, data: bytes) -> Resource | None:
        """Return a resource, None if it is malformed: its spans are rejected then."""
        known = self._express.resource(data) if self._express is not None else None
        if known is not None:
            self._budget.spend(known.count)
            return known
        left = self._budget.left
        attributes = _resource(data, self._budget)
        if attributes is None:
            return None
        resource = Resource(attributes, left - self._budget.left)
        if self._express is not None:
            self._express.remember_resource(data, resource)
        return resource

    def span(self, data: bytes, resource: Resource, scope_name: str) -> None:
        """Read one span.

        Raises:
            DecodeError, RecordError: it cannot be one.

        """
        span = _parse(shallow.Span, data)
        trace_id = span.trace_id
        ids = _ids(trace_id, span.span_id, span.parent_span_id)
        start, end = check_times(span.start_time_unix_nano, span.end_time_unix_nano)
        kind = known_number(span.kind, _KIND_MAX)
        slices = span.attributes[:]
        self._budget.count(len(slices))
        status = span.status
        code, message = known_number(status.code, _STATUS_MAX), status.message
        exceptions = _exception_slices(span.events)
        unknown: Unknown | None = None
        if self._express is not None and not exceptions:
            told, texts = self._express.tell(kind, code, message, resource, scope_name, slices)
            if told is NOTHING:
                self._batch.add(None)
                return
            if type(told) is Shape:
                self._batch.add_pair(told.pair(texts, start, end, ids[1], trace_id, ids[2]))
                return
            if type(told) is Unknown:
                unknown = told
        found = SpanData(
            *ids,
            name=text_value(span.name),
            kind=kind,
            start_unix_nano=start,
            end_unix_nano=end,
            attributes=_attributes(slices),
            resource=resource.attributes,
            scope_name=scope_name,
            span_status=code,
            span_status_message=text_value(message),
            trace_sampled=True,
        )
        is_wanted, match = self._batch.judge(kind, found.attributes, scope_name)
        if is_wanted:
            found.events = _exceptions(exceptions, self._budget)
        if unknown is not None and self._express is not None:
            self._express.learn(unknown, found, trace_id)
        self._batch.add(found if is_wanted else None, match)


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
    slices = record.attributes
    budget.count(len(slices))
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
        attributes=dict(map(remembered_key_value, slices)),
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
        slices = _parse(shallow.Resource, data).attributes
        budget.count(len(slices))
        return _attributes(slices)
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


def _exception_slices(events: Sequence[bytes]) -> Sequence[bytes]:
    """Return those of a span's last events that may be exceptions."""
    if not events:
        return ()
    found = [data for data in events[-EVENTS_PER_SPAN_MAX:] if _EXCEPTION_BYTES in data]
    return found[-EXCEPTIONS_PER_SPAN_MAX:]


def _exceptions(events: Sequence[bytes], budget: AttributeBudget) -> tuple[SpanEvent, ...]:
    """Return the exception events among encoded events."""
    found = []
    for event in [_parse(shallow.SpanEvent, data) for data in events]:
        budget.count(len(event.attributes))
        attributes = _attributes(event.attributes)
        if event.name == EXCEPTION_EVENT:
            found.append(SpanEvent(EXCEPTION_EVENT, attributes))
    return tuple(found)


def _attributes(slices: Sequence[bytes]) -> dict[str, AttributeValue]:
    """Return scalar and array attributes; of a repeated key the last one holds."""
    attributes: dict[str, AttributeValue] = {}
    for key, value in map(remembered_key_value, slices):
        kept = attribute_value(value)
        if kept is not None:
            attributes[key] = kept
    return attributes


def _body(data: bytes) -> str:
    """Return a record's body if it is text of a sane size; ours always is."""
    if len(data) > ATTRIBUTE_BYTES_MAX:
        return ""
    return text_value(AnyValue.FromString(data).string_value)
