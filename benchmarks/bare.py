"""The bare limits that figures stand beside: what the machine does without us in the same minute.

`BareSqlite`: `executemany` of two plain rows a span into one table with three indexes, one commit
a request, `synchronous=FULL`. `parse`: protobuf alone. `echo`: HTTP alone.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_eventlog.model import EventLog

ECHO_APP = Path(__file__).parent / "apps/echo.py"
PLAIN = """
CREATE TABLE plain (
    event_id BLOB NOT NULL, time INTEGER, observed INTEGER, start INTEGER, status TEXT,
    action TEXT, category TEXT, outcome_source TEXT, duration INTEGER, project TEXT,
    environment TEXT, service TEXT, service_version TEXT, trace_id BLOB, span_id INTEGER,
    parent_span_id INTEGER, user_id TEXT, auth_method TEXT, http_method TEXT, http_route TEXT,
    http_status_code INTEGER, error_type TEXT, error_message TEXT, client_address TEXT,
    user_agent TEXT
);
CREATE UNIQUE INDEX plain_id ON plain (event_id);
CREATE INDEX plain_action ON plain (action, time);
CREATE INDEX plain_user ON plain (user_id, time);
"""


def plain_row(event: EventLog) -> tuple[object, ...]:
    """Return an event log as a row of text and numbers, made before the clock starts."""
    signed = [n - 2**63 for n in (event.span_id, event.parent_span_id)]
    return (
        event.event_uuid_int.to_bytes(16, "big"),
        event.time_unix_nano,
        event.time_unix_nano + 1_000_000,
        event.start_unix_nano,
        str(event.status),
        event.action,
        event.category,
        str(event.outcome_source) if event.outcome_source else None,
        event.duration_ns,
        event.project,
        event.environment,
        event.service,
        event.service_version,
        event.trace_id.to_bytes(16, "big"),
        *signed,
        event.user_id,
        event.auth_method,
        event.http_method,
        event.http_route,
        event.http_status_code,
        event.error_type,
        event.error_message,
        event.client_address,
        event.user_agent,
    )


class Rate(NamedTuple):
    """How fast something went.

    Attributes:
        per_s: a second.
        processor_us: microseconds of processor time each, which a busy machine disturbs less.

    """

    per_s: float
    processor_us: float


class BareSqlite:
    """A database of plain rows, without anything around it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=8000"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(PLAIN)

    def insert(self, batches: Sequence[Sequence[tuple[object, ...]]]) -> Rate:
        """Insert rows, one commit for each batch."""
        places = ",".join("?" * len(batches[0][0]))
        began_s, used_s = time.perf_counter(), time.thread_time()
        for batch in batches:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(f"INSERT INTO plain VALUES ({places})", batch)  # noqa: S608
            self._connection.execute("COMMIT")
        rows = sum(map(len, batches))
        self.rows += rows
        took_s, used_s = time.perf_counter() - began_s, time.thread_time() - used_s
        return Rate(rows / took_s, used_s / rows * 1e6)

    def close(self) -> float:
        """Close it; the bytes a row that it takes on disk."""
        self._connection.close()
        return self.path.stat().st_size / self.rows if self.rows else 0.0


def parse(bodies: Sequence[bytes], spans: int, seconds: float) -> Rate:
    """Return how fast protobuf's own parser takes spans in, in one thread.

    Args:
        bodies: of requests, parsed in turn.
        spans: in each of them.
        seconds: how long.

    """
    began_s, used_s, count = time.perf_counter(), time.thread_time(), 0
    while time.perf_counter() < began_s + seconds:
        ExportTraceServiceRequest.FromString(bodies[count % len(bodies)])
        count += 1
    took_s, used_s = time.perf_counter() - began_s, time.thread_time() - used_s
    return Rate(count * spans / took_s, used_s / (count * spans) * 1e6)


class Echo(NamedTuple):
    """A running echo: where it listens, and its process."""

    host: str
    pid: int


@contextmanager
def echo() -> Iterator[Echo]:
    """Run an asyncio server that reads whole requests and answers 200."""
    process = subprocess.Popen([sys.executable, ECHO_APP], stdout=subprocess.PIPE)
    try:
        port = int(next(iter(process.stdout or ()), b"0"))
        yield Echo(f"127.0.0.1:{port}", process.pid)
    finally:
        process.kill()
        process.wait()
