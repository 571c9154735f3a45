"""Event logs → OTLP logs requests, bounded in bytes and records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from otel_eventlog.delivery.protobuf import LENGTH, key, key_values, sized, utf8
from otel_eventlog.delivery.record import Resource, encode_record
from otel_eventlog.model import EventLog
from otel_eventlog.pairs import Half
from otel_eventlog.semconv import SCOPE_NAME

REQUEST_BYTES_MAX = 1024 * 1024
"""Largest request, before compression. A larger single record still travels, alone."""

REQUEST_RECORDS_MAX = 512
"""Most records in one request."""

_FRAME_BYTES = 16
"""At most what protobuf adds around one record of these sizes."""

# opentelemetry.proto.logs.v1 and .resource.v1, by field number
_RESOURCE_ATTRIBUTES = key(1, LENGTH)
_SCOPE_NAME, _SCOPE_VERSION = key(1, LENGTH), key(2, LENGTH)
_SCOPE, _LOG_RECORDS = key(1, LENGTH), key(2, LENGTH)
_RESOURCE, _SCOPE_LOGS = key(1, LENGTH), key(2, LENGTH)
_RESOURCE_LOGS = key(1, LENGTH)


class Encoded(NamedTuple):
    """One event log: its resource, and its record as it stands in a request."""

    resource: Resource
    record: bytes
    bytes_count: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """One request: its bytes, and the records in it so that it can be split."""

    records: tuple[Encoded, ...]
    body: bytes


def encode_all(
    events: Iterable[EventLog | Half], on_failure: Callable[[Exception], None]
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
    by_resource: dict[Resource, list[bytes]] = {}
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


def _encode(event: EventLog | Half) -> Encoded:
    shape, content = encode_record(event)
    bytes_count = len(content) + shape.resource_bytes + _FRAME_BYTES
    return Encoded(shape.resource, _LOG_RECORDS + sized(content), bytes_count)
