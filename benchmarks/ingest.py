"""How fast a collector takes OTLP in, durably: one line a figure, beside bare limits.

A real `otel-eventlog serve`, real sockets, answers after fsync; the load comes from a process of
its own on the same machine. Rounds alternate between ours and the bare limit. Afterwards the store
is asked: the counts are what was acknowledged, and each filter of the API finds what it should.

    python -m benchmarks.ingest [--rounds 5] [--seconds 4] [--only large,small,unwanted,mixed,logs]
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import bare, span_messages
from benchmarks.bare import BareSqlite, Echo, Rate, echo, plain_row
from benchmarks.live_collector import Collector, processor_s, running_collector
from benchmarks.load import Answer, LoadGenerator, Order, load_generator
from benchmarks.population import request_pair
from benchmarks.report import Figure, Progress, of_rounds, print_table
from benchmarks.stored import check_stored

WARM_UP_S = 1.0
BARE_BATCHES = 120
"""Commits of one bare round, of as many spans as a large request has."""
PLAIN = "plain rows, executemany"
ECHO = "asyncio that answers 200"
PARSE = "protobuf parse alone"


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of load."""

    name: str
    what: str
    kind: str
    records: int
    connections: int
    unit: str
    goal: float | None
    bare_name: str


LOADS = (
    Load("large", "wanted spans, 512 a request", "wanted", 512, 8, "spans/s", 45_000, PLAIN),
    Load("small", "wanted spans, 8 a request", "wanted", 8, 32, "spans/s", 30_000, ECHO),
    Load("unwanted", "all unwanted, 512 a request", "unwanted", 512, 8, "spans/s", 500_000, PARSE),
    Load("mixed", "95 % unwanted, 512 a request", "mixed", 512, 8, "spans/s", None, PARSE),
    Load("logs", "event logs made in applications, 512", "logs", 512, 8, "logs/s", None, PLAIN),
)


@dataclass(slots=True)
class Bench:
    """What all rounds share.

    Attributes:
        load: the load generator.
        collector: what is measured.
        rounds: how many.
        seconds: of each.
        limits: one round of each bare limit, for a number of records a request.
        answers: everything the load generator did to the collector.

    """

    load: LoadGenerator
    collector: Collector
    rounds: int
    seconds: float
    limits: dict[str, Callable[[Load], Rate]]
    answers: list[Answer]
    progress: Progress

    def one(self, load: Load, seconds: float) -> tuple[Answer, Rate]:
        """Put one kind of load on the collector for some seconds."""
        order = Order(load.kind, self.collector.otlp_host, load.records, load.connections, seconds)
        answer, rate = loaded(self.load, order, self.collector.process.pid)
        self.answers.append(answer)
        self.progress.advance(seconds, load.name)
        return answer, rate

    def figures(self, load: Load) -> Iterator[Figure]:
        """Measure one kind of load."""
        self.one(load, WARM_UP_S)
        answers: list[Answer] = []
        rates: list[Rate] = []
        limits: list[Rate] = []
        for _ in range(self.rounds):
            answer, rate = self.one(load, self.seconds)
            answers.append(answer)
            rates.append(rate)
            limits.append(self.limits[load.bare_name](load))
        yield of_rounds(
            load.what,
            load.unit,
            [rate.per_s for rate in rates],
            goal=load.goal,
            bare=[limit.per_s for limit in limits],
            bare_name=load.bare_name,
        )
        yield of_rounds(
            "  processor time of each",
            "µs",
            [rate.processor_us for rate in rates],
            bare=[limit.processor_us for limit in limits],
        )
        refused = sum(answer.failures for answer in answers)
        if refused:
            yield Figure("  requests refused", refused, "", rounds=len(answers))
        for share, latencies in (
            ("p50", [answer.p50_ms for answer in answers]),
            ("p99", [answer.p99_ms for answer in answers]),
        ):
            yield of_rounds(f"  answered after, {share}", "ms", latencies)
        shares = [answer.processor_share * 100 for answer in answers]
        yield of_rounds("  the load generator itself", "% of a core", shares)


