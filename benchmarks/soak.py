"""Whether a collector that works for minutes or hours stays as small and as quick as it began.

Wanted spans come in at half the speed that the collector can take (or at a given share), somebody
reads now and then, and every few seconds one line tells memory, latency, the size of the
write-ahead logs and what waits. The verdict compares the second half of the run with the first.

    python -m benchmarks.soak --minutes 30 [--share 0.5] [--every 5]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.live_collector import Collector, running_collector
from benchmarks.load import Answer, LoadGenerator, Order, load_generator
from benchmarks.report import percentile
from benchmarks.stored import check_stored

FULL_SPEED_S = 5.0
RECORDS, CONNECTIONS = 512, 8
MINUTES_MIN = 5
MEMORY_MB_MAX = 200
GROWTH_MB_PER_HOUR_MAX = 20.0
"""More than this, over the second half of the run, is called a leak."""
LATER_FACTOR_MAX = 1.5
"""The second half's p99 may be this many times the first's: segments grow during a day."""
READS = (
    ("/api/v1/events", [("status", "error"), ("limit", "50")]),
    ("/api/v1/histogram", [("since", "-1h")]),
)


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the log.

    Attributes:
        at_s: since the start.
        memory_mb: resident.
        wal_mb: of all write-ahead logs together.
        queue: event logs that wait to be written, as the collector tells; None if it does not.
        read_ms: the slower of the two reads.
        answer: what the load generator saw since the line before.

    """

    at_s: float
    memory_mb: float
    wal_mb: float
    queue: float | None
    read_ms: float
    answer: Answer


def queue_of(collector: Collector) -> float | None:
    """Return what waits to be written: the collector's gauge with `queue` in its name."""
    for line in collector.text("/metrics").splitlines():
        name, _, value = line.rpartition(" ")
        if "queue" in name and line[0] != "#" and "_seconds" not in name and "_total" not in name:
            return float(value)
    return None


def wal_mb(data: Path) -> float:
    """Return the size of all write-ahead logs, in MB."""
    return sum(file.stat().st_size for file in data.rglob("*-wal")) / 1e6


def one_moment(collector: Collector, load: LoadGenerator, order: Order, began_s: float) -> Moment:
    """Load for a while, read, look."""
    load.begin(order)
    load.started()
    time.sleep(order.seconds / 2)
    read_ms = 0.0
    for path, parameters in READS:
        asked_s = time.monotonic()
        collector.get(path, parameters)
        read_ms = max(read_ms, (time.monotonic() - asked_s) * 1e3)
    queue = queue_of(collector)  # in the middle of the load, not after it
    answer = load.finish()
    return Moment(
        time.monotonic() - began_s,
        collector.memory_mb(),
        wal_mb(collector.data),
        queue,
        read_ms,
        answer,
    )


def print_moment(moment: Moment) -> None:
    """Print one line."""
    answer = moment.answer
    queue = "?" if moment.queue is None else f"{moment.queue:,.0f}"
    print(
        f"{moment.at_s:7.0f} s {answer.records_per_s:9,.0f} spans/s {moment.memory_mb:6.0f} MB"
        f"  p50 {answer.p50_ms:7.1f}  p99 {answer.p99_ms:7.1f}  max {answer.max_ms:7.1f} ms"
        f"  WAL {moment.wal_mb:6.1f} MB  queue {queue:>7}  read {moment.read_ms:6.1f} ms"
        f"  refused {answer.failures}",
        flush=True,
    )


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the least-squares line through points; 0 for fewer than three."""
    if len(points) < 3:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def verdict(moments: Sequence[Moment]) -> list[str]:
    """Return what the run says: one sentence a question, `NOT` where it is not well."""
    half = len(moments) // 2
    first, second = moments[:half], moments[half:]
    growth = slope([(moment.at_s / 3600, moment.memory_mb) for moment in second])
    most_mb = max(moment.memory_mb for moment in moments)
    before, after = (
        percentile([moment.answer.p99_ms for moment in part], 0.5) for part in (first, second)
    )
    factor = after / before if before else 0.0
    refused = sum(moment.answer.failures for moment in moments)
    wal_before, wal_after = (max(moment.wal_mb for moment in part) for part in (first, second))
    memory = (
        f"memory is {'flat' if growth <= GROWTH_MB_PER_HOUR_MAX else 'NOT flat'}:"
        f" {growth:+.1f} MB an hour over the second half, at most {most_mb:.0f} MB"
        f" ({'within' if most_mb <= MEMORY_MB_MAX else 'NOT within'} {MEMORY_MB_MAX})"
    )
    latency = (
        f"latency is {'steady' if factor <= LATER_FACTOR_MAX else 'NOT steady'}:"
        f" p99 {before:.0f} ms in the first half, {after:.0f} ms in the second"
    )
    logs = f"write-ahead logs: {wal_before:.0f} MB at most in the first half, {wal_after:.0f} later"
    return [memory, latency, logs, f"refused: {refused} requests"]


def run(collector: Collector, load: LoadGenerator, options: argparse.Namespace) -> None:
    """Load until the time is over, then tell."""
    full = Order("wanted", collector.otlp_host, RECORDS, CONNECTIONS, FULL_SPEED_S)
    warm = load.run(full)
    pace = warm.records_per_s * options.share / RECORDS
    print(f"full speed {warm.records_per_s:,.0f} spans/s; now {options.share:.0%} of it")
    order = Order("wanted", collector.otlp_host, RECORDS, CONNECTIONS, options.every, pace)
    began_s = time.monotonic()
    moments: list[Moment] = []
    while time.monotonic() - began_s < options.minutes * 60:
        moments.append(one_moment(collector, load, order, began_s))
        print_moment(moments[-1])
    if options.minutes < MINUTES_MIN:
        print(f"no verdict: under {MINUTES_MIN} minutes a collector still fills its caches")
    problems = check_stored(collector, [warm, *(moment.answer for moment in moments)])
    told = verdict(moments) if options.minutes >= MINUTES_MIN else []
    for line in (*told, *(f"WRONG: {problem}" for problem in problems)):
        print(line)


def main(arguments: list[str] | None = None) -> None:
    """Run and print the log and the verdict."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--share", type=float, default=0.5, help="of full speed")
    parser.add_argument("--every", type=float, default=5.0, metavar="SECONDS")
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="eventlog-soak-") as name,
        load_generator() as load,
        running_collector(Path(name) / "data") as collector,
    ):
        run(collector, load, options)


if __name__ == "__main__":
    main()
