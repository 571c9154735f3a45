"""Very many event logs, quickly: thirty days of logins of three services in two environments.

Written through the store's own interface, a day after the other, as a collector would have.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from otel_eventlog.actions import lookup
from otel_eventlog.model import EventLog, OutcomeSource, Rank, Status
from otel_eventlog_collector.protocols import WriteResult
from otel_eventlog_collector.store import open_store

SECOND, MINUTE, HOUR = 10**9, 60 * 10**9, 3600 * 10**9
DAY = 24 * HOUR
DAYS = 29
"""How far back it reaches; the store keeps thirty days."""
BATCH = 4096
IN_FLIGHT = 4
PARTS = ((DAYS * DAY, DAY, 0.7), (DAY, HOUR, 0.24), (HOUR, 2 * SECOND, 0.06))
"""From how long ago, to how long ago, what part of all."""
ACTIONS = (
    # action, route, weight, part of errors, median milliseconds
    ("SessionsAuthenticate", "/session", 44, 0.02, 4),
    ("PasswordsAuthenticate", "/login", 27, 0.14, 95),
    ("MagicLinksEmailLoginOrCreate", "/magic-link", 9, 0.01, 180),
    ("MagicLinksAuthenticate", "/magic-link/{token}", 7, 0.22, 30),
    ("OTPsAuthenticate", "/otp/verify", 6, 0.31, 25),
    ("OAuthAuthenticate", "/oauth/{provider}/callback", 5, 0.05, 320),
    ("SessionsRevoke", "/logout", 2, 0.0, 6),
)
REASONS = ("invalid_credentials", "user_not_found", "expired", "rate_limited", "invalid_code")
PLACES = (
    # project, environment, service, version, weight
    ("acme", "production", "shop", "4.2.0", 70),
    ("acme", "production", "mobile-api", "2.9.1", 20),
    ("acme", "staging", "shop", "4.3.0rc1", 10),
)
AGENTS = tuple(f"Mozilla/5.0 (X11; Linux x86_64) Browser/{n}.0" for n in range(20))


@dataclass
class Plenty:
    """What was written.

    Attributes:
        until_unix_nano: every time is before it.
        counts: event logs by action and status.
        recent: those of the last hour, by action and status.

    """

    until_unix_nano: int
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    recent: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, event: EventLog) -> None:
        """Count one event log."""
        key = event.action, event.status.value
        self.counts[key] += 1
        if event.time_unix_nano >= self.until_unix_nano - HOUR:
            self.recent[key] += 1


def fill(directory: Path, event_logs: int, until_unix_nano: int, seed: int = 7) -> Plenty:
    """Write so many event logs, half of them starts, into a new data directory."""
    plenty = Plenty(until_unix_nano)
    store = open_store(directory, clock=lambda: until_unix_nano)
    waiting: list[Future[WriteResult]] = []
    try:
        batch: list[EventLog] = []
        for event in _event_logs(event_logs // 2, until_unix_nano, random.Random(seed)):
            plenty.add(event)
            batch.append(event)
            if len(batch) >= BATCH:
                waiting.append(store.write(batch))
                batch = []
            if len(waiting) > IN_FLIGHT:
                waiting.pop(0).result()
        waiting.append(store.write(batch))
        for future in waiting:
            future.result()
        assert store.status().events == sum(plenty.counts.values())
    finally:
        store.close()
    return plenty


def _event_logs(requests: int, until: int, rng: random.Random) -> Iterator[EventLog]:
    for first, last, part in PARTS:
        number = round(requests * part)
        step = (first - last) / number
        for at in range(number):
            yield from _pair(int(until - first + (at + rng.random()) * step), rng)


def _pair(at: int, rng: random.Random) -> tuple[EventLog, EventLog]:
    action, route, _, errors, median_ms = rng.choices(ACTIONS, _ACTION_WEIGHTS)[0]
    project, environment, service, version, _ = rng.choices(PLACES, _PLACE_WEIGHTS)[0]
    failed = rng.random() < errors
    elapsed = int(rng.lognormvariate(0, 0.6) * median_ms * 1_000_000)
    person = int(rng.paretovariate(0.7)) % 50_000
    start = EventLog(
        Status.START,
        action,
        rng.getrandbits(63) + 1,
        at,
        at,
        rng.getrandbits(127) + 1,
        trace_sampled=True,
        category=lookup(action).category,
        project=project,
        environment=environment,
        service=service,
        service_version=version,
        auth_method=lookup(action).auth_method,
        http_method="POST",
        http_route=route,
        client_address=f"198.51.100.{person % 250}",
        user_agent=AGENTS[person % 20],
        rank=Rank.DERIVED,
    )
    outcome = EventLog(
        Status.ERROR if failed else Status.SUCCESS,
        action,
        start.span_id,
        at,
        min(at + elapsed, at + SECOND),
        start.trace_id,
        trace_sampled=True,
        category=start.category,
        outcome_source=OutcomeSource.HTTP,
        duration_ns=min(elapsed, SECOND),
        project=project,
        environment=environment,
        service=service,
        service_version=version,
        user_id=f"user-{person}",
        auth_method=start.auth_method,
        http_method="POST",
        http_route=route,
        http_status_code=401 if failed else 200,
        error_type=REASONS[int(rng.random() ** 2 * len(REASONS))] if failed else None,
        client_address=start.client_address,
        user_agent=start.user_agent,
        rank=Rank.DERIVED,
    )
    return start, outcome


_ACTION_WEIGHTS = [action[2] for action in ACTIONS]
_PLACE_WEIGHTS = [place[4] for place in PLACES]
