"""A store under load in a process of its own, and the book against which it is judged.

    python -m tests.support.store_load DATA LOG SEED WRITES_OF_A_THREAD

The process writes logins spread over several days from several threads: first their start, later
their outcome, some of them twice, some derived first and then as the application tells them. What
the store acknowledges it marks in the log of `disk_shim`, in the very moment.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import NamedTuple

from otel_eventlog.model import EventLog, Rank, Status
from otel_eventlog_collector.protocols import Store, WriteResult
from otel_eventlog_collector.query import EventQuery
from otel_eventlog_collector.store import open_store
from tests.support.builders import NOW, event_log
from tests.support.clock import DAY, HOUR, SECOND, HandClock
from tests.support.disk_shim import mark

DAYS = 6
"""More than a store keeps open for writing, so that it closes some while it works."""
THREADS = 3
REQUESTS_PER_WRITE = 2


class Fact(NamedTuple):
    """One event log that was given to the store.

    Attributes:
        number: of the request.
        is_outcome: which half of it.
        version: 0 derived, 1 told by the application: the higher one stays.

    """

    number: int
    is_outcome: bool
    version: int

    def event(self) -> EventLog:
        """Return the event log; the same fact is always the same event log."""
        start = NOW - self.number % DAYS * DAY - self.number * SECOND // 100
        is_error = self.number % 5 == 0
        outcome = Status.ERROR if is_error else Status.SUCCESS
        changes = {
            "user_id": f"u-{self.number}",
            "duration_ns": SECOND,
            "time_unix_nano": start + SECOND,
            "error_type": "expired" if is_error else None,
            "attributes": {"version": self.version},
        }
        return event_log(
            outcome if self.is_outcome else Status.START,
            span_id=self.number + 1,
            start_unix_nano=start,
            rank=(Rank.DERIVED, Rank.APP)[self.version],
            correlation_id=f"c-{self.number}-{self.version}",
            **(changes if self.is_outcome else {"time_unix_nano": start}),
        )


def clock() -> HandClock:
    """Return the clock of the store that is written, and of those that read what is left of it."""
    return HandClock(NOW + HOUR)


def write_some(store: Store, log: Path, seed: int, first: int, writes: int) -> None:
    """Write from one thread; wait for every second answer only, so that commits have company."""
    rng = random.Random(seed)
    numbers = count(first)
    later: list[Fact] = []
    for turn in range(writes):
        facts: list[Fact] = []
        for number in (next(numbers) for _ in range(REQUESTS_PER_WRITE)):
            version = rng.randrange(2)
            facts.append(Fact(number, is_outcome=False, version=version))
            later.append(Fact(number, is_outcome=True, version=version))
        rng.shuffle(later)
        facts += [later.pop() for _ in range(len(later) // 2)]
        upgraded = [fact._replace(version=1) for fact in facts if rng.random() < 1 / 4]
        later += upgraded
        future = store.write([fact.event() for fact in facts])
        future.add_done_callback(partial(_acknowledge, log, facts))
        if turn % 2:
            future.result()
    future.result()


def _acknowledge(log: Path, facts: Sequence[Fact], future: Future[WriteResult]) -> None:
    if future.exception() is None:
        mark(log, json.dumps(facts))


def write_once(store: Store, log: Path, number: int) -> None:
    """Write one finished request and wait for the answer."""
    facts = [Fact(number, is_outcome=is_outcome, version=1) for is_outcome in (False, True)]
    future = store.write([fact.event() for fact in facts])
    future.result()
    _acknowledge(log, facts, future)


def main(data: str, log: str, seed: str, writes: str) -> None:
    """Run the load; without any writes it is one request, whose number is the seed."""
    store = open_store(data, clock=clock())
    if not int(writes):
        write_once(store, Path(log), int(seed))
        return
    threads = [
        threading.Thread(
            target=write_some,
            args=(store, Path(log), int(seed) + n, (int(seed) * THREADS + n) * 10_000, int(writes)),
        )
        for n in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()


class Book:
    """What was acknowledged so far: event id → the version that must be there at least."""

    def __init__(self) -> None:
        self._versions: dict[int, Fact] = {}

    def note(self, text: bytes) -> None:
        """Take in one acknowledgement."""
        for fact in (Fact(*item) for item in json.loads(text)):
            key = _made(fact).event_uuid_int
            held = self._versions.get(key)
            if held is None or held.version < fact.version:
                self._versions[key] = fact

    def check(self, events: Iterable[EventLog]) -> list[str]:
        """Return what is wrong about what is stored: lost, doubled, or not what was given."""
        wrong = []
        stored: dict[int, EventLog] = {}
        for event in events:
            if event.event_uuid_int in stored:
                wrong.append(f"twice: {event.event_id}")
            stored[event.event_uuid_int] = event
        for key, fact in self._versions.items():
            event = stored.get(key)
            if event is None:
                wrong.append(f"lost: {fact}")
            elif _version(event) < fact.version:
                wrong.append(f"older than acknowledged: {fact}")
        wrong += [f"torn: {event.event_id}" for event in stored.values() if not _is_whole(event)]
        return wrong


_made = cache(Fact.event)


def _version(event: EventLog) -> int:
    return int((event.correlation_id or "c-0-0").rpartition("-")[2])


def _is_whole(event: EventLog) -> bool:
    """Whether an event log is exactly one that was made here, but for when it was received."""
    fact = Fact(event.span_id - 1, event.status is not Status.START, _version(event))
    event.observed_unix_nano = 0
    return event == _made(fact)


def everything(store: Store) -> list[EventLog]:
    """Return every event log of a store."""
    found: list[EventLog] = []
    query = EventQuery(limit=1000, order="asc")
    while True:
        page = store.find(query)
        found.extend(page.events)
        if page.next_cursor is None:
            return found
        query = EventQuery(limit=1000, order="asc", cursor=page.next_cursor)


def miscounts(store: Store, events: Sequence[EventLog]) -> list[str]:
    """Return where a store's counts differ from a recount of its event logs."""
    since = NOW // HOUR * HOUR - (DAYS + 1) * DAY
    until = since + (DAYS + 3) * DAY
    buckets = store.histogram(EventQuery(), since, until, HOUR)
    counted = Counter(
        {
            (bucket.from_unix_nano, status): number
            for bucket in buckets
            for status, number in bucket.counts.items()
            if number
        }
    )
    recounted = Counter(
        (event.time_unix_nano // HOUR * HOUR, event.status.value) for event in events
    )
    wrong = [f"histogram: {item}" for item in counted.items() ^ recounted.items()]
    facets = store.facets(EventQuery(), ["status", "error_type"], 10)
    for name in ("status", "error_type"):
        values = Counter(str(getattr(event, name)) for event in events if getattr(event, name))
        if dict(facets[name]) != values:
            wrong.append(f"facets of {name}: {facets[name]}, recounted {values}")
    return wrong


if __name__ == "__main__":
    main(*sys.argv[1:])
