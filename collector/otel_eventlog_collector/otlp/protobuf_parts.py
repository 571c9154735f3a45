"""What spans and log records have in common in protobuf: ids, attributes, resource, scope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import DecodeError

from otel_eventlog.model import Attributes, AttributeValue
from otel_eventlog_collector.errors import PermanentError
from otel_eventlog_collector.limits import FIELDS_PER_RECORD_MAX, RECORD_BYTES_UNCOUNTED_MAX
from otel_eventlog_collector.otlp import shallow
from otel_eventlog_collector.otlp.assemble import AttributeBudget
from otel_eventlog_collector.otlp.records import (
    Reason,
    RecordError,
    attribute_value,
    text_value,
)
from otel_eventlog_collector.otlp.values import remembered_key_value
from otel_eventlog_collector.otlp.walk import count_fields

_TRACE_ID_BYTES = 16
_SPAN_ID_BYTES = 8


def parse(message: Any, data: bytes) -> Any:
    """Parse one message; the fields of a large one are counted before."""
    if len(data) > RECORD_BYTES_UNCOUNTED_MAX:
        try:
            bounded = count_fields(data, FIELDS_PER_RECORD_MAX)
        except PermanentError:
            raise RecordError(Reason.MALFORMED) from None
        if not bounded:
            raise RecordError(Reason.TOO_LARGE)
    return message.FromString(data)


def resource_attributes(data: bytes, budget: AttributeBudget) -> Attributes | None:
    """Return a resource's attributes, None if it is malformed: its records are rejected then."""
    try:
        slices = parse(shallow.Resource, data).attributes
        budget.count(len(slices))
        return attributes_of(slices)
    except (DecodeError, RecordError):
        return None


def scope_name(data: bytes) -> str | None:
    """Return a scope's name, None if it is malformed: its records are rejected then."""
    try:
        return text_value(parse(shallow.Scope, data).name)
    except (DecodeError, RecordError):
        return None


def ids(
    trace_id: bytes, span_id: bytes, parent_span_id: bytes, *, trace_optional: bool = False
) -> tuple[int, int, int]:
    """Return trace, span and parent span id as numbers, 0 for none.

    Raises:
        RecordError: one of them is none.

    """
    trace = int.from_bytes(trace_id)
    span = int.from_bytes(span_id)
    if (trace_id and len(trace_id) != _TRACE_ID_BYTES) or not (trace or trace_optional):
        raise RecordError(Reason.TRACE_ID)
    if not span or len(span_id) != _SPAN_ID_BYTES:
        raise RecordError(Reason.SPAN_ID)
    if parent_span_id and len(parent_span_id) != _SPAN_ID_BYTES:
        raise RecordError(Reason.PARENT_SPAN_ID)
    return trace, span, int.from_bytes(parent_span_id)


def attributes_of(slices: Sequence[bytes]) -> dict[str, AttributeValue]:
    """Return scalar and array attributes; of a repeated key the last one holds."""
    attributes: dict[str, AttributeValue] = {}
    for key, value in map(remembered_key_value, slices):
        kept = attribute_value(value)
        if kept is not None:
            attributes[key] = kept
    return attributes
