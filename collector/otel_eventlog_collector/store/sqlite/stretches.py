"""Where in a segment's time any event log of some shapes is: the rollups say it by the minute."""

# ruff: noqa: S608 - names in the SQL are our own columns; every value is a parameter

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from otel_eventlog_collector.query import EventQuery
from otel_eventlog_collector.store.sqlite.rollup import NS_PER_HOUR, NS_PER_MINUTE
from otel_eventlog_collector.store.sqlite.tiers import Stretch
from otel_eventlog_collector.store.sqlite.where import Condition, Half, all_of, within


def busy_stretches(
    connection: sqlite3.Connection, query: EventQuery, half: Half, shapes: Condition
) -> Iterator[Stretch]:
    """Yield the stretches of whole minutes in which a half has any of some shapes, in order.

    They are cut to the query's times and begin at its cursor.
    """
    is_desc = query.order == "desc"
    since, until = _times(query)
    if query.cursor and is_desc:
        until = min(until, query.cursor.time_unix_nano + 1)
    elif query.cursor:
        since = max(since, query.cursor.time_unix_nano)
    sign = "=" if half is Half.START else "!="
    shapes = all_of([shapes, Condition(f"status {sign} 'start'")])
    hours = _units(connection, "hours", "hour", Stretch(since, until), NS_PER_HOUR, shapes)
    for hour in sorted(hours, reverse=is_desc):
        within_hour = Stretch(max(since, hour * NS_PER_HOUR), min(until, (hour + 1) * NS_PER_HOUR))
        minutes = _units(connection, "minutes", "minute", within_hour, NS_PER_MINUTE, shapes)
        joined = list(_joined(sorted(minutes)))
        for first, last in reversed(joined) if is_desc else joined:
            yield Stretch(max(since, first * NS_PER_MINUTE), min(until, (last + 1) * NS_PER_MINUTE))


def events_about(
    connection: sqlite3.Connection, query: EventQuery, shapes: Condition | None = None
) -> int:
    """Return how many event logs, of some shapes, the minutes have that touch a query's times."""
    since, until = _times(query)
    table, column, unit_ns = ("hours", "hour", NS_PER_HOUR)
    if until - since <= NS_PER_HOUR:
        table, column, unit_ns = ("minutes", "minute", NS_PER_MINUTE)
    condition = all_of(
        [
            Condition(f"{column} BETWEEN ? AND ?", [since // unit_ns, (until - 1) // unit_ns]),
            *([] if shapes is None else [within("shape_id", "shapes", shapes)]),
        ]
    )
    sql = f"SELECT coalesce(sum(events), 0) FROM {table} WHERE {condition.sql}"
    return int(connection.execute(sql, condition.parameters).fetchone()[0])


_FOREVER = (1 << 63) - 1


def _times(query: EventQuery) -> Stretch:
    until = query.until_unix_nano
    return Stretch(query.since_unix_nano or 0, min(_FOREVER, _FOREVER if until is None else until))


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
