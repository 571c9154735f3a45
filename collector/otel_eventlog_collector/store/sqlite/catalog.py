"""The catalog: what is known about the directory as a whole, one small database.

The events themselves, and everything needed to read them, are in the segments: a lost catalog
costs the log of purges, not one event log.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.store.sqlite.connect import (
    APPLICATION_ID,
    FILE_MODE,
    FORMAT_VERSION,
    is_current,
    open_reader,
    open_writer,
    sync_directory,
)

PURGES_KEPT_MAX = 10_000
"""Most entries of the log of purges: 27 years of days."""


@dataclass(frozen=True, slots=True)
class PurgedSegment:
    """One entry of the log of purges.

    Attributes:
        number: counts purged segments, from 1.
        day: the segment's day, days since the epoch.
        last_position: the highest stream position that the segment had given out.

    """

    number: int
    day: int
    last_position: int


@dataclass(frozen=True, slots=True)
class CatalogState:
    """What readers need: identity, retention, and what is gone already."""

    store_id: str
    retention_ns: int
    purges: Sequence[PurgedSegment]

    @property
    def purge_number(self) -> int:
        """Number of the latest purged segment, 0 = none yet."""
        return self.purges[-1].number if self.purges else 0


def create_catalog(path: Path, retention_ns: int) -> None:
    """Make the catalog: complete under another name first, so that a crash leaves none or all."""
    from sqlite_utils import Database

    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))
    with closing(sqlite3.connect(unfinished)) as connection:
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={FORMAT_VERSION}")
        connection.execute("PRAGMA synchronous=FULL")
        database = Database(connection)
        database.table("settings").create(
            {"name": str, "value": str}, pk="name", not_null={"value"}, strict=True
        )
        database.table("purges").create(
            {
                "number": int,
                "day": int,
                "last_position": int,
                "events": int,
                "purged_unix_nano": int,
            },
            pk="number",
            not_null={"day", "last_position", "events", "purged_unix_nano"},
            strict=True,
        )
        database.table("settings").insert_all(
            [
                {"name": "store_id", "value": secrets.token_hex(4)},
                {"name": "retention_ns", "value": str(retention_ns)},
            ]
        )
        connection.commit()
    unfinished.rename(path)
    sync_directory(path.parent)


class Catalog:
    """Read and write access to the catalog; every call is one short transaction."""

    def __init__(self, path: Path) -> None:
        """Remember the path; every call opens the file for itself, it is needed seldom."""
        self._path = path

    def state(self) -> CatalogState:
        """Read everything readers need.

        Raises:
            ConfigError: the directory is of an earlier format.
            sqlite3.Error: the catalog cannot be read.

        """
        while True:
            connection, snapshot = open_reader(self._path)
            with closing(connection):
                _check_format(self._path, connection)
                settings = dict(map(tuple, connection.execute("SELECT name, value FROM settings")))
                purges = [
                    PurgedSegment(*row)
                    for row in connection.execute(
                        "SELECT number, day, last_position FROM purges ORDER BY number"
                    )
                ]
            if is_current(self._path, snapshot):
                return CatalogState(settings["store_id"], int(settings["retention_ns"]), purges)

    def set_retention(self, retention_ns: int) -> None:
        """Remember the retention for those who open the directory without saying one."""
        with closing(open_writer(self._path)) as connection:
            connection.execute(
                "UPDATE settings SET value = ? WHERE name = 'retention_ns' AND value != ?",
                (str(retention_ns), str(retention_ns)),
            )

    def log_purge(self, day: int, *, last_position: int, events: int, now_unix_nano: int) -> None:
        """Note that a segment is going, before it goes: a position that names it has a gap."""
        with closing(open_writer(self._path)) as connection:
            connection.execute(
                "INSERT INTO purges (day, last_position, events, purged_unix_nano)"
                " VALUES (?, ?, ?, ?)",
                (day, last_position, events, now_unix_nano),
            )
            connection.execute(
                "DELETE FROM purges WHERE number <= (SELECT max(number) FROM purges) - ?",
                (PURGES_KEPT_MAX,),
            )


def _check_format(path: Path, connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version < FORMAT_VERSION:
        raise ConfigError(
            f"{str(path.parent)!r} has format {version}, this version reads {FORMAT_VERSION}",
            hint="start a collector on it once: `otel-eventlog serve --data` brings it up to date",
        )
