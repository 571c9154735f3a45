"""How long ingest waits while one day of thirty is purged.

A directory with thirty days is prepared. A collector takes wanted spans at half the speed that it
has just shown, and its retention ends in the middle of that, so that it removes the oldest day by
itself. The longest wait of any request around the purge stands beside the longest waits in
stretches of the same length without one.

    python -m benchmarks.purge [--rounds 3] [--day-events 350000]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.generator import DAY_S, Plan, fill
from benchmarks.live_collector import running_collector
from benchmarks.load import LoadGenerator, Order, load_generator
from benchmarks.population import NS_PER_S
from benchmarks.report import Figure, Progress, number, of_rounds, print_rows, print_table
from otel_eventlog_collector.store import open_store

DAYS = 30
GOAL_LATER_MS = 100
RECORDS, CONNECTIONS = 512, 8
FULL_SPEED_S = 3.0
LOAD_S = 16.0
EXPIRES_AFTER_S = 7.0
"""After the load has begun; the collector notices up to two seconds later."""
AROUND_S = 1.5
"""Requests due this long before and after the purge count as being around it."""
POLL_S = 0.01
IMPATIENT = Path(__file__).parent / "apps/impatient_collector.py"


@dataclass(frozen=True, slots=True)
class Round:
    """One purge.

    Attributes:
        around_ms: longest wait of a request around it.
        elsewhere_ms: longest wait in each other stretch of the same length.
        took_ms: how long the files took to go, from the first to the last.
        spans_per_s: load meanwhile.
        refused: requests not answered with 200.

    """

    around_ms: float
    elsewhere_ms: Sequence[float]
    took_ms: float
    spans_per_s: float
    refused: int

    @property
    def later_ms(self) -> float:
        """By how much the purge delayed the slowest request, beyond a usual stretch's slowest."""
        return max(0.0, self.around_ms - statistics.median(self.elsewhere_ms))


def prepare(data: Path, big_days: int, day_events: int, other_events: int) -> list[int]:
    """Fill thirty days, the oldest ones with many event logs; return where the oldest ones end."""
    today = time.time_ns() // (DAY_S * NS_PER_S)
    first = today - DAYS
    ends = [(first + 1 + n) * DAY_S * NS_PER_S for n in range(big_days)]
    plans = [Plan(day_events, end, 1, seed=n) for n, end in enumerate(ends)]
    plans.append(Plan(other_events, time.time_ns(), DAYS - big_days, seed=99))
    # Kept a little longer than thirty days for now: nothing may go before its time.
    store = open_store(data, retention_ns=(DAYS + 2) * DAY_S * NS_PER_S)
    try:
        with Progress("preparing", sum(plan.events for plan in plans)) as progress:
            for plan in plans:
                fill(store, plan, progress.advance)
    finally:
        store.close()
    return ends


def databases(data: Path) -> set[Path]:
    """Return the files in a directory, without SQLite's temporary ones beside them."""
    return {
        file
        for file in data.rglob("*")
        if file.is_file() and not file.name.endswith(("-wal", "-shm", "-journal"))
    }


def await_purge(before: set[Path], until_s: float) -> tuple[float, float] | None:
    """Return when (monotonic clock, seconds) files began to go, and when no more went."""
    began_s = 0.0
    left = before
    ended_s = 0.0
    while time.monotonic() < until_s:
        still = {file for file in left if file.exists()}
        now_s = time.monotonic()
        if still != left:
            began_s, ended_s, left = began_s or now_s, now_s, still
        time.sleep(POLL_S)
    return (began_s - POLL_S, ended_s) if began_s else None


def stretches(
    each: Sequence[tuple[float, float]], begins_s: float, ends_s: float
) -> tuple[float, list[float]]:
    """Return the longest wait in a stretch of time, and in all others of the same length."""
    length = ends_s - begins_s
    longest: dict[int, float] = {}
    for due_s, ms in each:
        index = int((due_s - begins_s) // length)
        longest[index] = max(longest.get(index, 0.0), ms)
    around = longest.pop(0, 0.0)
    # The first and the last stretch are cut off by the beginning and the end of the load.
    for index in (min(longest), max(longest)):
        del longest[index]
    return around, list(longest.values())


def full_speed(data: Path, load: LoadGenerator) -> tuple[float, float]:
    """Return spans a second that a collector takes, and how long it takes to start."""
    began_s = time.monotonic()
    long = ("--retention", f"{DAYS + 2}d")
    with running_collector(data, *long) as collector:
        started_s = time.monotonic() - began_s
        order = Order("wanted", collector.otlp_host, RECORDS, CONNECTIONS, FULL_SPEED_S)
        return load.run(order).records_per_s, started_s


def purge_once(data: Path, load: LoadGenerator, day_end: int) -> Round:
    """Let a collector purge the day that ends at `day_end`, under load at half speed."""
    speed, start_s = full_speed(data, load)
    expires_s = time.time() + 2 * start_s + EXPIRES_AFTER_S
    options = ("--retention", f"{expires_s - day_end / NS_PER_S:.3f}s")
    with running_collector(data, *options, command=(sys.executable, IMPATIENT)) as collector:
        before = databases(data)
        time.sleep(max(0.0, expires_s - EXPIRES_AFTER_S - time.time()))
        load.begin(
            Order(
                *("wanted", collector.otlp_host, RECORDS, CONNECTIONS, LOAD_S),
                requests_per_s=speed / 2 / RECORDS,
                every=True,
            )
        )
        load.started()
        purged = await_purge(before, time.monotonic() + LOAD_S)
        answer = load.finish()
    if purged is None:
        raise RuntimeError("nothing was purged during the load: nothing was measured")
    began_s, ended_s = purged
    around, elsewhere = stretches(answer.each, began_s - AROUND_S, ended_s + AROUND_S)
    return Round(
        around, elsewhere, (ended_s - began_s) * 1e3, answer.records_per_s, answer.failures
    )


def main(arguments: list[str] | None = None) -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--day-events", type=float, default=350_000)
    parser.add_argument("--other-events", type=float, default=100_000)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="eventlog-purge-") as name, load_generator() as load:
        data = Path(name) / "data"
        ends = prepare(data, options.rounds, int(options.day_events), int(options.other_events))
        rounds = [purge_once(data, load, end) for end in ends]
    rows: list[tuple[str, ...]] = [
        ("round", "longest wait around the purge", "elsewhere, median", "most", "files went in")
    ]
    for index, one in enumerate(rounds):
        usual = statistics.median(one.elsewhere_ms)
        waits = (one.around_ms, usual, max(one.elsewhere_ms), one.took_ms)
        rows.append((str(index + 1), *(f"{number(ms)} ms" for ms in waits)))
    print_rows(rows)
    print()
    print_table(
        [
            of_rounds(
                "a request is delayed by the purge, at most",
                "ms",
                [one.later_ms for one in rounds],
                goal=GOAL_LATER_MS,
                is_at_most=True,
            ),
            of_rounds("  load meanwhile", "spans/s", [one.spans_per_s for one in rounds]),
            Figure(
                "  requests refused", sum(one.refused for one in rounds), "", 0, is_at_most=True
            ),
        ]
    )


if __name__ == "__main__":
    main()
