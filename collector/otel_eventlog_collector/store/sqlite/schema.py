"""The schema of a day segment, and the statements of the hot path, built from `row`'s columns."""

# ruff: noqa: S608 - names in the SQL are our own columns; every value is a parameter

from __future__ import annotations

import sqlite3
from functools import cache
from importlib import resources

from otel_eventlog_collector.errors import StoreUnavailable
from otel_eventlog_collector.store.row import DETAIL_FIELDS, SHAPE_TYPES, TEXT_FIELDS
from otel_eventlog_collector.store.sqlite.connect import APPLICATION_ID, FORMAT_VERSION

TEXT_COLUMNS = {
    "organization_id": "organization_text",
    "client_id": "client_text",
    "user_agent": "user_agent_text",
    "error_message": "error_message_text",
}
"""Field whose text is kept once → column that holds the number of the text."""

EVENT_COLUMNS = (
    *DETAIL_FIELDS,
    "shape_id",
    *(TEXT_COLUMNS[name] for name in TEXT_FIELDS),
    "user_key",
)
"""Columns of `events` in the order in which the writer gives them."""


@cache
def sql_text(name: str) -> str:
    """Return one of the SQL files of the package `store/sql`."""
    return (resources.files("otel_eventlog_collector.store") / "sql" / name).read_text("utf-8")


def create_segment(connection: sqlite3.Connection, after_sequence: int) -> None:
    """Make the tables of a day segment, all or none of them.

    `application_id` marks the file as complete and ours.

    Raises:
        StoreUnavailable: the file holds tables of somebody else.

    """
    from sqlite_utils import Database

    database = Database(connection)
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise StoreUnavailable("a file in the place of a day segment holds foreign tables")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in _statements(sql_text("events.sql")):
            connection.execute(statement)
        database.table("shapes").create(
            {"id": int, **SHAPE_TYPES, "digest": bytes},
            pk="id",
            not_null={"status", "rank", "action", "clock_skewed", "digest"},
            strict=True,
        )
        database.table("shapes").create_index(["digest"], unique=True)
        database.table("texts").create(
            {"id": int, "text": str, "digest": bytes},
            pk="id",
            not_null={"text", "digest"},
            strict=True,
        )
        database.table("texts").create_index(["digest"], unique=True)
        connection.execute(f"CREATE VIEW event_logs AS {sql_text('event_logs.sql')}")
        connection.execute("INSERT INTO sqlite_sequence VALUES ('events', ?)", (after_sequence,))
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={FORMAT_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    """Split a script of ours at its semicolons; `executescript` would commit in between."""
    lines = [line.split("--")[0] for line in script.splitlines()]
    return [part for part in "\n".join(lines).split(";") if part.strip()]


@cache
def insert_sql(rows: int, *, replace: bool) -> str:
    """Return the statement that inserts so many rows at once.

    Known event logs are passed over, or with `replace` give way: the new row gets a new sequence.
    """
    one = f"({','.join('?' * len(EVENT_COLUMNS))})"
    verb, tail = ("REPLACE", "") if replace else ("INSERT", " ON CONFLICT DO NOTHING")
    columns = ",".join(EVENT_COLUMNS)
    return f"{verb} INTO events ({columns}) VALUES {','.join([one] * rows)}{tail}"


@cache
def find_keys_sql(keys: int) -> str:
    """Return the statement that finds which of so many keys are stored, and their shapes.

    A join, and a CROSS one, because SQLite would scan the table for a row value in a list.
    """
    wanted = ",".join(["(?,?,?)"] * keys)
    return (
        f"WITH wanted (a, b, c) AS (VALUES {wanted})"
        " SELECT start_ms, span_id, half, shape_id, time_unix_nano FROM wanted CROSS JOIN events"
        " INDEXED BY events_key ON start_ms = a AND span_id = b AND half = c"
    )


@cache
def reshape_sql() -> str:
    """Return the statement that gives one stored event log another shape and a new sequence."""
    columns = ",".join(EVENT_COLUMNS)
    values = ",".join("?" if name == "shape_id" else name for name in EVENT_COLUMNS)
    return (
        f"REPLACE INTO events ({columns}) SELECT {values} FROM events INDEXED BY events_key"
        " WHERE start_ms = ? AND span_id = ? AND half = ?"
    )
