"""The columns of a stored event log, named once: `EventLog` → `Half` → `EventLog`.

A half of a request has three parts, because most fields take few different values:

- the *shape*: all low-cardinality fields together as one tuple. Some dozens of shapes describe a
  whole day, so a store keeps each once and a row holds its number;
- the *texts*: longer strings that repeat (user agents, client ids), each kept once;
- the *detail*: what really differs from one event log to the next.

A stored row holds one half of a request, or both: then it has two shapes, and the outcome's texts
and detail, of which a start has the part that is known when a request starts.

Pure: no I/O, no clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias, cast

from otel_eventlog.model import (
    TAG_START,
    AttributeValue,
    EventLog,
    OutcomeSource,
    Rank,
    Status,
)

SHAPE_TYPES: Mapping[str, type] = {
    "status": str,
    "rank": int,
    "action": str,
    "category": str,
    "auth_method": str,
    "auth_factor": str,
    "outcome_source": str,
    "next_step": str,
    "project": str,
    "environment": str,
    "service": str,
    "service_version": str,
    "http_method": str,
    "http_route": str,
    "http_status_code": int,
    "error_type": str,
    "message_status": str,
    "trace_sampled": int,
    "clock_skewed": int,
}
"""Fields of the shape in their order, with the type in which a database holds them."""
SHAPE_FIELDS = tuple(SHAPE_TYPES)

STATUS = 0
RANK = 1
PAIR_FIELDS = slice(2, 6)
"""Where in a shape the action and what it implies stand: the outcome's hold for its start too."""

TEXT_FIELDS = ("organization_id", "client_id", "user_agent", "error_message")

DETAIL_TYPES: Mapping[str, type] = {
    "start_unix_nano": int,
    "elapsed_ns": int,
    "span_id": int,
    "trace_id": bytes,
    "parent_span_id": int,
    "observed_delta_ns": int,
    "correlation_id": str,
    "flow_id": str,
    "client_address": str,
    "user_id": str,
    "session_token_hash": str,
    "session_jwt_hash": str,
    "attributes": str,
    "duration_ns": int,
}
"""Fields of the detail in their order.

`elapsed_ns` is the time from the request's start to its outcome, None on a start, and
`observed_delta_ns` that to the observed time. `duration_ns` is None where it equals the elapsed
time, as it nearly always does, and DURATION_ABSENT on an outcome without one. Span ids are 64 bits
unsigned, which databases lack: `span_to_int` moves them into the signed range, keeping their order.
"""
DETAIL_FIELDS = tuple(DETAIL_TYPES)
DURATION_ABSENT = -1

START_DETAIL = (
    "start_unix_nano",
    "span_id",
    "trace_id",
    "parent_span_id",
    "observed_delta_ns",
    "correlation_id",
    "flow_id",
    "client_address",
)
START_TEXTS = ("user_agent",)
"""What is known when a request starts, and therefore shared by both halves in one row."""

ABSENT_AS_EMPTY = ("category", "project", "environment", "service", "service_version")
"""Fields that an `EventLog` holds as "" when absent, and a database as NULL."""

Shape: TypeAlias = tuple[Any, ...]
SqlValue: TypeAlias = str | int | bytes | None

SPAN_BIAS = 1 << 63
"""What `span_to_int` takes off a span id."""
_TAG_MASK = (1 << 10) - 1
_LOW_52_MASK = (1 << 52) - 1
_NS_PER_MS = 1_000_000
_NS_PER_DAY = 86_400 * 1_000_000_000

shape_of: Callable[[EventLog], Shape] = attrgetter(*SHAPE_FIELDS)
"""Return the shape of an event log."""
_texts_of = attrgetter(*TEXT_FIELDS)
_DURATION = DETAIL_FIELDS.index("duration_ns")
_EMPTY_AT = tuple(SHAPE_FIELDS.index(name) for name in ABSENT_AS_EMPTY)


class Half(NamedTuple):
    """One event log, ready to be stored.

    Attributes:
        key: the event id as an integer.
        day: days since the epoch of the request's start, UTC.
        shape: values of SHAPE_FIELDS, as the event log holds them.
        texts: values of TEXT_FIELDS.
        detail: values of DETAIL_FIELDS, as a database holds them.

    """

    key: int
    day: int
    shape: Shape
    texts: tuple[str | None, ...]
    detail: tuple[SqlValue, ...]

    @property
    def is_start(self) -> bool:
        """Whether it is the start; the outcome otherwise."""
        return self.key & _TAG_MASK == TAG_START

    @property
    def start_unix_nano(self) -> int:
        """Start of the request."""
        return cast("int", self.detail[0])

    @property
    def time_unix_nano(self) -> int:
        """When it happened."""
        return self.start_unix_nano + cast("int", self.detail[1] or 0)

    @property
    def duration_ns(self) -> int | None:
        """How long the request took; None on a start."""
        return duration_from_sql(
            cast("int | None", self.detail[_DURATION]), cast("int | None", self.detail[1])
        )


class Key(NamedTuple):
    """An event id taken apart as a database holds it: start millisecond, span id, half."""

    start_ms: int
    span_id: int
    half: int


def span_to_int(span_id: int) -> int:
    """Move an unsigned 64-bit span id into the signed range, keeping the order."""
    return span_id - SPAN_BIAS


def span_from_int(value: int) -> int:
    """Undo `span_to_int`."""
    return value + SPAN_BIAS


