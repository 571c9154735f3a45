"""How fast the embedded store takes event logs, beside bare SQLite in the same run.

Prints the rows per second of writes of 512 spans (1,024 event logs) each, eight in flight, and of
bare `executemany` of two plain rows a span into one table with three indexes; both with
`synchronous=FULL`, in rounds that alternate, and the bytes each event log takes on disk.

    python benchmarks/store_ingest.py [--rounds 5] [--requests 60]
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.bare import BareSqlite, plain_row
from benchmarks.population import NS_PER_S, request_pair
from otel_eventlog.model import EventLog
from otel_eventlog_collector.protocols import Store
from otel_eventlog_collector.store import open_store

SPANS = 512
IN_FLIGHT = 8


def batches(requests: int, rng: random.Random, now: int) -> list[list[EventLog]]:
    """Return the writes of one round: their spans follow each other closely in time."""
    result = []
    for _ in range(requests):
        events: list[EventLog] = []
        for _ in range(SPANS):
            events += request_pair(rng, now - rng.randrange(3 * NS_PER_S))
        result.append(events)
    return result


def ours(store: Store, writes: list[list[EventLog]]) -> float:
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


def main(arguments: list[str] | None = None) -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=60)
    options = parser.parse_args(arguments)
    rng = random.Random(7)
    mine, plain = [], []
    with tempfile.TemporaryDirectory() as name:
        store = open_store(Path(name) / "data")
        bare = BareSqlite(Path(name) / "plain.db")
        for number in range(options.rounds):
            writes = batches(options.requests, rng, time.time_ns())
            rows = [[plain_row(event) for event in events] for events in writes]
            plain.append(bare.rows_per_s(rows))
            mine.append(ours(store, writes))
            print(
                f"round {number + 1}: store {mine[-1]:9,.0f}  bare {plain[-1]:9,.0f} event logs/s"
                f"  ratio {mine[-1] / plain[-1]:.2f}"
            )
        events = store.status().events
        plain_bytes = bare.close()
        store.close()
        files = [file for file in (Path(name) / "data").rglob("*") if file.is_file()]
        size = sum(file.stat().st_size for file in files)
    ratio = statistics.median(a / b for a, b in zip(mine, plain, strict=True))
    print(f"median ratio to bare executemany: {ratio:.2f}")
    print(f"bytes an event log: store {size / events:.0f}, plain {plain_bytes:.0f}")


if __name__ == "__main__":
    main()
