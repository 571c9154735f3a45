"""The columns of a stored event log, named once: `EventLog` → `Row` → `EventLog`.

A row has three parts, because most fields of an event log take few different values:

- the *shape*: all low-cardinality fields together as one tuple. Some dozens of shapes describe a
  whole day, so a store keeps each once and a row holds its number;
- the *texts*: longer strings that repeat (user agents, client ids), each kept once;
- the *detail*: what really differs from one event log to the next.

Pure: no I/O, no clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias, cast

from otel_eventlog.model import (
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
    "time_unix_nano": int,
    "elapsed_ns": int,
    "span_id": int,
    "half": int,
    "trace_id": bytes,
    "parent_span_id": int,
    "observed_delta_ns": int,
    "duration_ns": int,
    "correlation_id": str,
    "flow_id": str,
    "user_id": str,
    "client_address": str,
    "session_token_hash": str,
    "session_jwt_hash": str,
    "attributes": str,
}
"""Fields of the detail in their order.

`elapsed_ns` is the time since the request's start (0 on a start, few bytes on an outcome) and
`observed_delta_ns` that from `time_unix_nano` to the observed time, NULL for never observed.
`half` is 0 for a start and 1 for an outcome. Span ids are 64 bits unsigned, which databases lack:
`span_to_int` moves them into the signed range so that their order is kept.
"""
DETAIL_FIELDS = tuple(DETAIL_TYPES)

ABSENT_AS_EMPTY = ("category", "project", "environment", "service", "service_version")
"""Fields that an `EventLog` holds as "" when absent, and a database as NULL."""

Shape: TypeAlias = tuple[Any, ...]
SqlValue: TypeAlias = str | int | bytes | None

_SPAN_BIAS = 1 << 63
_LOW_52_MASK = (1 << 52) - 1
_NS_PER_MS = 1_000_000
_NS_PER_DAY = 86_400 * 1_000_000_000

_shape_of = attrgetter(*SHAPE_FIELDS)
_texts_of = attrgetter(*TEXT_FIELDS)
_EMPTY_AT = tuple(SHAPE_FIELDS.index(name) for name in ABSENT_AS_EMPTY)


class Row(NamedTuple):
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


class Key(NamedTuple):
    """An event id taken apart as a database holds it: start millisecond, span id, half."""

    start_ms: int
    span_id: int
    half: int


def span_to_int(span_id: int) -> int:
    """Move an unsigned 64-bit span id into the signed range, keeping the order."""
    return span_id - _SPAN_BIAS


def span_from_int(value: int) -> int:
    """Undo `span_to_int`."""
    return value + _SPAN_BIAS


def split_key(event_uuid: int) -> Key:
    """Take an event id apart (`otel_eventlog.model.uuid_int` says how it is built)."""
    span_id = ((event_uuid >> 64) & 0xFFF) << 52 | (event_uuid >> 10) & _LOW_52_MASK
    return Key(event_uuid >> 80, span_id - _SPAN_BIAS, (event_uuid & 0x3FF) - 1)


def day_of(start_unix_nano: int) -> int:
    """Return the number of the UTC day, counted from the epoch."""
    return start_unix_nano // _NS_PER_DAY


def encode(event: EventLog, observed_unix_nano: int) -> Row:
    """Return the row of an event log.

    Args:
        event: the event log.
        observed_unix_nano: observed time of an event log that has none yet.

    Raises:
        OverflowError: a trace id has more than 128 bits.

    """
    time = event.time_unix_nano
    start = event.start_unix_nano
    trace_id = event.trace_id
    parent = event.parent_span_id
    attributes = event.attributes
    key = event.event_uuid_int
    return Row(
        key,
        start // _NS_PER_DAY,
        _shape_of(event),
        _texts_of(event),
        (
            time,
            time - start,
            event.span_id - _SPAN_BIAS,
            (key & 0x3FF) - 1,
            trace_id.to_bytes(16, "big") if trace_id else None,
            parent - _SPAN_BIAS if parent else None,
            (event.observed_unix_nano or observed_unix_nano) - time,
            event.duration_ns,
            event.correlation_id,
            event.flow_id,
            event.user_id,
            event.client_address,
            event.session_token_hash,
            event.session_jwt_hash,
            _json(attributes) if attributes else None,
        ),
    )


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=list).encode


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


def decode(
    shape: Shape, texts: tuple[str | None, ...], detail: Mapping[str, Any] | Any
) -> EventLog:
    """Build an event log from the parts of its row; `detail` gives DETAIL_FIELDS by name."""
    named = dict(zip(SHAPE_FIELDS, shape, strict=True))
    named.update(zip(TEXT_FIELDS, texts, strict=True))
    time = detail["time_unix_nano"]
    trace_id = detail["trace_id"]
    parent = detail["parent_span_id"]
    attributes = detail["attributes"]
    return EventLog(
        **named,
        span_id=detail["span_id"] + _SPAN_BIAS,
        start_unix_nano=time - detail["elapsed_ns"],
        time_unix_nano=time,
        trace_id=int.from_bytes(trace_id, "big") if trace_id else 0,
        parent_span_id=0 if parent is None else parent + _SPAN_BIAS,
        observed_unix_nano=time + detail["observed_delta_ns"],
        duration_ns=detail["duration_ns"],
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


def is_storable(row: Row) -> bool:
    """Whether a database takes every value: right type, 64 bits, valid Unicode."""
    types = (*SHAPE_TYPES.values(), *(str for _ in TEXT_FIELDS), *DETAIL_TYPES.values())
    values = (*shape_to_sql(row.shape), *row.texts, *row.detail)
    return all(_fits(value, wanted) for value, wanted in zip(values, types, strict=True))


def _fits(value: Any, wanted: type) -> bool:
    if value is None:
        return True
    if not isinstance(value, wanted):
        return False
    if isinstance(value, int):
        return -_SPAN_BIAS <= value < _SPAN_BIAS
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return False
    return True
