"""How fast the embedded store takes event logs, beside bare SQLite in the same run.

Prints the rows per second of writes of 512 spans (1,024 event logs) each, eight in flight, and of
bare `executemany` of two plain rows a span into one table with three indexes; both with
`synchronous=FULL`, in rounds that alternate, and the bytes each event log takes on disk.

    python benchmarks/store_ingest.py [--rounds 5] [--requests 60]
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from otel_eventlog.model import EventLog, OutcomeSource, Rank, Status
from otel_eventlog_collector.store.sqlite import SqliteStore

SPANS = 512
IN_FLIGHT = 8
NS_PER_S = 1_000_000_000
ACTIONS = (
    ("PasswordsAuthenticate", "passwords", "/login", "password"),
    ("SessionsAuthenticate", "sessions", "/session", None),
    ("MagicLinksEmailLoginOrCreate", "magic_links", "/magic-link", "magic_link"),
    ("OTPsAuthenticate", "otps", "/otp/verify", "otp_sms"),
    ("OAuthCallback", "oauth", "/oauth/{provider}/callback", "oauth_google"),
)
AGENTS = tuple(f"Mozilla/5.0 (X11; Linux x86_64) Browser/{n}.0 Safari/537.36" for n in range(40))


def pair(number: int, at: int, rng: random.Random) -> tuple[EventLog, EventLog]:
    """Return the two event logs of one realistic request."""
    action, category, route, method = rng.choices(ACTIONS, (30, 50, 8, 7, 5))[0]
    failed = rng.random() < 0.1
    span_id, trace_id = rng.getrandbits(64), rng.getrandbits(128)
    elapsed = int(rng.lognormvariate(3.5, 0.8) * 1_000_000)
    address = f"198.51.{number % 100}.{rng.randrange(250)}"
    common = {
        "action": action,
        "span_id": span_id,
        "start_unix_nano": at,
        "trace_id": trace_id,
        "parent_span_id": rng.getrandbits(64) if rng.random() < 0.3 else 0,
        "trace_sampled": True,
        "category": category,
        "project": "acme",
        "environment": "production",
        "service": "shop",
        "service_version": "1.4.2",
        "auth_method": method,
        "http_method": "POST",
        "http_route": route,
        "client_address": address,
        "user_agent": rng.choice(AGENTS),
        "rank": Rank.DERIVED,
    }
    start = EventLog(status=Status.START, time_unix_nano=at, **common)
    outcome = EventLog(
        status=Status.ERROR if failed else Status.SUCCESS,
        time_unix_nano=at + elapsed,
        duration_ns=elapsed,
        outcome_source=OutcomeSource.HTTP,
        http_status_code=401 if failed else 200,
        error_type="invalid_credentials" if failed else None,
        error_message="The e-mail address or the password is wrong" if failed else None,
        user_id=f"user-{int(rng.paretovariate(0.6)) % 200_000:012d}",
        **common,
    )
    return start, outcome


def batches(requests: int, rng: random.Random, now: int) -> list[list[EventLog]]:
    """Return the writes of one round: their spans follow each other closely in time."""
    result = []
    for _ in range(requests):
        events: list[EventLog] = []
        for number in range(SPANS):
            events += pair(number, now - rng.randrange(3 * NS_PER_S), rng)
        result.append(events)
    return result


def ours(store: SqliteStore, writes: list[list[EventLog]]) -> float:
    """Return event logs per second through the store, from `write` to the future's result."""
    began = time.perf_counter()
    waiting = []
    for events in writes:
        waiting.append(store.write(events))
        if len(waiting) >= IN_FLIGHT:
            waiting.pop(0).result()
    for future in waiting:
        future.result()
    return sum(map(len, writes)) / (time.perf_counter() - began)


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


def bare(connection: sqlite3.Connection, rows: list[list[tuple[object, ...]]]) -> float:
    """Return rows per second through bare executemany, one commit for each write."""
    places = ",".join("?" * len(rows[0][0]))
    began = time.perf_counter()
    for batch in rows:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(f"INSERT INTO plain VALUES ({places})", batch)  # noqa: S608
        connection.execute("COMMIT")
    return sum(map(len, rows)) / (time.perf_counter() - began)


def main(arguments: list[str] | None = None) -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=60)
    options = parser.parse_args(arguments)
    rng = random.Random(7)
    mine, plain = [], []
    with tempfile.TemporaryDirectory() as name:
        store = SqliteStore(Path(name) / "data", clock=time.time_ns)
        connection = sqlite3.connect(Path(name) / "plain.db", isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=8000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.executescript(PLAIN)
        for number in range(options.rounds):
            writes = batches(options.requests, rng, time.time_ns())
            rows = [[plain_row(event) for event in events] for events in writes]
            plain.append(bare(connection, rows))
            mine.append(ours(store, writes))
            print(
                f"round {number + 1}: store {mine[-1]:9,.0f}  bare {plain[-1]:9,.0f} event logs/s"
                f"  ratio {mine[-1] / plain[-1]:.2f}"
            )
        events = store.status().events
        connection.close()
        store.close()
        size = sum(file.stat().st_size for file in (Path(name) / "data/segments").iterdir())
        plain_size = (Path(name) / "plain.db").stat().st_size
    ratio = statistics.median(a / b for a, b in zip(mine, plain, strict=True))
    print(f"median ratio to bare executemany: {ratio:.2f}")
    print(f"bytes an event log: store {size / events:.0f}, plain {plain_size / events:.0f}")


if __name__ == "__main__":
    main()
