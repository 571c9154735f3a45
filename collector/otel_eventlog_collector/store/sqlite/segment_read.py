"""One segment as readers see it: every SELECT over event logs. Each is one short read."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from otel_eventlog.model import EventLog
from otel_eventlog_collector.query import Cursor, EventQuery
from otel_eventlog_collector.store.row import (
    DETAIL_FIELDS,
    SHAPE_FIELDS,
    TEXT_FIELDS,
    decode,
    shape_from_sql,
    split_key,
)
from otel_eventlog_collector.store.sqlite.schema import sql_text
from otel_eventlog_collector.store.sqlite.where import (
    Condition,
    all_of,
    event_condition,
    shape_condition,
)

_SHAPE_AT = slice(len(DETAIL_FIELDS), len(DETAIL_FIELDS) + len(SHAPE_FIELDS))
_TEXTS_AT = slice(_SHAPE_AT.stop, _SHAPE_AT.stop + len(TEXT_FIELDS))
_SEQUENCE_AT = _TEXTS_AT.stop

_shape = lru_cache(maxsize=4096)(shape_from_sql)


class Found(NamedTuple):
    """One event log as it was read.

    Attributes:
        order: time, then the event id taken apart: the order of all listings.
        sequence: its place in the segment's stream of commits.
        event: the event log.

    """

    order: tuple[int, int, int, int]
    sequence: int
    event: EventLog


class Bounds(NamedTuple):
    """Earliest and latest time in a segment."""

    low: int
    high: int


def order_of(cursor: Cursor) -> tuple[int, int, int, int]:
    """Return the place of a cursor in the order of listings."""
    return (cursor.time_unix_nano, *split_key(cursor.event_uuid))


def cursor_of(found: Found) -> Cursor:
    """Return the cursor right after an event log."""
    return Cursor(found.event.time_unix_nano, found.event.event_uuid_int)


@cache
def _select() -> str:
    detail = ", ".join(f"e.{name}" for name in DETAIL_FIELDS)
    shape = ", ".join(f"shapes.{name}" for name in SHAPE_FIELDS)
    return sql_text("select_events.sql").format(detail=detail, shape=shape)


def _found(row: Any) -> Found:
    values = tuple(row)
    detail = dict(zip(DETAIL_FIELDS, values, strict=False))
    event = decode(_shape(values[_SHAPE_AT]), values[_TEXTS_AT], detail)
    order = (event.time_unix_nano, *split_key(event.event_uuid_int))
    return Found(order, values[_SEQUENCE_AT], event)


def _run(connection: sqlite3.Connection, tail: str, parameters: Sequence[Any]) -> list[Found]:
    return [_found(row) for row in connection.execute(f"{_select()} {tail}", parameters)]


def bounds(connection: sqlite3.Connection) -> Bounds | None:
    """Return the earliest and latest time, None for an empty segment."""
    low, high = connection.execute(
        "SELECT (SELECT min(time_unix_nano) FROM events), (SELECT max(time_unix_nano) FROM events)"
    ).fetchone()
    return None if low is None else Bounds(low, high)


def after(cursor: Cursor | None, order: str, alias: str = "e") -> list[Condition]:
    """Return the keyset condition of a cursor; `order` is "desc" or "asc"."""
    if cursor is None:
        return []
    sign = "<" if order == "desc" else ">"
    key = ", ".join(f"{alias}.{name}" for name in _ORDER)
    return [Condition(f"({key}) {sign} (?, ?, ?, ?)", list(order_of(cursor)))]


_ORDER = ("time_unix_nano", "start_ms", "span_id", "half")


def order_by(order: str, alias: str = "e") -> str:
    """Return the ORDER BY of all listings."""
    return "ORDER BY " + ", ".join(f"{alias}.{name} {order.upper()}" for name in _ORDER)


def kept(cutoff: int | None, alias: str = "e") -> list[Condition]:
    """Return the clamp of retention: nothing whose request started before `cutoff`."""
    if cutoff is None:
        return []
    return [Condition(f"{alias}.time_unix_nano - {alias}.elapsed_ns >= ?", [cutoff])]


def is_hopeless(connection: sqlite3.Connection, query: EventQuery) -> bool:
    """Whether no shape of a segment passes a query, so that no event log can: told in no time."""
    condition = shape_condition(query)
    if condition is None:
        return False
    sql = f"SELECT 1 FROM shapes WHERE {condition.sql} LIMIT 1"  # noqa: S608 - values are parameters
    return connection.execute(sql, condition.parameters).fetchone() is None


def find(
    connection: sqlite3.Connection, query: EventQuery, limit: int, cutoff: int | None
) -> list[Found]:
    """Return the first event logs of a segment that pass a query, in its order."""
    if is_hopeless(connection, query):
        return []
    condition = all_of(
        [event_condition(query, "e"), *after(query.cursor, query.order), *kept(cutoff)]
    )
    return _run(
        connection,
        f"WHERE {condition.sql} {order_by(query.order)} LIMIT ?",
        [*condition.parameters, limit],
    )


def halves(connection: sqlite3.Connection, event_uuid: int, cutoff: int | None) -> list[Found]:
    """Return the event logs of the request to which an event or request id belongs."""
    key = split_key(event_uuid)
    condition = all_of(
        [Condition("e.start_ms = ? AND e.span_id = ?", [key.start_ms, key.span_id]), *kept(cutoff)]
    )
    return _run(connection, f"WHERE {condition.sql} ORDER BY e.half", condition.parameters)


def of_trace(
    connection: sqlite3.Connection, trace_id: bytes, limit: int, cutoff: int | None
) -> list[Found]:
    """Return the event logs of a trace, oldest first."""
    condition = all_of([Condition("e.trace_id = ?", [trace_id]), *kept(cutoff)])
    return _run(
        connection,
        f"WHERE {condition.sql} {order_by('asc')} LIMIT ?",
        [*condition.parameters, limit],
    )


def last_sequence(connection: sqlite3.Connection) -> int:
    """Return the highest stream sequence given out so far."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    return 0 if row is None else int(row[0])


def committed(
    connection: sqlite3.Connection,
    query: EventQuery,
    between: tuple[int, int],
    limit: int,
    cutoff: int | None,
) -> list[Found]:
    """Return what passes a query and was committed after one sequence, up to another."""
    condition = all_of(
        [
            Condition("e.sequence > ? AND e.sequence <= ?", list(between)),
            event_condition(query, "e"),
            *kept(cutoff),
        ]
    )
    return _run(
        connection,
        f"WHERE {condition.sql} ORDER BY e.sequence LIMIT ?",
        [*condition.parameters, limit],
    )


def count(connection: sqlite3.Connection) -> int:
    """Return the number of event logs in a segment."""
    return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])
