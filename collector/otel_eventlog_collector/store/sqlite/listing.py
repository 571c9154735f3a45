"""The first event logs of a segment that pass a query.

Where only low-cardinality fields are asked for, the rollups say which hours and minutes have any,
and nothing else is read: what is rare is found as fast as what is common.
"""

# ruff: noqa: S608 - names in the SQL are our own columns; every value is a parameter

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from operator import attrgetter

from otel_eventlog_collector.query import EventQuery
from otel_eventlog_collector.store.sqlite.rollup import (
    NS_PER_HOUR,
    NS_PER_MINUTE,
)
from otel_eventlog_collector.store.sqlite.segment_read import (
    Found,
    after,
    hopeful,
    kept,
    order_by,
    select,
)
from otel_eventlog_collector.store.sqlite.tiers import Stretch
from otel_eventlog_collector.store.sqlite.where import (
    Condition,
    Half,
    all_of,
    event_condition,
    is_on_shapes_only,
    shape_condition,
    within,
)


def find(
    connection: sqlite3.Connection, query: EventQuery, limit: int, cutoff: int | None
) -> list[Found]:
    """Return the first event logs of a segment that pass a query, in its order."""
    found: list[Found] = []
    shapes = shape_condition(query) if is_on_shapes_only(query) else None
    for half in hopeful(connection, query):
        if shapes is None:
            found += _first(connection, query, half, limit, cutoff)
        else:
            found += _first_of_shapes(connection, query, half, limit, cutoff, shapes)
    found.sort(key=attrgetter("order"), reverse=query.order == "desc")
    return found[:limit]


def _first(
    connection: sqlite3.Connection, query: EventQuery, half: Half, limit: int, cutoff: int | None
) -> list[Found]:
    condition = all_of(
        [
            event_condition(query, "e", half),
            *after(query.cursor, query.order, half),
            *kept(cutoff),
        ]
    )
    # Only what is returned is joined with its shape and texts, not all that has to be sorted.
    first = (
        f"SELECT e.sequence FROM {half} AS e WHERE {condition.sql}"
        f" {order_by(query.order, half)} LIMIT ?"
    )
    tail = f"WHERE e.sequence IN ({first})"
    return select(connection, half, tail, [*condition.parameters, limit])


def _first_of_shapes(
    connection: sqlite3.Connection,
    query: EventQuery,
    half: Half,
    limit: int,
    cutoff: int | None,
    shapes: Condition,
) -> list[Found]:
    found: list[Found] = []
    sign = "=" if half is Half.START else "!="
    of_half = all_of([shapes, Condition(f"status {sign} 'start'")])
    for stretch in _stretches(connection, query, of_half):
        asked = replace(query, since_unix_nano=stretch.since, until_unix_nano=stretch.until)
        found += _first(connection, asked, half, limit - len(found), cutoff)
        if len(found) == limit:
            break
    return found


def _stretches(
    connection: sqlite3.Connection, query: EventQuery, shapes: Condition
) -> Iterator[Stretch]:
    """Yield the stretches of whole minutes that have any of some shapes, cut to a query's times."""
    is_desc = query.order == "desc"
    since, until = query.since_unix_nano or 0, query.until_unix_nano
    if query.cursor and is_desc:
        until = min(until or _FOREVER, query.cursor.time_unix_nano + 1)
    elif query.cursor:
        since = max(since, query.cursor.time_unix_nano)
    until = min(_FOREVER, _FOREVER if until is None else until)
    hours = _units(connection, "hours", "hour", Stretch(since, until), NS_PER_HOUR, shapes)
    for hour in sorted(hours, reverse=is_desc):
        within_hour = Stretch(max(since, hour * NS_PER_HOUR), min(until, (hour + 1) * NS_PER_HOUR))
        minutes = _units(connection, "minutes", "minute", within_hour, NS_PER_MINUTE, shapes)
        joined = list(_joined(sorted(minutes)))
        for first, last in reversed(joined) if is_desc else joined:
            yield Stretch(max(since, first * NS_PER_MINUTE), min(until, (last + 1) * NS_PER_MINUTE))


_FOREVER = (1 << 63) - 1


def _units(
    connection: sqlite3.Connection,
    table: str,
    column: str,
    stretch: Stretch,
    unit_ns: int,
    shapes: Condition,
) -> set[int]:
    """Return the hours or minutes that have any of some shapes and touch a stretch."""
    condition = all_of(
        [
            Condition(
                f"{column} BETWEEN ? AND ?",
                [stretch.since // unit_ns, (stretch.until - 1) // unit_ns],
            ),
            within("shape_id", "shapes", shapes),
        ]
    )
    sql = f"SELECT DISTINCT {column} FROM {table} WHERE {condition.sql}"
    return {row[0] for row in connection.execute(sql, condition.parameters)}


def _joined(minutes: list[int]) -> Iterator[tuple[int, int]]:
    """Join minutes that follow each other; yield the first and the last of each run."""
    first = last = None
    for minute in minutes:
        if last is not None and minute == last + 1:
            last = minute
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = minute
    if first is not None and last is not None:
        yield first, last
