"""What the rollups of a data directory say, and what they should say by its rows."""

# ruff: noqa: S608 - names in the SQL are our own

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from otel_eventlog_collector.store.durations import BUCKET_FLOORS_NS


def counted(directory: Path) -> list[Any]:
    """Return what the rollups of all segments say, by the values of the shapes."""
    return _asked(
        directory,
        "SELECT minute, events, shapes.* FROM minutes JOIN shapes ON shapes.id = shape_id"
        " ORDER BY minute, digest",
        "SELECT hour, events, shapes.* FROM hours JOIN shapes ON shapes.id = shape_id"
        " ORDER BY hour, digest",
        "SELECT hour, bucket, events, shapes.* FROM durations"
        " JOIN shapes ON shapes.id = shape_id ORDER BY hour, bucket, digest",
    )


def recounted(directory: Path) -> list[Any]:
    """Return what the rollups should say, counted from the rows."""
    floors = ",".join(f"({bucket}, {floor})" for bucket, floor in enumerate(BUCKET_FLOORS_NS))
    halves = (
        "(SELECT time_unix_nano, shape_id, CASE duration_ns WHEN -1 THEN NULL ELSE"
        " coalesce(duration_ns, elapsed_ns) END AS duration FROM {half})"
    )
    events = " UNION ALL ".join(f"SELECT * FROM {halves.format(half=h)}" for h in HALVES)
    return _asked(
        directory,
        f"SELECT time_unix_nano / 60000000000 AS minute, count(*), shapes.* FROM ({events})"
        " JOIN shapes ON shapes.id = shape_id GROUP BY minute, shape_id ORDER BY minute, digest",
        f"SELECT time_unix_nano / 3600000000000 AS hour, count(*), shapes.* FROM ({events})"
        " JOIN shapes ON shapes.id = shape_id GROUP BY hour, shape_id ORDER BY hour, digest",
        f"WITH floors (bucket, floor) AS (VALUES {floors})"
        " SELECT time_unix_nano / 3600000000000 AS hour, (SELECT max(bucket) FROM floors"
        f" WHERE floor <= duration) AS bucket, count(*), shapes.* FROM ({events})"
        " JOIN shapes ON shapes.id = shape_id WHERE duration IS NOT NULL"
        " GROUP BY hour, bucket, shape_id ORDER BY hour, bucket, digest",
    )


HALVES = ("starts", "outcomes")


def _asked(directory: Path, *statements: str) -> list[Any]:
    found = []
    for segment in sorted((directory / "segments").glob("*.db")):
        with closing(sqlite3.connect(segment)) as connection:
            found += [connection.execute(sql).fetchall() for sql in statements]
    return found
