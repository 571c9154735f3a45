"""Event logs over thirty days with realistic skew, the same for the same seed, any number of them.

More at noon than at night, fewer at weekends; bursts of failures from one address; a few hot users,
organizations and addresses; rare actions and errors; flows, correlation ids, e-mail deliveries,
and requests that never ended. One needle on the oldest and one on the newest day have a value of
their own in every field, so that the search for a single hit can be timed.

    python -m benchmarks.generator --events 1e6 DIR [--days 30] [--seed 1]
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from benchmarks import deeds, population
from benchmarks.population import NS_PER_S
from benchmarks.report import Progress
from otel_eventlog.model import EventLog
from otel_eventlog.pairs import Pair
from otel_eventlog_collector.protocols import Store, WriteResult
from otel_eventlog_collector.store import open_store

MINUTE_NS = 60 * NS_PER_S
DAY_S = 86_400
MARGIN_NS = 30 * MINUTE_NS
"""The oldest event logs are this much younger than the retention, so that a run sees them all."""
WRITE_PAIRS = 1_000
WRITES_IN_FLIGHT = 6
BURSTS = 40
BURST_SHARE = 0.01
UNFINISHED_SHARE = 0.003
EVENTS_PER_REQUEST = 2 - UNFINISHED_SHARE + deeds.DELIVERY_SHARE
POOL = 200_000
"""Draws from a skewed distribution made beforehand; drawing from them again is much cheaper."""
NEEDLES = ("oldest", "newest")


class Person(NamedTuple):
    """Somebody who logs in."""

    user_id: str
    organization_id: str
    client_address: str
    user_agent: str


class Batch(NamedTuple):
    """What is written at once: finished requests, and event logs that are alone."""

    pairs: Sequence[Pair]
    events: Sequence[EventLog]

    def __len__(self) -> int:
        """Return how many event logs it is."""
        return 2 * len(self.pairs) + len(self.events)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be generated.

    Attributes:
        events: about how many event logs.
        until_unix_nano: the newest begin right before.
        days: how far back they reach.
        seed: the same seed makes the same event logs.

    """

    events: int
    until_unix_nano: int
    days: float = 30.0
    seed: int = 1

    @property
    def since_unix_nano(self) -> int:
        """When the oldest begin."""
        return self.until_unix_nano - int(self.days * DAY_S * NS_PER_S) + MARGIN_NS