def split_key(event_uuid: int) -> Key:
    """Take an event id apart (`otel_eventlog.model.uuid_int` says how it is built)."""
    span_id = ((event_uuid >> 64) & 0xFFF) << 52 | (event_uuid >> 10) & _LOW_52_MASK
    return Key(event_uuid >> 80, span_id - SPAN_BIAS, (event_uuid & 0x3FF) - 1)


def day_of(start_unix_nano: int) -> int:
    """Return the number of the UTC day, counted from the epoch."""
    return start_unix_nano // _NS_PER_DAY


def encode(event: EventLog, observed_unix_nano: int) -> Half:
    """Return an event log as it is stored. A start happens at the start of its request.

    Args:
        event: the event log.
        observed_unix_nano: observed time of an event log that has none yet.

    Raises:
        OverflowError: a trace id has more than 128 bits.
        ValueError: a duration is negative.

    """
    start = event.start_unix_nano
    key = event.event_uuid_int
    elapsed = None if key & _TAG_MASK == TAG_START else event.time_unix_nano - start
    trace_id = event.trace_id
    parent = event.parent_span_id
    attributes = event.attributes
    return Half(
        key,
        start // _NS_PER_DAY,
        shape_of(event),
        _texts_of(event),
        (
            start,
            elapsed,
            event.span_id - SPAN_BIAS,
            trace_id.to_bytes(16, "big") if trace_id else None,
            parent - SPAN_BIAS if parent else None,
            (event.observed_unix_nano or observed_unix_nano) - start,
            event.correlation_id,
            event.flow_id,
            event.client_address,
            event.user_id,
            event.session_token_hash,
            event.session_jwt_hash,
            attributes_to_sql(attributes) if attributes else None,
            _duration_to_sql(event.duration_ns, elapsed),
        ),
    )


def _duration_to_sql(duration: int | None, elapsed: int | None) -> int | None:
    if duration == elapsed:
        return None
    if duration is None:
        return DURATION_ABSENT
    if duration < 0:
        msg = f"duration {duration} ns is negative"
        raise ValueError(msg)
    return duration


def duration_from_sql(duration: int | None, elapsed: int | None) -> int | None:
    """Undo what `duration_ns` of the detail abbreviates."""
    if duration is None:
        return elapsed
    return None if duration == DURATION_ABSENT else duration


attributes_to_sql = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=list).encode
"""Return attributes as the JSON text in which a database holds them."""


def shape_to_sql(shape: Shape) -> list[SqlValue]:
    """Return a shape's values as a database holds them: absent is NULL, enums plain."""
    values: list[SqlValue] = [
        None if value is None else str(value) if isinstance(value, str) else int(value)
        for value in shape
    ]
    for position in _EMPTY_AT:
        values[position] = values[position] or None
    return values


def shape_from_sql(values: tuple[Any, ...]) -> Shape:
    """Undo `shape_to_sql`."""
    fields = dict(zip(SHAPE_FIELDS, values, strict=True))
    fields["status"] = Status(fields["status"])
    fields["rank"] = Rank(fields["rank"])
    source = fields["outcome_source"]
    fields["outcome_source"] = None if source is None else OutcomeSource(source)
    sampled = fields["trace_sampled"]
    fields["trace_sampled"] = None if sampled is None else bool(sampled)
    fields["clock_skewed"] = bool(fields["clock_skewed"])
    for name in ABSENT_AS_EMPTY:
        fields[name] = fields[name] or ""
    return tuple(fields.values())


def decode(shape: Shape, texts: tuple[str | None, ...], detail: Mapping[str, Any]) -> EventLog:
    """Build an event log from the parts of its row; `detail` gives DETAIL_FIELDS by name."""
    named = dict(zip(SHAPE_FIELDS, shape, strict=True))
    named.update(zip(TEXT_FIELDS, texts, strict=True))
    start = detail["start_unix_nano"]
    elapsed = detail["elapsed_ns"]
    trace_id = detail["trace_id"]
    parent = detail["parent_span_id"]
    attributes = detail["attributes"]
    return EventLog(
        **named,
        span_id=detail["span_id"] + SPAN_BIAS,
        start_unix_nano=start,
        time_unix_nano=start + (elapsed or 0),
        trace_id=int.from_bytes(trace_id, "big") if trace_id else 0,
        parent_span_id=0 if parent is None else parent + SPAN_BIAS,
        observed_unix_nano=start + detail["observed_delta_ns"],
        duration_ns=duration_from_sql(detail["duration_ns"], elapsed),
        correlation_id=detail["correlation_id"],
        flow_id=detail["flow_id"],
        user_id=detail["user_id"],
        client_address=detail["client_address"],
        session_token_hash=detail["session_token_hash"],
        session_jwt_hash=detail["session_jwt_hash"],
        attributes=_attributes(attributes) if attributes else {},
    )


def _attributes(text: str) -> dict[str, AttributeValue]:
    """Read attributes back; arrays become tuples, as OpenTelemetry's SDK holds them."""
    return {
        name: tuple(value) if isinstance(value, list) else cast("AttributeValue", value)
        for name, value in json.loads(text).items()
    }


def is_storable(half: Half) -> bool:
    """Whether a database takes every value: right type, 64 bits, valid Unicode."""
    types = (*SHAPE_TYPES.values(), *(str for _ in TEXT_FIELDS), *DETAIL_TYPES.values())
    values = (*shape_to_sql(half.shape), *half.texts, *half.detail)
    return all(_fits(value, wanted) for value, wanted in zip(values, types, strict=True))


def _fits(value: Any, wanted: type) -> bool:
    if value is None:
        return True
    if not isinstance(value, wanted):
        return False
    if isinstance(value, int):
        return -SPAN_BIAS <= value < SPAN_BIAS
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return False
    return True
