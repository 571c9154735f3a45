"""OTLP protobuf → spans and event logs, each record parsed alone."""

from __future__ import annotations

from functools import partial

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from otel_eventlog.model import Attributes, EventLog
from otel_eventlog.semconv import EVENT_NAMES
from otel_eventlog.wire import WireRecord
from otel_eventlog_collector.limits import ATTRIBUTE_BYTES_MAX
from otel_eventlog_collector.otlp import shallow
from otel_eventlog_collector.otlp.assemble import (
    AttributeBudget,
    LogBatch,
    SpanBatch,
    event_log_from,
)
from otel_eventlog_collector.otlp.express import Express
from otel_eventlog_collector.otlp.outline import outline
from otel_eventlog_collector.otlp.protobuf_parts import ids, parse, resource_attributes
from otel_eventlog_collector.otlp.records import (
    DecodedEventLogs,
    DecodedSpans,
    Reason,
    Recognise,
    RecordError,
    text_value,
)
from otel_eventlog_collector.otlp.rejected import Rejected, rejected_protobuf
from otel_eventlog_collector.otlp.span_reader import SpanReader
from otel_eventlog_collector.otlp.values import remembered_key_value


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
    found = outline(body)
    batch = SpanBatch(found.records, recognise)
    reader = SpanReader(batch, express)
    for group in found.resources:
        resource = reader.resource(group.resource)
        for scope in group.scopes:
            reader.scope(scope, resource)
    return batch.result()


def decode_logs_protobuf(body: bytes) -> DecodedEventLogs:
    """Return the event logs of an ExportLogsServiceRequest; other log records are only counted.

    Raises:
        PermanentError: the body is no such message, or over a limit.

    """
    found = outline(body)
    batch = LogBatch(found.records)
    budget = AttributeBudget()
    for group in found.resources:
        resource = resource_attributes(group.resource, budget)
        for scope in group.scopes:
            for data in scope.records:
                try:
                    batch.add(_event_log(data, resource, budget))
                except (DecodeError, RecordError) as error:
                    tell = partial(_rejected, data, resource)
                    batch.reject(error, tell)
    return batch.result()


def _event_log(
    data: bytes, resource: Attributes | None, budget: AttributeBudget
) -> EventLog | None:
    """Return one event log, None for a log record that is none of ours."""
    record = parse(shallow.LogRecord, data)
    if record.event_name not in EVENT_NAMES:
        return None
    if resource is None:
        raise RecordError(Reason.MALFORMED)
    trace_id, span_id, _ = ids(record.trace_id, record.span_id, b"", trace_optional=True)
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


def _rejected(data: bytes, resource: Attributes | None, reason: str, sentence: str) -> Rejected:
    return rejected_protobuf(reason, sentence, data, shallow.LogRecord, resource)


def _body(data: bytes) -> str:
    """Return a record's body if it is text of a sane size; ours always is."""
    if len(data) > ATTRIBUTE_BYTES_MAX:
        return ""
    return text_value(AnyValue.FromString(data).string_value)
