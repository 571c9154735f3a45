"""How fast the embedded store takes event logs, beside bare SQLite in the same run.

Prints the event logs per second of writes of 512 spans each, eight in flight: as pairs, as a
collector that receives finished spans gives them, and as single event logs, as applications send
them; and the rows per second of bare `executemany` of two plain rows a span into one table with
three indexes. All with `synchronous=FULL`, in rounds that alternate. Then the bytes each event log
takes on disk, every index and rollup included.

    python benchmarks/store_ingest.py [--rounds 5] [--requests 60]
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from otel_eventlog.model import EventLog, OutcomeSource, Rank, Status
from otel_eventlog.pairs import Pair, PairTemplate
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


@cache
def template(number: int, *, failed: bool) -> PairTemplate:
    """Return what all requests of one action and status have in common."""
    action, category, route, method = ACTIONS[number]
    common: dict[str, Any] = {
        "action": action,
        "span_id": 0,
        "start_unix_nano": 0,
        "time_unix_nano": 0,
        "trace_sampled": True,
        "category": category,
        "project": "acme",
        "environment": "production",
        "service": "shop",
        "service_version": "1.4.2",
        "auth_method": method,
        "http_method": "POST",
        "http_route": route,
        "rank": Rank.DERIVED,
    }
    return PairTemplate(
        EventLog(status=Status.START, **common),
        EventLog(
            status=Status.ERROR if failed else Status.SUCCESS,
            outcome_source=OutcomeSource.HTTP,
            http_status_code=401 if failed else 200,
            error_type="invalid_credentials" if failed else None,
            **common,
        ),
    )


def pair(number: int, at: int, rng: random.Random) -> Pair:
    """Return one realistic request."""
    failed = rng.random() < 0.1
    return Pair(
        template=template(rng.choices(range(len(ACTIONS)), (30, 50, 8, 7, 5))[0], failed=failed),
        start_unix_nano=at,
        end_unix_nano=at + int(rng.lognormvariate(3.5, 0.8) * 1_000_000),
        span_id=rng.getrandbits(64),
        trace_id=rng.getrandbits(128).to_bytes(16, "big"),
        parent_span_id=rng.getrandbits(64) if rng.random() < 0.3 else 0,
        correlation_id=None,
        flow_id=None,
        client_address=f"198.51.{number % 100}.{rng.randrange(250)}",
        user_agent=rng.choice(AGENTS),
        user_id=f"user-{int(rng.paretovariate(0.6)) % 200_000:012d}",
        organization_id=None,
        client_id=None,
        session_token_hash=None,
        session_jwt_hash=None,
        error_message="The e-mail address or the password is wrong" if failed else None,
        attributes=None,
    )


def batches(requests: int, rng: random.Random, now: int) -> list[list[Pair]]:
    """Return the writes of one round: their spans follow each other closely in time."""
    return [
        [pair(number, now - rng.randrange(3 * NS_PER_S), rng) for number in range(SPANS)]
        for _ in range(requests)
    ]


def events_of(pairs: list[Pair]) -> list[EventLog]:
    """Return the single event logs of pairs."""
    return [event for each in pairs for event in each.event_logs()]


def ours(store: SqliteStore, writes: list[tuple[Sequence[EventLog], Sequence[Pair]]]) -> float:
    """Return event logs per second through the store, from `write` to the future's result."""
    before = store.status().events
    began = time.perf_counter()
    waiting = []
    for events, pairs in writes:
        waiting.append(store.write(events, pairs))
        if len(waiting) >= IN_FLIGHT:
            waiting.pop(0).result()
    for future in waiting:
        future.result()
    took_s = time.perf_counter() - began
    return (store.status().events - before) / took_s


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
    rates: dict[str, list[float]] = {"pairs": [], "single event logs": [], "bare": []}
    with tempfile.TemporaryDirectory() as name:
        stores = {
            kind: SqliteStore(Path(name) / kind.split()[0], clock=time.time_ns)
            for kind in ("pairs", "single event logs")
        }
        connection = sqlite3.connect(Path(name) / "plain.db", isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=8000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.executescript(PLAIN)
        for number in range(options.rounds):
            writes = batches(options.requests, rng, time.time_ns())
            events = list(map(events_of, writes))
            rows = [[plain_row(event) for event in each] for each in events]
            rates["bare"].append(bare(connection, rows))
            del rows
            single = stores["single event logs"]
            rates["pairs"].append(ours(stores["pairs"], [((), pairs) for pairs in writes]))
            rates["single event logs"].append(ours(single, [(each, ()) for each in events]))
            told = "  ".join(f"{kind} {rate[-1]:9,.0f}" for kind, rate in rates.items())
            print(f"round {number + 1}: {told} event logs/s")
        for kind, store in stores.items():
            events_stored = store.status().events
            store.close()
            size = sum(
                file.stat().st_size
                for file in (Path(name) / kind.split()[0] / "segments").glob("*.db")
            )
            ratio = statistics.median(
                mine / plain for mine, plain in zip(rates[kind], rates["bare"], strict=True)
            )
            print(
                f"{kind}: median {ratio:.2f} of bare executemany,"
                f" {size / events_stored:.0f} bytes an event log"
            )
        rows_stored = connection.execute("SELECT count(*) FROM plain").fetchone()[0]
        connection.close()
        plain_size = (Path(name) / "plain.db").stat().st_size
        print(f"bare: {plain_size / rows_stored:.0f} bytes an event log")


if __name__ == "__main__":
    main()
