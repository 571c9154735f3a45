"""The schema of a day segment, and the statements of the hot path, built from `row`'s columns."""

# ruff: noqa: S608 - names in the SQL are our own columns; every value is a parameter

from __future__ import annotations

import sqlite3
from functools import cache
from importlib import resources

from otel_eventlog_collector.store.row import DETAIL_FIELDS, SHAPE_TYPES, TEXT_FIELDS
from otel_eventlog_collector.store.sqlite.connect import (
    APPLICATION_ID,
    FORMAT_VERSION,
    DamagedFile,
)

TEXT_COLUMNS = {
    "organization_id": "organization_text",
    "client_id": "client_text",
    "user_agent": "user_agent_text",
    "error_message": "error_message_text",
}
"""Field whose text is kept once → column that holds the number of the text."""

ROW_COLUMNS = (
    *DETAIL_FIELDS,
    "start_shape",
    "outcome_shape",
    *(TEXT_COLUMNS[name] for name in TEXT_FIELDS),
    "user_key",
    "slot",
)
"""Columns of `requests` in the order in which the writer gives them."""

PAIR_COLUMNS = tuple(name for name in ROW_COLUMNS if name not in ("duration_ns", "slot"))
"""The same for whole pairs, whose duration is the time elapsed and which come first."""

OUTCOME_COLUMNS = (
    "elapsed_ns",
    "user_id",
    "session_token_hash",
    "session_jwt_hash",
    "attributes",
    "duration_ns",
    "outcome_shape",
    "organization_text",
    "client_text",
    "error_message_text",
    "user_key",
)
"""Columns that are the outcome's alone, where both halves share a row."""

_SQL_FILES = ("requests.sql", "halves.sql", "event_logs.sql", "rollups.sql")


@cache
def sql_text(name: str) -> str:
    """Return one of the SQL files of the package `store/sql`."""
    return (resources.files("otel_eventlog_collector.store") / "sql" / name).read_text("utf-8")


def create_segment(connection: sqlite3.Connection, after_sequence: int) -> None:
    """Make the tables of a day segment, all or none of them.

    `application_id` marks the file as complete and ours.

    Raises:
        DamagedFile: the file holds tables of somebody else.

    """
    from sqlite_utils import Database

    database = Database(connection)
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise DamagedFile("it holds tables of another program")
    connection.execute("BEGIN IMMEDIATE")
    try:
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
        for name in _SQL_FILES:
            for statement in statements(sql_text(name)):
                connection.execute(statement)
        connection.execute("INSERT INTO sqlite_sequence VALUES ('requests', ?)", (after_sequence,))
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={FORMAT_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


_IS_SEALED = "SELECT 1 FROM sqlite_schema WHERE name = 'requests_long'"
"""The youngest index of sealed.sql: a day that was sealed without it is sealed once more."""


def is_sealed(connection: sqlite3.Connection) -> bool:
    """Whether a segment has all the indexes that a day gets once it is over."""
    return connection.execute(_IS_SEALED).fetchone() is not None


def statements(script: str) -> list[str]:
    """Split a script of ours at its semicolons; `executescript` would commit in between."""
    return [part for part in script.split(";\n") if part.strip()]


@cache
def insert_pairs_sql(rows: int) -> str:
    """Return the statement that inserts so many pairs at once, passing over known requests."""
    one = f"({','.join('?' * len(PAIR_COLUMNS))})"
    return (
        f"INSERT INTO requests ({','.join(PAIR_COLUMNS)}) VALUES {','.join([one] * rows)}"
        " ON CONFLICT DO NOTHING"
    )


@cache
def put_rows_sql(rows: int) -> str:
    """Return the statement that puts so many rows in their places, each with a new sequence.

    A row that stood in the place of a new one gives way.
    """
    one = f"({','.join('?' * len(ROW_COLUMNS))})"
    return f"REPLACE INTO requests ({','.join(ROW_COLUMNS)}) VALUES {','.join([one] * rows)}"


@cache
def find_requests_sql(requests: int) -> str:
    """Return the statement that finds the rows of so many requests.

    A join, and a CROSS one, because SQLite would scan the table for a row value in a list.
    """
    wanted = ",".join(["(?,?)"] * requests)
    return (
        f"WITH wanted (a, b) AS (VALUES {wanted})"
        " SELECT start_ms, span_id, slot, start_unix_nano, elapsed_ns, duration_ns,"
        " start_shape, outcome_shape FROM wanted CROSS JOIN requests"
        " INDEXED BY requests_key ON start_ms = a AND span_id = b"
    )


_AT_PLACE = "start_ms = ? AND span_id = ? AND slot = ?"


@cache
def reshape_start_sql() -> str:
    """Return the statement that gives a start, alone in its row, another shape and sequence."""
    columns = ",".join(ROW_COLUMNS)
    values = ",".join("?" if name == "start_shape" else name for name in ROW_COLUMNS)
    return (
        f"REPLACE INTO requests ({columns}) SELECT {values} FROM requests"
        f" INDEXED BY requests_key WHERE {_AT_PLACE}"
    )


@cache
def leave_start_sql() -> str:
    """Return the statement that takes the outcome out of a row, so that its start stays alone."""
    cleared = ",".join(f"{name} = NULL" for name in OUTCOME_COLUMNS)
    return f"UPDATE requests INDEXED BY requests_key SET {cleared} WHERE {_AT_PLACE}"


@cache
def leave_outcome_sql() -> str:
    """Return the statement that takes the start out of a row, so that its outcome stays alone."""
    return f"UPDATE requests INDEXED BY requests_key SET start_shape = NULL WHERE {_AT_PLACE}"
