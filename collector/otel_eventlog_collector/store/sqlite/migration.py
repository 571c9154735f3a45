"""Bringing a data directory of an earlier format to this one: each file all or nothing.

A segment is written anew beside the old one, which it replaces only when it is complete and on
disk; the catalog, which says what format the directory has, comes last. A migration that was cut
short goes on where it was.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from otel_eventlog_collector.store.durations import bucket_of
from otel_eventlog_collector.store.sqlite.connect import (
    APPLICATION_ID,
    FORMAT_VERSION,
    Header,
    is_damage,
    open_writer,
    read_header,
    remove_database,
    replace_database,
)
from otel_eventlog_collector.store.sqlite.directory import DataDirectory, segment_name
from otel_eventlog_collector.store.sqlite.position import position_of_format_1
from otel_eventlog_collector.store.sqlite.schema import create_segment, sql_text, statements

UNFINISHED_SUFFIX = ".migrating"

_log = logging.getLogger(__name__)


def migrate(directory: DataDirectory) -> None:
    """Bring every file of a directory, whose lock the caller holds, to this format.

    Raises:
        sqlite3.Error, OSError: it cannot be done; everything is as it was, or in part as it
            should be, and the next call goes on.

    """
    if read_header(directory.catalog_path) == Header(APPLICATION_ID, FORMAT_VERSION):
        return
    for day in directory.days():
        path = directory.segment_path(day)
        try:
            if _settled_format(path) == 1:
                _log.info("bringing the event logs of %s to a new format", segment_name(day))
                _migrate_segment(path)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            directory.set_aside(day, f"SQLite says: {error}")
    with closing(open_writer(directory.catalog_path)) as connection:
        if connection.execute("PRAGMA user_version").fetchone()[0] == 1:
            _migrate_catalog(connection)


def _migrate_catalog(connection: sqlite3.Connection) -> None:
    connection.create_function("position_of_format_1", 1, position_of_format_1)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ALTER TABLE purges RENAME COLUMN last_sequence TO last_position")
    connection.execute("UPDATE purges SET last_position = position_of_format_1(last_position)")
    connection.execute(f"PRAGMA user_version={FORMAT_VERSION}")
    connection.execute("COMMIT")


def _settled_format(path: Path) -> int:
    """Bring what a killed process left into the main file, and return its format."""
    if not path.stat().st_size:
        return 0  # its making was cut short
    with closing(open_writer(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _migrate_segment(path: Path) -> None:
    unfinished = path.with_name(path.name + UNFINISHED_SUFFIX)
    remove_database(unfinished)
    with closing(open_writer(unfinished)) as connection:
        create_segment(connection, after_sequence=0)
        connection.create_function("bucket_of", 1, bucket_of, deterministic=True)
        connection.execute("ATTACH ? AS old", (str(path),))
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements(sql_text("from_format_1.sql")):
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.execute("DETACH old")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    replace_database(path, unfinished)
