"""Erasing a user inside one segment: whole requests go, their bare ids stay.

What stays is the first row of each request with nothing in it but its id. It holds the place, so
that either half of the request that comes again is a duplicate.
"""

# ruff: noqa: S608 - names in the SQL are our own columns; every value is a parameter

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from otel_eventlog_collector.store.sqlite.packing import HeldRow
from otel_eventlog_collector.store.sqlite.pair_rows import user_key
from otel_eventlog_collector.store.sqlite.rollup import Rollup
from otel_eventlog_collector.store.sqlite.schema import (
    ROW_COLUMNS,
    TEXT_COLUMNS,
    find_requests_sql,
)

REQUESTS_MAX = 500
"""Most requests of one transaction: bounds how long others wait."""

_OF_USER = (
    "SELECT DISTINCT start_ms, span_id FROM requests INDEXED BY requests_user"
    f" WHERE user_key = ? AND user_id = ? LIMIT {REQUESTS_MAX}"
)
_KEPT = {"start_unix_nano", "span_id", "slot", "observed_delta_ns"}
_BARE = (
    "UPDATE requests INDEXED BY requests_key"
    " SET start_unix_nano = start_ms * 1000000, observed_delta_ns = 0, "
    + ", ".join(f"{name} = NULL" for name in ROW_COLUMNS if name not in _KEPT)
    + " WHERE start_ms = ? AND span_id = ? AND slot = 0"
)
_SECOND = "DELETE FROM requests WHERE start_ms = ? AND span_id = ? AND slot = 1"
_TEXTS = (
    f"SELECT {', '.join(TEXT_COLUMNS.values())} FROM requests INDEXED BY requests_key"
    " WHERE start_ms = ? AND span_id = ?"
)
_IN_USE = " UNION ".join(
    f"SELECT {column} FROM requests WHERE {column} IN (SELECT value FROM temp.unused)"
    for column in TEXT_COLUMNS.values()
)


class Erased(NamedTuple):
    """What one transaction erased.

    Attributes:
        requests: number of requests.
        events: number of event logs.
        texts: numbers of longer texts that these named.

    """

    requests: int
    events: int
    texts: set[int]


def erase_requests(connection: sqlite3.Connection, user_id: str, rollup: Rollup) -> Erased:
    """Erase up to REQUESTS_MAX requests of a user, within a transaction of the caller."""
    keys = connection.execute(_OF_USER, (user_key(user_id), user_id)).fetchall()
    texts: set[int] = set()
    events = 0
    for key in keys:
        for row in connection.execute(_TEXTS, key):
            texts.update(number for number in row if number is not None)
        for found in connection.execute(find_requests_sql(1), key).fetchall():
            for _, half in HeldRow(*found).halves():
                rollup.count(half.shape_id, half.time_unix_nano, half.duration_ns, -1)
                events += 1
        connection.execute(_SECOND, key)
        connection.execute(_BARE, key)
    return Erased(len(keys), events, texts)


def erase_texts(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Erase those of some texts that no row names any more, within a transaction of the caller."""
    connection.execute("CREATE TEMP TABLE unused (value INTEGER PRIMARY KEY)")
    connection.executemany("INSERT INTO temp.unused VALUES (?)", ((number,) for number in numbers))
    connection.execute(f"DELETE FROM temp.unused WHERE value IN ({_IN_USE})")
    connection.execute("DELETE FROM texts WHERE id IN (SELECT value FROM temp.unused)")
    connection.execute("DROP TABLE temp.unused")
