"""The rollups of a segment: event logs of each minute and hour, and durations, by shape."""

# ruff: noqa: S608 - names in the SQL are our own tables; every value is a parameter

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from operator import floordiv
from typing import NamedTuple, TypeVar

from otel_eventlog_collector.store.durations import BUCKET_FLOORS_NS, bucket_of

NS_PER_MINUTE = 60 * 1_000_000_000
MINUTES_PER_HOUR = 60
NS_PER_HOUR = MINUTES_PER_HOUR * NS_PER_MINUTE

_COLUMNS = {
    "minutes": ("minute", "shape_id"),
    "hours": ("hour", "shape_id"),
    "durations": ("hour", "shape_id", "bucket"),
}
"""The tables and what each counts event logs by."""


class _Statements(NamedTuple):
    add: str
    clear: str


def _statements(table: str, columns: Sequence[str]) -> _Statements:
    places = ", ".join("?" * len(columns))
    here = " AND ".join(f"{column} = ?" for column in columns)
    return _Statements(
        f"INSERT INTO {table} ({', '.join(columns)}, events) VALUES ({places}, ?)"
        " ON CONFLICT DO UPDATE SET events = events + excluded.events",
        f"DELETE FROM {table} WHERE {here} AND events = 0",
    )


_SQL = {table: _statements(table, columns) for table, columns in _COLUMNS.items()}


class Rollup:
    """What one transaction changes in the rollups."""

    def __init__(self) -> None:
        """Change nothing yet."""
        self._minutes: Counter[tuple[int, int]] = Counter()
        self._durations: Counter[tuple[int, int, int]] = Counter()

    def count(
        self, shape_id: int, time_unix_nano: int, duration_ns: int | None, events: int = 1
    ) -> None:
        """Count one event log, or with `events` -1 count it no more.

        Args:
            shape_id: number of its shape.
            time_unix_nano: when it happened.
            duration_ns: how long its request took; None on a start.
            events: 1 or -1.

        """
        self._minutes[time_unix_nano // NS_PER_MINUTE, shape_id] += events
        if duration_ns is not None:
            hour = time_unix_nano // NS_PER_HOUR
            self._durations[hour, shape_id, bucket_of(duration_ns)] += events

    def count_pairs(
        self,
        shapes: Sequence[tuple[int, int]],
        starts: Sequence[int],
        ends: Sequence[int],
        elapsed: Iterable[int],
    ) -> None:
        """Count many pairs at once, without a call for each.

        Args:
            shapes: numbers of start's and outcome's shape.
            starts: when they started.
            ends: when they ended.
            elapsed: nanoseconds between the two, none negative.

        """
        outcomes = [outcome for _, outcome in shapes]
        self._minutes.update(
            zip(_divided(starts, NS_PER_MINUTE), (start for start, _ in shapes), strict=True)
        )
        self._minutes.update(zip(_divided(ends, NS_PER_MINUTE), outcomes, strict=True))
        # bisect counts from one bucket further than `bucket_of`: the key is mended when flushed.
        above: Counter[tuple[int, int, int]] = Counter(
            zip(
                _divided(ends, NS_PER_HOUR),
                outcomes,
                map(bisect_right, repeat(BUCKET_FLOORS_NS), elapsed),
                strict=True,
            )
        )
        for (hour, shape_id, bucket), events in above.items():
            self._durations[hour, shape_id, max(0, bucket - 1)] += events

    def flush(self, connection: sqlite3.Connection) -> None:
        """Write the changes, within the transaction that changes the rows."""
        hours: Counter[tuple[int, int]] = Counter()
        for (minute, shape_id), events in self._minutes.items():
            hours[minute // MINUTES_PER_HOUR, shape_id] += events
        _write(connection, _SQL["minutes"], self._minutes)
        _write(connection, _SQL["hours"], hours)
        _write(connection, _SQL["durations"], self._durations)


_Key = TypeVar("_Key", bound=tuple[int, ...])


def _write(connection: sqlite3.Connection, sql: _Statements, changes: Mapping[_Key, int]) -> None:
    rows = [(*key, events) for key, events in changes.items() if events]
    connection.executemany(sql.add, rows)
    connection.executemany(sql.clear, [row[:-1] for row in rows if row[-1] < 0])


def _divided(times: Sequence[int], unit_ns: int) -> Iterable[int]:
    return map(floordiv, times, repeat(unit_ns))