def activity(unix_s: float) -> float:
    """Return how much is going on at a time, relative to a working day's noon."""
    of_day: float = math.sin((unix_s % DAY_S / DAY_S - 0.29) * 2 * math.pi) / 2 + 0.5
    weekday = int(unix_s // DAY_S + 3) % 7
    return (0.08 + 0.92 * math.pow(of_day, 1.5)) * (0.55 if weekday >= 5 else 1.0)


class Generator:
    """Draws requests, minute by minute."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rng = rng = random.Random(plan.seed)
        self._kinds = deeds.kinds()
        self._weights = list(itertools.accumulate(kind.weight for kind in self._kinds))
        self._failures = [kind for kind in self._kinds if "/login" in _route_of(kind)]
        self._failures = [kind for kind in self._failures if kind.error_message]
        self._deliveries = deeds.deliveries()
        self._delivery_weights = list(itertools.accumulate(k.weight for k in self._deliveries))
        self._people = [self._person() for _ in range(min(POOL, max(2_000, plan.events)))]
        self._durations = [population.duration_ns(rng) for _ in range(10_000)]
        self._flow: str | None = None

    def _person(self) -> Person:
        rng = self.rng
        return Person(
            population.user_id(rng),
            population.organization_id(rng),
            population.client_address(rng),
            population.user_agent(rng),
        )

    def batches(self) -> Iterator[Batch]:
        """Return everything, oldest first, in pieces for one write each."""
        minutes, bursts = self._minutes()
        pairs, events = [self.needle("oldest", self.plan.since_unix_nano)], list[EventLog]()
        for begin, count in minutes:
            for pair in self._minute(begin, count):
                if self.rng.random() < UNFINISHED_SHARE:
                    events.append(pair.event_logs()[0])
                else:
                    pairs.append(pair)
            pairs += self._burst(begin, bursts.get(begin, 0))
            events += self._mail(begin, count)
            while len(pairs) >= WRITE_PAIRS:
                yield Batch(pairs[:WRITE_PAIRS], events)
                pairs, events = pairs[WRITE_PAIRS:], []
        last = self.plan.until_unix_nano - MINUTE_NS
        yield Batch([*pairs, self.needle("newest", last)], events)

    def request(self, start_unix_nano: int) -> Pair:
        """Return one more finished request, as skewed as all."""
        [kind] = self.rng.choices(self._kinds, cum_weights=self._weights)
        return self._pair(start_unix_nano, kind, self.rng.choice(self._people))

    def _minutes(self) -> tuple[list[tuple[int, int]], dict[int, int]]:
        """Return each minute with its requests, and the requests of each burst by its minute."""
        begins = range(self.plan.since_unix_nano, self.plan.until_unix_nano - MINUTE_NS, MINUTE_NS)
        requests = self.plan.events / EVENTS_PER_REQUEST
        curve = [activity(begin / NS_PER_S) for begin in begins]
        scale = requests * (1 - BURST_SHARE) / sum(curve)
        counts, owed = [], 0.0
        for share in curve:
            owed += share * scale
            counts.append(int(owed))
            owed -= int(owed)
        in_bursts = self.rng.sample(begins, min(BURSTS, len(begins)))
        each = int(requests * BURST_SHARE / len(in_bursts))
        return list(zip(begins, counts, strict=True)), dict.fromkeys(in_bursts, each)

    def _minute(self, begin: int, count: int) -> Iterator[Pair]:
        rng = self.rng
        starts = sorted(rng.choices(range(MINUTE_NS), k=count))
        chosen = rng.choices(self._kinds, cum_weights=self._weights, k=count)
        people = rng.choices(self._people, k=count)
        for start, kind, person in zip(starts, chosen, people, strict=True):
            yield self._pair(begin + start, kind, person)

    def _burst(self, begin: int, count: int) -> Iterator[Pair]:
        """Somebody tries passwords from one address, with one program."""
        rng = self.rng
        if not count:
            return
        attacker = rng.choice(self._people)._replace(
            client_address=f"203.0.113.{rng.randrange(1, 255)}", user_agent="python-requests/2.32.5"
        )
        kind = rng.choice(self._failures)
        for n in range(count):
            victim = attacker._replace(user_id=rng.choice(self._people).user_id)
            yield self._pair(begin + n * MINUTE_NS // count, kind, victim)

    def _pair(self, start: int, kind: deeds.Kind, person: Person) -> Pair:
        rng = self.rng
        template = kind.template
        action = template.start.action
        ids = rng.getrandbits(320)
        failed = template.outcome.error_type is not None
        return Pair(
            template,
            start,
            start + rng.choice(self._durations),
            ids & 0xFFFF_FFFF_FFFF_FFFF | 1,
            (ids >> 64 & (1 << 128) - 1).to_bytes(16, "big"),
            ids >> 192 & 0xFFFF_FFFF_FFFF_FFFF if ids >> 318 == 0 else 0,
            f"{ids >> 200 & (1 << 64) - 1:016x}" if (ids >> 300 & 0xFF) < 85 else None,
            self._flow_id(ids) if action in deeds.IN_FLOWS else None,
            person.client_address,
            person.user_agent,
            person.user_id if not failed or ids >> 319 else None,
            person.organization_id,
            "web" if action == "IDPOAuthToken" else None,
            f"{ids >> 100 & (1 << 128) - 1:032x}" if action in deeds.WITH_SESSION else None,
            None,
            kind.error_message,
            None,
        )

    def _flow_id(self, ids: int) -> str:
        """Two requests that follow each other are one flow: the code is sent, then entered."""
        flow, self._flow = self._flow, None
        if flow is None:
            flow = self._flow = f"flow-{ids >> 130 & (1 << 48) - 1:012x}"
        return flow

    def _mail(self, begin: int, count: int) -> Iterator[EventLog]:
        rng = self.rng
        mails = int(count * deeds.DELIVERY_SHARE + rng.random())
        for kind in rng.choices(self._deliveries, cum_weights=self._delivery_weights, k=mails):
            at = begin + rng.randrange(MINUTE_NS)
            person = rng.choice(self._people)
            yield replace(
                kind.template.outcome,
                span_id=rng.getrandbits(64) | 1,
                start_unix_nano=at,
                time_unix_nano=at,
                user_id=person.user_id,
                organization_id=person.organization_id,
                attributes={},
            )

    def needle(self, name: str, start: int) -> Pair:
        """Return the request that is found by any of its fields alone."""
        return needle_pair(name, start)


def needle_pair(name: str, start: int) -> Pair:
    """Return a needle; its ids follow from its name."""
    rng = random.Random(name)
    return Pair(
        deeds.needle(name),
        start,
        start + 1_000_000,
        rng.getrandbits(64) | 1,
        rng.randbytes(16),
        rng.getrandbits(64) | 1,
        f"needle-correlation-{name}",
        f"needle-flow-{name}",
        {"oldest": "192.0.2.1", "newest": "192.0.2.2"}.get(name, "192.0.2.3"),
        f"needle-agent/{name}",
        f"needle-user-{name}",
        f"needle-organization-{name}",
        f"needle-client-{name}",
        f"needle-session-token-{name}",
        f"needle-session-jwt-{name}",
        f"needle message {name}",
        None,
    )


def _route_of(kind: deeds.Kind) -> str:
    return kind.template.start.http_route or ""


# --- into a store ---------------------------------------------------------------------------------


def fill(store: Store, plan: Plan, on_written: Callable[[int], None] = lambda _events: None) -> int:
    """Write what a plan says into a store, as fast as it takes it; return how many event logs.

    Args:
        store: open for writing; its retention has to reach back as far as the plan.
        plan: what to write.
        on_written: told how many event logs more are on disk.

    Raises:
        RuntimeError: the store did not keep some of them as new.

    """
    waiting: deque[tuple[Future[WriteResult], int]] = deque()
    written = 0

    def finish_one() -> None:
        nonlocal written
        future, count = waiting.popleft()
        result = future.result()
        if result.stored != count:
            raise RuntimeError(f"of {count} new event logs the store says {result}")
        written += count
        on_written(count)

    for batch in Generator(plan).batches():
        while len(waiting) >= WRITES_IN_FLIGHT:
            finish_one()
        waiting.append((store.write(batch.events, batch.pairs), len(batch)))
    while waiting:
        finish_one()
    return written


def main(arguments: list[str] | None = None) -> None:
    """Fill a directory."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--events", type=float, default=1e6)
    parser.add_argument("--days", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    plan = Plan(int(options.events), time.time_ns(), options.days, options.seed)
    store = open_store(options.directory)
    began_s = time.monotonic()
    try:
        with Progress("generating", plan.events) as progress:
            written = fill(store, plan, progress.advance)
        bytes_on_disk = store.status().bytes_on_disk
    finally:
        store.close()
    rate = written / (time.monotonic() - began_s)
    print(f"{written:,} event logs, {rate:,.0f} a second, {bytes_on_disk / written:.0f} bytes each")


if __name__ == "__main__":
    main()
