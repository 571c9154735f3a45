"""OTLP requests prepared beforehand, in which only ids and times are written before each sending.

The ids and times of a span are bytes of fixed length at fixed places, so that a load generator
sends new spans with real content at next to no cost of its own.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from struct import Struct
from typing import NamedTuple, TypeAlias

from otel_eventlog.delivery.protobuf import varint
from otel_eventlog.model import TAG_REQUEST, uuid_int, uuid_text

Truth: TypeAlias = Counter[tuple[str, str]]
"""How many event logs with each (field, value) a request makes, when it is stored."""

AGE_NS_MAX = 3_000_000_000
"""Spans ended this long before they are sent, at most: exporters send batches."""

SENTINEL_SPAN_ID = 0xA1B2C3D4E5F60718
SENTINEL_TRACE_ID = 0x0102030405060708A9B9C9D9E9F90919
SENTINEL_START = 1_700_000_000_123_456_789
"""What stands in a new message where ids and times belong, so that they are found."""

ID_STEM_CHARS = 35
"""A request id and its event ids differ in their last digit only."""
IDS = Struct("16s2s8s")
"""trace id, the key and length of the span id, span id, as they stand in a Span."""
SPAN_ID_KEY = b"\x12\x08"
TIMES = Struct("<QBQ")
"""start, the key of the end, end, as they stand in a Span."""
_END_KEY = 0x41
_RANDOM_IDS = Struct("16s8s")
FIXED64 = Struct("<Q")


class SpanPlace(NamedTuple):
    """Where a span's ids and times stand in a message, and what its times are."""

    ids_at: int
    times_at: int
    age_ns: int
    elapsed_ns: int


class LogPlace(NamedTuple):
    """Where ids and times stand in one log record, as offsets, and how long after the start."""

    time_at: int
    observed_at: int
    trace_at: int
    span_at: int
    event_id_at: int
    request_id_at: int
    start_at: int
    elapsed_ns: int
    age_ns: int


LogPair: TypeAlias = tuple[LogPlace | None, LogPlace | None]
"""Start and outcome that travel together; or one of them, whose other half is elsewhere."""


class Birth(NamedTuple):
    """Identity of one request, as it stands in a message."""

    start_unix_nano: int
    trace_id: bytes
    span_id: bytes
    id_stem: bytes
    """Its request id and event ids up to their last digit, which tells them apart."""
    start: bytes
    """The start as a varint."""

    @classmethod
    def at(cls, start_unix_nano: int, trace_id: bytes, span_id: bytes) -> Birth:
        """Return a new request."""
        number = int.from_bytes(span_id, "big")
        request_id = uuid_text(uuid_int(start_unix_nano, number, TAG_REQUEST))
        stem = request_id[:ID_STEM_CHARS].encode()
        return cls(start_unix_nano, trace_id, span_id, stem, varint(start_unix_nano))


@dataclass(slots=True)
class Message:
    """One HTTP request, head included, ready to be sent again and again.

    Attributes:
        data: all its bytes.
        records: spans or log records in it.
        truth: what it adds to the store.
        spans: where its spans are to be renewed.
        logs: where its event logs are to be renewed.
        group: the message with the starts and the one with their outcomes have the same.

    """

    data: bytearray
    records: int
    truth: Truth = field(default_factory=Counter)
    spans: list[SpanPlace] = field(default_factory=list)
    logs: list[LogPair] = field(default_factory=list)
    group: int = 0


class Renewal:
    """Writes new ids and the present time into messages."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._open: dict[int, list[Birth]] = {}
        """Requests of which only the start was sent so far, by their message's group."""

    def renew(self, message: Message, now_unix_nano: int) -> None:
        """Make a message's spans and event logs new ones that happened just now."""
        if message.spans:
            self._renew_spans(message, now_unix_nano)
        if message.logs:
            self._renew_logs(message, now_unix_nano)

    def _renew_spans(self, message: Message, now: int) -> None:
        data, put_ids, put_times = message.data, IDS.pack_into, TIMES.pack_into
        ids = _RANDOM_IDS.iter_unpack(self._rng.randbytes(24 * len(message.spans)))
        for (ids_at, times_at, age, elapsed), (trace_id, span_id) in zip(
            message.spans, ids, strict=True
        ):
            start = now - age
            put_ids(data, ids_at, trace_id, SPAN_ID_KEY, span_id)
            put_times(data, times_at, start, _END_KEY, start + elapsed)

    def _renew_logs(self, message: Message, now: int) -> None:
        ids = _RANDOM_IDS.iter_unpack(self._rng.randbytes(24 * len(message.logs)))
        is_of_outcomes = message.logs[0][0] is None
        started = iter(self._open.pop(message.group, ()) if is_of_outcomes else ())
        left_open = []
        for (start, outcome), (trace_id, span_id) in zip(message.logs, ids, strict=True):
            born = next(started, None) if start is None else None
            if born is None:
                age_ns = max(place.age_ns for place in (start, outcome) if place is not None)
                born = Birth.at(now - age_ns, trace_id, span_id)
            for place in (start, outcome):
                if place is not None:
                    _write_log(message.data, place, born)
            if outcome is None:
                left_open.append(born)
        if left_open:
            self._open[message.group] = left_open


def _write_log(data: bytearray, place: LogPlace, born: Birth) -> None:
    time_unix_nano = born.start_unix_nano + place.elapsed_ns
    FIXED64.pack_into(data, place.time_at, time_unix_nano)
    FIXED64.pack_into(data, place.observed_at, time_unix_nano)
    for at, content in (
        (place.trace_at, born.trace_id),
        (place.span_at, born.span_id),
        (place.event_id_at, born.id_stem),
        (place.request_id_at, born.id_stem),
        (place.start_at, born.start),
    ):
        data[at : at + len(content)] = content


def message(host: str, path: str, body: bytes, records: int, truth: Truth) -> Message:
    """Return a body as an HTTP request."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-protobuf\r\n"
        f"User-Agent: otel-eventlog-benchmark\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return Message(bytearray(head.encode() + body), records, truth)
