"""One segment as readers see it: every SELECT over event logs. Each is one short read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from operator import attrgetter
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
    Half,
    all_of,
    between,
    event_condition,
    shape_condition,
)

_SHAPE_AT = slice(len(DETAIL_FIELDS), len(DETAIL_FIELDS) + len(SHAPE_FIELDS))
_TEXTS_AT = slice(_SHAPE_AT.stop, _SHAPE_AT.stop + len(TEXT_FIELDS))
_POSITION_AT = _TEXTS_AT.stop
NS_PER_MINUTE = 60 * 1_000_000_000

_shape = lru_cache(maxsize=4096)(shape_from_sql)


class Found(NamedTuple):
    """One event log as it was read.

    Attributes:
        order: time, then the event id taken apart: the order of all listings.
        position: its place in the segment's stream of commits.
        event: the event log.

    """

    order: tuple[int, int, int, int]
    position: int
    event: EventLog


class Bounds(NamedTuple):
    """Earliest and latest time in a segment, by the minute: nothing lies outside."""

    low: int
    high: int


def order_of(cursor: Cursor) -> tuple[int, int, int, int]:
    """Return the place of a cursor in the order of listings."""
    return (cursor.time_unix_nano, *split_key(cursor.event_uuid))


def cursor_of(found: Found) -> Cursor:
    """Return the cursor right after an event log."""
    return Cursor(found.event.time_unix_nano, found.event.event_uuid_int)


@contextmanager
def one_snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Let several SELECTs see the same state: a row gets another number when its outcome joins.

    After an error the pool closes the connection, which ends the transaction too.
    """
    connection.execute("BEGIN")
    yield
    connection.execute("COMMIT")


@cache
def _select_sql(half: Half) -> str:
    detail = ", ".join(f"e.{name}" for name in DETAIL_FIELDS)
    shape = ", ".join(f"shapes.{name}" for name in SHAPE_FIELDS)
    return sql_text("select_events.sql").format(detail=detail, shape=shape, halves=half)


def _found(row: Any) -> Found:
    values = tuple(row)
    detail = dict(zip(DETAIL_FIELDS, values, strict=False))
    event = decode(_shape(values[_SHAPE_AT]), values[_TEXTS_AT], detail)
    order = (event.time_unix_nano, *split_key(event.event_uuid_int))
    return Found(order, values[_POSITION_AT], event)


def select(
    connection: sqlite3.Connection, half: Half, tail: str, parameters: Sequence[Any]
) -> list[Found]:
    """Return the event logs of a half, named `e`, that the tail of a SELECT admits."""
    return [_found(row) for row in connection.execute(f"{_select_sql(half)} {tail}", parameters)]


def bounds(connection: sqlite3.Connection) -> Bounds | None:
    """Return the first and last minute with an event log, None for an empty segment."""
    low, high = connection.execute(
        "SELECT (SELECT min(minute) FROM minutes), (SELECT max(minute) FROM minutes)"
    ).fetchone()
    return None if low is None else Bounds(low * NS_PER_MINUTE, (high + 1) * NS_PER_MINUTE - 1)


def exact_bounds(connection: sqlite3.Connection) -> Bounds | None:
    """Return the earliest and latest time to the nanosecond, None for an empty segment."""
    outer = bounds(connection)
    if outer is None:
        return None
    times: list[int] = []
    for half in Half:
        for since in (outer.low, outer.high + 1 - NS_PER_MINUTE):
            condition = all_of(between("e", half, since, since + NS_PER_MINUTE))
            sql = (
                "SELECT min(e.time_unix_nano), max(e.time_unix_nano)"  # noqa: S608 - parameters
                f" FROM {half} AS e WHERE {condition.sql}"
            )
            found = connection.execute(sql, condition.parameters).fetchone()
            times += [time for time in found if time is not None]
    return Bounds(min(times), max(times)) if times else None


