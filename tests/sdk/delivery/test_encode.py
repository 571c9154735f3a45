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

from otel_eventlog.delivery import encode, protobuf
from otel_eventlog.delivery.encode import MEMO_VALUES_MAX, encode_all, pack
from otel_eventlog.model import EventLog, Status
from otel_eventlog.wire import to_record
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
    record = to_record(event)
    return LogRecord(
        event_name=record.event_name,
        time_unix_nano=record.time_unix_nano,
        observed_time_unix_nano=record.observed_unix_nano,
        trace_id=record.trace_id.to_bytes(16, "big") if record.trace_id else b"",
        span_id=record.span_id.to_bytes(8, "big") if record.span_id else b"",
        flags=record.flags,
        severity_number=record.severity_number,  # type: ignore[arg-type]
        severity_text=record.severity_text,
        body=AnyValue(string_value=record.body),
        attributes=library_attributes(record.attributes),
    )


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


@given(
    st.sampled_from(list(Status)),
    st.integers(0, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.integers(1, 2**63 - 1),
    TEXT,
    TEXT | st.none(),
    st.dictionaries(TEXT, VALUES, max_size=3),
    st.booleans() | st.none(),
)
def test_an_event_log_is_read_by_the_library_as_written(
    status: Status,
    trace_id: int,
    span_id: int,
    at: int,
    action: str,
    user_id: str | None,
    attributes: dict[str, Any],
    sampled: bool | None,  # noqa: FBT001 - hypothesis passes it
) -> None:
    """Whatever its fields hold, the library reads the record that it would have written."""
    event = event_log(
        status=status,
        trace_id=trace_id,
        span_id=span_id,
        start_unix_nano=at,
        time_unix_nano=at,
        action=action,
        user_id=user_id,
        attributes=attributes,
        trace_sampled=sampled,
    )
    (resource_logs,) = request_of([event]).resource_logs
    (scope_logs,) = resource_logs.scope_logs
    assert list(scope_logs.log_records) == [library_record(event)]
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
    """Ten thousand user agents fill no memory, and each is still told."""
    for number in range(MEMO_VALUES_MAX + 100):
        (record,) = encode_all([event_log(user_agent=f"agent/{number}")], pytest.fail)
        assert f"agent/{number}".encode() in record.record
    assert len(encode._remembered) <= MEMO_VALUES_MAX
