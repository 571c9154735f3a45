"""Event logs → OTLP logs requests, bounded in bytes and records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from otel_eventlog.limits import INT64_MAX, INT64_MIN
from otel_eventlog.model import EventLog
from otel_eventlog.semconv import SCOPE_NAME
from otel_eventlog.wire import resource_of, to_record

REQUEST_BYTES_MAX = 1024 * 1024
"""Largest request, before compression. A larger single record still travels, alone."""

REQUEST_RECORDS_MAX = 512
"""Most records in one request."""

_FRAME_BYTES = 16
"""At most what protobuf adds around one record or resource of these sizes."""

_TRACE_ID_BYTES = 16
_SPAN_ID_BYTES = 8

_Resource: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Encoded:
    """One event log as protobuf."""

    resource: _Resource
    record: LogRecord
    bytes_count: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """One request: its bytes, and the records in it so that it can be split."""

    records: tuple[Encoded, ...]
    body: bytes


def encode_all(
    events: Iterable[EventLog], on_failure: Callable[[Exception], None]
) -> list[Encoded]:
    """Return the event logs as protobuf; one that cannot be encoded takes no other with it.

    Args:
        events: what to encode, in order.
        on_failure: called for every event log that is left out.

    """
    encoded = []
    for event in events:
        try:
            encoded.append(_encode(event))
        except Exception as error:  # noqa: BLE001 - one broken event log, whatever broke it
            on_failure(error)
    return encoded


def pack(
    encoded: Sequence[Encoded],
    version: str,
    *,
    bytes_max: int = REQUEST_BYTES_MAX,
    records_max: int = REQUEST_RECORDS_MAX,
) -> list[Parcel]:
    """Return the records as requests within both bounds, in order.

    Args:
        encoded: the records.
        version: version of this package, sent as that of the scope.
        bytes_max: largest request.
        records_max: most records in one.

    """
    parcels = []
    group: list[Encoded] = []
    size = 0
    for item in encoded:
        if group and (size + item.bytes_count > bytes_max or len(group) >= records_max):
            parcels.append(_parcel(group, version))
            group, size = [], 0
        group.append(item)
        size += item.bytes_count
    if group:
        parcels.append(_parcel(group, version))
    return parcels


def split(parcel: Parcel, version: str) -> list[Parcel]:
    """Return a parcel of two or more records as two halves."""
    middle = len(parcel.records) // 2
    halves = (parcel.records[:middle], parcel.records[middle:])
    return [_parcel(half, version) for half in halves if half]


def _parcel(records: Sequence[Encoded], version: str) -> Parcel:
    scopes: dict[_Resource, ScopeLogs] = {}
    request = ExportLogsServiceRequest()
    for item in records:
        scope_logs = scopes.get(item.resource)
        if scope_logs is None:
            resource_logs = ResourceLogs(
                resource=Resource(attributes=_key_values(dict(item.resource))),
                scope_logs=[
                    ScopeLogs(scope=InstrumentationScope(name=SCOPE_NAME, version=version))
                ],
            )
            request.resource_logs.append(resource_logs)
            scope_logs = scopes[item.resource] = request.resource_logs[-1].scope_logs[0]
        scope_logs.log_records.append(item.record)
    return Parcel(tuple(records), request.SerializeToString())


def _encode(event: EventLog) -> Encoded:
    record = to_record(event)
    resource = tuple(sorted(resource_of(event).items()))
    message = LogRecord(
        event_name=record.event_name,
        time_unix_nano=record.time_unix_nano,
        observed_time_unix_nano=record.observed_unix_nano,
        # An id of zero means that there is none, and OTLP writes that as no bytes.
        trace_id=record.trace_id.to_bytes(_TRACE_ID_BYTES, "big") if record.trace_id else b"",
        span_id=record.span_id.to_bytes(_SPAN_ID_BYTES, "big") if record.span_id else b"",
        flags=record.flags,
        severity_number=record.severity_number,  # type: ignore[arg-type]
        severity_text=record.severity_text,
        body=AnyValue(string_value=_clean(record.body)),
        attributes=_key_values(record.attributes),
    )
    resource_bytes = sum(len(key) + len(value) + _FRAME_BYTES for key, value in resource)
    return Encoded(resource, message, message.ByteSize() + resource_bytes + _FRAME_BYTES)


def _key_values(attributes: Mapping[str, Any]) -> list[KeyValue]:
    return [
        KeyValue(key=_clean(key), value=_any_value(value))
        for key, value in attributes.items()
        if value is not None
    ]


def _any_value(value: Any) -> AnyValue:
    if isinstance(value, bool):  # before int, of which it is one
        return AnyValue(bool_value=value)
    if isinstance(value, int) and INT64_MIN <= value <= INT64_MAX:
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, Mapping):
        return AnyValue(kvlist_value=KeyValueList(values=_key_values(value)))
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        items = [_any_value(item) for item in value if item is not None]
        return AnyValue(array_value=ArrayValue(values=items))
    return AnyValue(string_value=_clean(value if isinstance(value, str) else repr(value)))


def _clean(text: str) -> str:
    """Return text that is valid UTF-8: a lone surrogate would make protobuf refuse the record."""
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")