def loaded(load: LoadGenerator, order: Order, pid: int) -> tuple[Answer, Rate]:
    """Do an order; return its answer and what it took of the process that was loaded."""
    load.begin(order)
    load.started()
    before_s = processor_s(pid)
    answer = load.finish()
    used_s = processor_s(pid) - before_s
    return answer, Rate(answer.records_per_s, used_s / max(1, answer.records) * 1e6)


def bare_batches(spans: int, rng: random.Random) -> list[list[tuple[object, ...]]]:
    """Return the rows of a bare round: two a span, of the same population."""
    return [
        [plain_row(event) for _ in range(spans) for event in request_pair(rng, time.time_ns())]
        for _ in range(BARE_BATCHES)
    ]


def limits_of(
    sqlite: BareSqlite, load: LoadGenerator, echoing: Echo, seconds: float
) -> dict[str, Callable[[Load], Rate]]:
    """Return one round of each bare limit, in the unit of the load beside it."""
    rng = random.Random(11)

    def rows(kind: Load) -> Rate:
        rate = sqlite.insert(bare_batches(512, rng))
        a_record = 1 if kind.kind == "logs" else 2
        return Rate(rate.per_s / a_record, rate.processor_us * a_record)

    def parse(kind: Load) -> Rate:
        make = span_messages.unwanted if kind.kind == "unwanted" else span_messages.mixed
        made = [make("host", kind.records, number, rng) for number in range(4)]
        bodies = [bytes(message.data.partition(b"\r\n\r\n")[2]) for message in made]
        return bare.parse(bodies, kind.records, min(1.0, seconds))

    def echoed(kind: Load) -> Rate:
        order = Order(kind.kind, echoing.host, kind.records, kind.connections, seconds)
        return loaded(load, order, echoing.pid)[1]

    return {PLAIN: rows, PARSE: parse, ECHO: echoed}


def measure(options: argparse.Namespace, folder: Path) -> list[Figure]:
    """Return the table's lines."""
    chosen = [load for load in LOADS if load.name in options.only]
    seconds = len(chosen) * (WARM_UP_S + options.rounds * options.seconds)
    figures: list[Figure] = []
    with ExitStack() as stack:
        load = stack.enter_context(load_generator())
        echoing = stack.enter_context(echo())
        progress = stack.enter_context(Progress("ingest", seconds))
        collector = stack.enter_context(running_collector(folder / "data"))
        sqlite = BareSqlite(folder / "plain.db")
        limits = limits_of(sqlite, load, echoing, options.seconds)
        bench = Bench(load, collector, options.rounds, options.seconds, limits, [], progress)
        for kind in chosen:
            figures += bench.figures(kind)
            if kind.name == "large":
                for what, name in (("peak", "VmHWM"), ("after it", "VmRSS")):
                    memory = collector.memory_mb(name)
                    figures.append(Figure(f"  memory, {what}", memory, "MB", 200, is_at_most=True))
        problems = check_stored(collector, bench.answers)
        events = collector.get("/api/v1/status")["store"]["events"]
        collector.stop()
        figures.append(
            Figure(
                "bytes an event log on disk",
                collector.bytes_on_disk() / max(1, events),
                "bytes",
                250,
                sqlite.close(),
                "plain rows",
                is_at_most=True,
            )
        )
    for problem in problems:
        print(f"WRONG: {problem}")
    if not problems:
        print("after the run: all counts are right, and each filter finds what it should\n")
    return figures


def main(arguments: list[str] | None = None) -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    names = [load.name for load in LOADS]
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=names, help=f"of {','.join(names)}"
    )
    options = parser.parse_args(arguments)
    if unknown := set(options.only) - set(names):
        parser.error(f"no load {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    with tempfile.TemporaryDirectory(prefix="eventlog-ingest-") as name:
        print_table(measure(options, Path(name)))


if __name__ == "__main__":
    main()
