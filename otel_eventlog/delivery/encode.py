"""Event logs → OTLP logs requests, bounded in bytes and records.

A request is put together from pieces: what many event logs have in common (the action, a route, a
user agent) is encoded once and remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from otel_eventlog.delivery.protobuf import (
    FIXED32,
    FIXED64,
    LENGTH,
    VARINT,
    any_value,
    fixed32,
    fixed64,
    key,
    key_value_name,
    key_values,
    sized,
    utf8,
    varint,
)
from otel_eventlog.model import EventLog
from otel_eventlog.semconv import SCOPE_NAME
from otel_eventlog.wire import FEW_VALUES, WireRecord, resource_of, to_record

REQUEST_BYTES_MAX = 1024 * 1024
"""Largest request, before compression. A larger single record still travels, alone."""

REQUEST_RECORDS_MAX = 512
"""Most records in one request."""

MEMO_VALUES_MAX = 4096
"""Attributes remembered in encoded form; a full memory starts over."""
MEMO_VALUE_CHARS_MAX = 512
"""Longer values are encoded each time."""

_FRAME_BYTES = 16
"""At most what protobuf adds around one record or resource of these sizes."""

_TRACE_ID_BYTES = 16
_SPAN_ID_BYTES = 8

_Resource: TypeAlias = tuple[tuple[str, str], ...]

# opentelemetry.proto.logs.v1 and .resource.v1, by field number
_TIME, _OBSERVED_TIME = key(1, FIXED64), key(11, FIXED64)
_SEVERITY_NUMBER, _SEVERITY_TEXT = key(2, VARINT), key(3, LENGTH)
_BODY, _ATTRIBUTES = key(5, LENGTH), key(6, LENGTH)
_FLAGS, _TRACE_ID, _SPAN_ID = key(8, FIXED32), key(9, LENGTH), key(10, LENGTH)
_EVENT_NAME = key(12, LENGTH)
_RESOURCE_ATTRIBUTES = key(1, LENGTH)
_SCOPE_NAME, _SCOPE_VERSION = key(1, LENGTH), key(2, LENGTH)
_SCOPE, _LOG_RECORDS = key(1, LENGTH), key(2, LENGTH)
_RESOURCE, _SCOPE_LOGS = key(1, LENGTH), key(2, LENGTH)
_RESOURCE_LOGS = key(1, LENGTH)

_remembered: dict[tuple[str, str], bytes] = {}


@dataclass(frozen=True, slots=True)
class Encoded:
    """One event log: its resource, and its record as it stands in a request."""

    resource: _Resource
    record: bytes
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
    by_resource: dict[_Resource, list[bytes]] = {}
    for item in records:
        by_resource.setdefault(item.resource, []).append(item.record)
    scope = _SCOPE + sized(
        _SCOPE_NAME + sized(utf8(SCOPE_NAME)) + _SCOPE_VERSION + sized(utf8(version))
    )
    body = b"".join(
        _RESOURCE_LOGS
        + sized(
            _RESOURCE
            + sized(key_values(dict(resource), _RESOURCE_ATTRIBUTES))
            + _SCOPE_LOGS
            + sized(scope + b"".join(of_resource))
        )
        for resource, of_resource in by_resource.items()
    )
    return Parcel(tuple(records), body)


def _encode(event: EventLog) -> Encoded:
    content = _record(to_record(event))
    record = _LOG_RECORDS + sized(content)
    resource = tuple(sorted(resource_of(event).items()))
    resource_bytes = sum(len(name) + len(value) + _FRAME_BYTES for name, value in resource)
    return Encoded(resource, record, len(content) + resource_bytes + _FRAME_BYTES)


def _record(record: WireRecord) -> bytes:
    pieces = [
        _TIME,
        fixed64(record.time_unix_nano),
        _SEVERITY_NUMBER,
        varint(record.severity_number),
        _SEVERITY_TEXT,
        sized(utf8(record.severity_text)),
        _BODY,
        sized(any_value(record.body)),
    ]
    append = pieces.append
    for name, value in record.attributes.items():
        known = _remembered.get((name, value)) if name in FEW_VALUES else None
        append(_attribute(name, value) if known is None else known)
    if record.flags:
        pieces += (_FLAGS, fixed32(record.flags))
    # An id of zero means that there is none, and OTLP writes that as no bytes.
    if record.trace_id:
        pieces += (_TRACE_ID, sized(record.trace_id.to_bytes(_TRACE_ID_BYTES, "big")))
    if record.span_id:
        pieces += (_SPAN_ID, sized(record.span_id.to_bytes(_SPAN_ID_BYTES, "big")))
    pieces += (
        _OBSERVED_TIME,
        fixed64(record.observed_unix_nano),
        _EVENT_NAME,
        sized(utf8(record.event_name)),
    )
    return b"".join(pieces)


@lru_cache(maxsize=64)
def _named(name: str) -> bytes:
    """Return the part of a KeyValue that tells the name; there are some thirty of them."""
    return key_value_name(name)


def _attribute(name: str, value: Any) -> bytes:
    written = _ATTRIBUTES + sized(_named(name) + sized(any_value(value)))
    if name in FEW_VALUES and len(value) <= MEMO_VALUE_CHARS_MAX:
        if len(_remembered) >= MEMO_VALUES_MAX:
            _remembered.clear()
        _remembered[name, value] = written
    return written