def after(cursor: Cursor | None, order: str, half: Half, alias: str = "e") -> list[Condition]:
    """Return the keyset condition of a cursor; `order` is "desc" or "asc"."""
    if cursor is None:
        return []
    sign = "<" if order == "desc" else ">"
    key = ", ".join(f"{alias}.{name}" for name in ("time_unix_nano", "start_ms", "span_id", "half"))
    place = order_of(cursor)
    # Told once more in the way in which an index can use it.
    first = "start_ms" if half is Half.START else "time_unix_nano"
    bound = place[0] // _NS_PER_MS if half is Half.START else place[0]
    return [
        Condition(f"{alias}.{first} {sign}= ?", [bound]),
        Condition(f"({key}) {sign} (?, ?, ?, ?)", list(place)),
    ]


_NS_PER_MS = 1_000_000
_ORDER = {
    Half.START: ("start_ms", "time_unix_nano", "span_id"),
    Half.OUTCOME: ("time_unix_nano", "start_ms", "span_id"),
}
"""The order of all listings, (time, event id), as the index of each half has it."""


def order_by(order: str, half: Half, alias: str = "e") -> str:
    """Return the ORDER BY of all listings."""
    return "ORDER BY " + ", ".join(f"{alias}.{name} {order.upper()}" for name in _ORDER[half])


def kept(cutoff: int | None, alias: str = "e") -> list[Condition]:
    """Return the clamp of retention: nothing whose request started before `cutoff`."""
    if cutoff is None:
        return []
    return [Condition(f"{alias}.start_unix_nano >= ?", [cutoff])]


def hopeful(connection: sqlite3.Connection, query: EventQuery) -> list[Half]:
    """Return the halves of which a shape passes a query; without one no event log can."""
    filters = shape_condition(query)
    if filters is None:
        return list(Half)
    sql = f"SELECT DISTINCT status = 'start' FROM shapes WHERE {filters.sql}"  # noqa: S608 - values are parameters
    found = [row[0] for row in connection.execute(sql, filters.parameters)]
    return [half for half in Half if int(half is Half.START) in found]


_order = attrgetter("order")


def halves(connection: sqlite3.Connection, event_uuid: int, cutoff: int | None) -> list[Found]:
    """Return the event logs of the request to which an event or request id belongs."""
    key = split_key(event_uuid)
    condition = all_of(
        [Condition("e.start_ms = ? AND e.span_id = ?", [key.start_ms, key.span_id]), *kept(cutoff)]
    )
    return [
        found
        for half in Half
        for found in select(connection, half, f"WHERE {condition.sql}", condition.parameters)
    ]


def last_position(connection: sqlite3.Connection) -> int:
    """Return the highest stream position given out so far: two for each row."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'requests'").fetchone()
    return 1 if row is None else 2 * int(row[0]) + 1


def committed(
    connection: sqlite3.Connection,
    query: EventQuery,
    between_positions: tuple[int, int],
    limit: int,
    cutoff: int | None,
) -> list[Found]:
    """Return what passes a query and was committed after one position, up to another."""
    low, high = between_positions
    found: list[Found] = []
    for half in hopeful(connection, query):
        condition = all_of(
            [
                Condition("e.sequence >= ? AND e.sequence <= ?", [low // 2, high // 2]),
                Condition("e.position > ? AND e.position <= ?", [low, high]),
                event_condition(query, "e", half),
                *kept(cutoff),
            ]
        )
        tail = f"WHERE {condition.sql} ORDER BY e.sequence LIMIT ?"
        found += select(connection, half, tail, [*condition.parameters, limit])
    found.sort(key=attrgetter("position"))
    return found[:limit]


def count(connection: sqlite3.Connection) -> int:
    """Return the number of event logs in a segment, from the shortest of its rollups."""
    return int(connection.execute("SELECT coalesce(sum(events), 0) FROM hours").fetchone()[0])
