"""`otel-eventlog`, except that each SELECT is explained into the file EXPLAIN_FILE before it runs.

One JSON line a statement: its text and SQLite's query plan. For one reader at a time.
"""

from __future__ import annotations

import json
import os
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

from otel_eventlog_collector.cli.main import run

EXPLAIN_FILE = Path(os.environ["EXPLAIN_FILE"])


class ExplainingCursor(sqlite3.Cursor):
    """Explains, then executes."""

    def execute(self, sql: str, parameters: Any = (), /) -> ExplainingCursor:
        """Execute a statement; a SELECT is explained first."""
        if sql.lstrip().upper().startswith(("SELECT", "WITH")):
            plan = super().execute(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()
            with EXPLAIN_FILE.open("a") as file:
                line = {"sql": " ".join(sql.split()), "plan": [str(step[-1]) for step in plan]}
                file.write(json.dumps(line) + "\n")
        super().execute(sql, parameters)
        return self


class ExplainingConnection(sqlite3.Connection):
    """Hands out explaining cursors, also behind its own short cuts."""

    def cursor(self, *_factory: Any, **_factories: Any) -> Any:
        """Return a new cursor."""
        return super().cursor(ExplainingCursor)

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Execute a statement with a new cursor."""
        cursor: sqlite3.Cursor = self.cursor()
        return cursor.execute(sql, parameters)


if __name__ == "__main__":
    vars(sqlite3)["connect"] = partial(sqlite3.connect, factory=ExplainingConnection)
    run()
