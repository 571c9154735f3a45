"""Requests put together by hand are what the protobuf library reads and writes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from otel_eventlog.delivery import protobuf, record
from otel_eventlog.delivery.encode import encode_all, pack
from otel_eventlog.delivery.record import SHAPE_CHARS_MAX, SHAPES_MAX
from otel_eventlog.model import EventLog, OutcomeSource, Status
from otel_eventlog.wire import RESOURCE_ATTRIBUTES, TEXT_ATTRIBUTES, resource_of, to_record
from tests.support.builders import event_log

TEXT = st.text(st.characters(codec="utf-8"), max_size=300)
INT64 = st.integers(-(2**63), 2**63 - 1)
SCALARS = TEXT | INT64 | st.booleans() | st.floats(allow_nan=False)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def library_value(value: Any) -> AnyValue:
    """Return a value as the library writes it."""
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=library_attributes(value)))
    return AnyValue(array_value=ArrayValue(values=[library_value(item) for item in value]))


def library_attributes(attributes: dict[str, Any]) -> list[KeyValue]:
    """Return attributes as the library writes them."""
    return [KeyValue(key=key, value=library_value(value)) for key, value in attributes.items()]


def library_record(event: EventLog) -> LogRecord:
    """Return an event log as the library writes it."""
    wire = to_record(event)
    return LogRecord(
        event_name=wire.event_name,
        time_unix_nano=wire.time_unix_nano,
        observed_time_unix_nano=wire.observed_unix_nano,
        trace_id=wire.trace_id.to_bytes(16, "big") if wire.trace_id else b"",
        span_id=wire.span_id.to_bytes(8, "big") if wire.span_id else b"",
        flags=wire.flags,
        severity_number=wire.severity_number,  # type: ignore[arg-type]
        severity_text=wire.severity_text,
        body=AnyValue(string_value=wire.body),
        attributes=library_attributes(wire.attributes),
    )


def by_name(log_record: LogRecord) -> LogRecord:
    """Return a record with its attributes in the order of their names: they have no other."""
    ordered = LogRecord()
    ordered.CopyFrom(log_record)
    ordered.attributes.sort(key=lambda pair: (pair.key, pair.value.SerializeToString()))
    return ordered


def request_of(events: list[EventLog]) -> ExportLogsServiceRequest:
    """Return what the library reads from the request that event logs make."""
    (parcel,) = pack(encode_all(events, pytest.fail), "1.0")
    return ExportLogsServiceRequest.FromString(parcel.body)


@given(VALUES)
def test_a_value_is_byte_for_byte_what_the_library_writes(value: Any) -> None:
    """Text, numbers of any size and sign, truth, arrays and nested tables."""
    assert protobuf.any_value(value) == library_value(value).SerializeToString()


@given(st.integers(-(2**63), 2**64 - 1))
def test_a_number_is_what_the_library_reads(number: int) -> None:
    """From the least signed to the greatest unsigned number."""
    read = AnyValue.FromString(protobuf.key(3, protobuf.VARINT) + protobuf.varint(number))
    assert read.int_value == (number if number < 2**63 else number - 2**64)


FIELDS = st.fixed_dictionaries(
    {
        "status": st.sampled_from(list(Status)),
        "span_id": st.integers(1, 2**64 - 1),
        "start_unix_nano": st.integers(1, 2**63 - 1),
        "time_unix_nano": st.integers(1, 2**63 - 1),
        "action": TEXT,
    },
    optional={
        **{name: TEXT for name in (*TEXT_ATTRIBUTES, *RESOURCE_ATTRIBUTES) if name != "action"},
        "trace_id": st.integers(0, 2**128 - 1),
        "parent_span_id": st.integers(0, 2**64 - 1),
        "trace_sampled": st.booleans(),
        "duration_ns": st.integers(0, 2**63 - 1),
        "http_status_code": INT64,
        "outcome_source": st.sampled_from(list(OutcomeSource)),
        "observed_unix_nano": st.integers(0, 2**63 - 1),
        "attributes": st.dictionaries(TEXT, VALUES, max_size=3),
    },
)


@given(FIELDS, FIELDS)
def test_an_event_log_is_read_by_the_library_as_written(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    """Whatever its fields hold, the library reads the record that it would have written.

    Both are written twice: the second time from what is remembered of the first.
    """
    for fields in (one, other, one, other):
        event = EventLog(**fields)
        (resource_logs,) = request_of([event]).resource_logs
        (scope_logs,) = resource_logs.scope_logs
        (written,) = scope_logs.log_records
        assert by_name(written) == by_name(library_record(event))
        told = {pair.key: pair.value.string_value for pair in resource_logs.resource.attributes}
        assert told == resource_of(event)
        assert (scope_logs.scope.name, scope_logs.scope.version) == ("otel_eventlog", "1.0")


def test_event_logs_of_one_resource_travel_together() -> None:
    """Two services in one process make two resources, each told once, in the order they came."""
    events = [event_log(service=name, span_id=n + 1) for n, name in enumerate("abab")]
    told = [
        (logs.resource.attributes[0].value.string_value, len(logs.scope_logs[0].log_records))
        for logs in request_of(events).resource_logs
    ]
    assert told == [("a", 2), ("b", 2)]


def test_a_lone_surrogate_leaves_the_request_readable() -> None:
    """Text that is no UTF-8 is mended in its own place; its neighbours are as they were."""
    events = [event_log(user_id="a\ud800b", span_id=1), event_log(user_id="ok", span_id=2)]
    records = request_of(events).resource_logs[0].scope_logs[0].log_records
    users = [
        attribute.value.string_value
        for record in records
        for attribute in record.attributes
        if attribute.key == "user.id"
    ]
    assert users == ["a?b", "ok"]


def test_what_is_remembered_is_bounded() -> None:
    """Thousands of routes fill no memory, and each is still told."""
    for number in range(SHAPES_MAX + 100):
        (made,) = encode_all([event_log(http_route=f"/route/{number}")], pytest.fail)
        assert f"/route/{number}".encode() in made.record
    assert len(record._shapes) <= SHAPES_MAX


def test_a_shape_of_a_thousand_characters_is_not_remembered() -> None:
    """A long route is written in full each time, and stays nowhere."""
    long = "/" + "x" * SHAPE_CHARS_MAX
    (made,) = encode_all([event_log(http_route=long)], pytest.fail)
    assert long.encode() in made.record
    assert not any(long in few for few in record._shapes)
