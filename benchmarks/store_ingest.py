"""How fast the embedded store takes event logs, beside bare SQLite in the same run.

Prints the event logs per second of writes of 512 spans each, eight in flight: as pairs, as a
collector that receives finished spans gives them, and as single event logs, as applications send
them; and the rows per second of bare `executemany` of two plain rows a span into one table with
three indexes. All with `synchronous=FULL`, in rounds that alternate. Then the bytes each event log
takes on disk, every index and rollup included.

    python -m benchmarks.store_ingest [--rounds 5] [--requests 60]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bare import BareSqlite, plain_row
from benchmarks.generator import Generator, Plan
from benchmarks.population import NS_PER_S
from otel_eventlog.model import EventLog
from otel_eventlog.pairs import Pair
from otel_eventlog_collector.protocols import Store
from otel_eventlog_collector.store import open_store

SPANS = 512
IN_FLIGHT = 8
PAIRS, SINGLE, BARE = "pairs", "single event logs", "bare"


def batches(requests: int, generator: Generator, now: int) -> list[list[Pair]]:
    """Return the writes of one round: their spans follow each other closely in time."""
    rng = generator.rng
    return [
        [generator.request(now - rng.randrange(3 * NS_PER_S)) for _ in range(SPANS)]
        for _ in range(requests)
    ]


def events_of(pairs: list[Pair]) -> list[EventLog]:
    """Return the single event logs of pairs."""
    return [event for each in pairs for event in each.event_logs()]


def ours(store: Store, writes: list[tuple[Sequence[EventLog], Sequence[Pair]]]) -> float:
    """Return event logs per second through the store, from `write` to the future's result."""
    before = store.status().events
    began_s = time.perf_counter()
    waiting = []
    for events, pairs in writes:
        waiting.append(store.write(events, pairs))
        if len(waiting) >= IN_FLIGHT:
            waiting.pop(0).result()
    for future in waiting:
        future.result()
    took_s = time.perf_counter() - began_s
    return (store.status().events - before) / took_s


def main(arguments: list[str] | None = None) -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=60)
    options = parser.parse_args(arguments)
    generator = Generator(Plan(options.requests * SPANS, time.time_ns(), seed=7))
    rates: dict[str, list[float]] = {PAIRS: [], SINGLE: [], BARE: []}
    with tempfile.TemporaryDirectory() as name:
        stores = {kind: open_store(Path(name) / kind.split()[0]) for kind in (PAIRS, SINGLE)}
        plain = BareSqlite(Path(name) / "plain.db")
        for number in range(options.rounds):
            writes = batches(options.requests, generator, time.time_ns())
            events = list(map(events_of, writes))
            rows = [[plain_row(event) for event in each] for each in events]
            rates[BARE].append(plain.insert(rows).per_s)
            del rows
            rates[PAIRS].append(ours(stores[PAIRS], [((), pairs) for pairs in writes]))
            rates[SINGLE].append(ours(stores[SINGLE], [(each, ()) for each in events]))
            told = "  ".join(f"{kind} {rate[-1]:9,.0f}" for kind, rate in rates.items())
            print(f"round {number + 1}: {told} event logs/s")
        for kind, store in stores.items():
            events_stored = store.status().events
            store.close()
            files = (Path(name) / kind.split()[0]).rglob("*.db")
            size = sum(file.stat().st_size for file in files)
            ratio = statistics.median(
                mine / least for mine, least in zip(rates[kind], rates[BARE], strict=True)
            )
            print(
                f"{kind}: median {ratio:.2f} of bare executemany,"
                f" {size / events_stored:.0f} bytes an event log"
            )
        print(f"bare: {plain.close():.0f} bytes an event log")


if __name__ == "__main__":
    main()
