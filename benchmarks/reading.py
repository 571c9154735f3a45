"""How fast ten million event logs over thirty days are read, through the API of a collector.

Each question (`questions.py`) is asked again and again: warm and alone; the slowest of each group
also once after a restart with the files dropped from the page cache, and again and again while
wanted spans come in at half the speed that the collector can take. (Not all, because what comes in
meanwhile makes the day larger and larger.) The 95th percentile counts; the table shows the worst
question of each group, the file of details shows all, with the query plans.

    python -m benchmarks.reading [--events 1e7] [--keep DIR] [--details FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.generator import DAY_S, Plan, fill
from benchmarks.live_collector import Collector, running_collector
from benchmarks.load import Order, load_generator
from benchmarks.population import NS_PER_S
from benchmarks.questions import Question, all_questions
from benchmarks.report import Progress, number, percentile, print_rows
from otel_eventlog_collector.store import open_store

EXPLAINING = Path(__file__).parent / "apps/explaining_collector.py"
REPEATS_MIN = 3
ASKING_S_MAX = 2.0
"""A slow question is asked less often than it might be, so that a run ends."""
FULL_SPEED_S = 3.0
RECORDS, CONNECTIONS = 512, 8
SHARE = 0.95


@dataclass(slots=True)
class Timing:
    """What became of one question, in milliseconds.

    Attributes:
        question: what was asked.
        idle: warm, nothing else going on.
        loaded: warm, while spans come in.
        cold: after a restart, nothing in the page cache.
        wrong: what was wrong with an answer, or "".

    """

    question: Question
    idle: list[float] = field(default_factory=list)
    loaded: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)
    wrong: str = ""


def ask(connection: HTTPConnection, question: Question) -> tuple[float, str]:
    """Return how many milliseconds the answer took, and what is wrong with it."""
    began_s = time.perf_counter()
    connection.request("GET", question.path)
    answer = connection.getresponse()
    body = answer.read()
    ms = (time.perf_counter() - began_s) * 1e3
    if answer.status != 200:
        return ms, f"{answer.status} {body[:100]!r}"
    found = len(json.loads(body).get("events", ()))
    if not question.found_min <= found <= question.found_max:
        return ms, f"{found} event logs"
    return ms, ""


def ask_all(
    api_host: str, timings: Iterable[Timing], part: str, repeats: int, progress: Progress
) -> None:
    """Ask each question up to so many times and note how long that took under `part`."""
    connection = HTTPConnection(api_host, timeout=300)
    for timing in timings:
        until_s = time.monotonic() + ASKING_S_MAX
        ask(connection, timing.question)
        measured = getattr(timing, part)
        while len(measured) < repeats and (
            len(measured) < min(REPEATS_MIN, repeats) or time.monotonic() < until_s
        ):
            ms, wrong = ask(connection, timing.question)
            measured.append(ms)
            timing.wrong = timing.wrong or wrong
        progress.advance(1, timing.question.group)
    connection.close()


def drop_from_page_cache(data: Path) -> None:
    """Make the next reading of each file in a directory come from the disk."""
    for file in data.rglob("*"):
        if file.is_file():
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def slowest(timings: Sequence[Timing], of_each_group: int) -> Iterator[Timing]:
    """Return the slowest questions of each group."""
    groups: dict[str, list[Timing]] = {}
    for timing in timings:
        groups.setdefault(timing.question.group, []).append(timing)
    for of_group in groups.values():
        of_group.sort(key=lambda timing: percentile(timing.idle, SHARE), reverse=True)
        yield from of_group[:of_each_group]


# --- the directory --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stock:
    """A filled directory, and the plan that it was filled by."""

    data: Path
    plan: Plan

    @property
    def options(self) -> tuple[str, ...]:
        """Options of `serve` with which nothing of it is purged while it is looked at."""
        age_s = max(0, (time.time_ns() - self.plan.until_unix_nano) // NS_PER_S)
        return ("--retention", f"{int(self.plan.days * DAY_S + age_s)}s")


def stock(folder: Path, events: int) -> Stock:
    """Return the directory in a folder, filled now or by an earlier run with as many event logs."""
    note = folder / "plan.json"
    data = folder / "data"
    if note.exists():
        plan = Plan(**json.loads(note.read_text()))
        if plan.events == events:
            return Stock(data, plan)
        shutil.rmtree(data, ignore_errors=True)
        note.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    plan = Plan(events, time.time_ns())
    store = open_store(data)
    began_s = time.monotonic()
    try:
        with Progress("generating", events) as progress:
            written = fill(store, plan, progress.advance)
        with Progress("sealing", 1) as progress:
            store.seal(quiet_s=0)
            progress.advance()
    finally:
        store.close()
    size = sum(file.stat().st_size for file in data.rglob("*") if file.is_file())
    seconds = time.monotonic() - began_s
    print(f"{written:,} event logs in {seconds:.0f} s, {size / written:.0f} bytes each on disk")
    note.write_text(
        json.dumps({"events": events, "until_unix_nano": plan.until_unix_nano, "days": plan.days})
    )
    return Stock(data, plan)


# --- the parts ------------------------------------------------------------------------------------


@contextmanager
def settled(made: Stock) -> Iterator[Collector]:
    """Run a collector; begin when it has done what it does after its start (sealing, checking)."""
    with running_collector(made.data, *made.options) as collector:
        collector.settle()
        yield collector


def idle(made: Stock, timings: list[Timing], repeats: int) -> None:
    """Ask everything of a collector that does nothing else."""
    with settled(made) as collector, Progress("idle", len(timings)) as progress:
        ask_all(collector.api_host, timings, "idle", repeats, progress)


def cold(made: Stock, timings: list[Timing], of_each_group: int) -> None:
    """Ask the slowest questions once, each after a restart with an empty page cache."""
    chosen = list(slowest(timings, of_each_group))
    with Progress("cold", len(chosen)) as progress:
        for timing in chosen:
            drop_from_page_cache(made.data)
            with running_collector(made.data, *made.options) as collector:
                connection = HTTPConnection(collector.api_host, timeout=300)
                connection.request("GET", "/healthz")
                connection.getresponse().read()
                ms, wrong = ask(connection, timing.question)
                timing.cold.append(ms)
                timing.wrong = timing.wrong or wrong
                connection.close()
            progress.advance()


def loaded(made: Stock, timings: list[Timing], repeats: int) -> str:
    """Ask everything while spans come in at half speed; return what came in."""
    with load_generator() as load, settled(made) as collector:
        full = Order("wanted", collector.otlp_host, RECORDS, CONNECTIONS, FULL_SPEED_S)
        half = load.run(full).records_per_s / 2
        load.begin(
            Order(
                *("wanted", collector.otlp_host, RECORDS, CONNECTIONS, 3600.0),
                requests_per_s=half / RECORDS,
            )
        )
        load.started()
        with Progress("loaded", len(timings)) as progress:
            ask_all(collector.api_host, timings, "loaded", repeats, progress)
        answer = load.stop()
    return (
        f"loaded: {answer.records_per_s:,.0f} wanted spans/s came in meanwhile, half of what the"
        f" collector took; answered after {answer.p50_ms:.0f} ms (p50), {answer.p99_ms:.0f} ms"
        f" (p99), {answer.failures} refused"
    )


def query_plans(made: Stock, timings: Sequence[Timing]) -> dict[str, list[str]]:
    """Return, by path, the statements of each question with SQLite's plan for them."""
    plans: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "explained.jsonl"
        command = ("env", f"EXPLAIN_FILE={file}", sys.executable, EXPLAINING)
        with running_collector(made.data, *made.options, command=command) as collector:
            connection = HTTPConnection(collector.api_host, timeout=300)
            for timing in timings:
                file.write_text("")
                ask(connection, timing.question)
                lines = [json.loads(line) for line in file.read_text().splitlines()]
                shown = [f"{line['sql']}\n      {'; '.join(line['plan'])}" for line in lines]
                plans[timing.question.path] = list(dict.fromkeys(shown))
            connection.close()
    return plans


# --- what is printed ------------------------------------------------------------------------------


def summary(timings: Sequence[Timing]) -> list[tuple[str, ...]]:
    """Return one row a group: its goal, and the worst question of each part."""
    rows: list[tuple[str, ...]] = [
        ("p95, ms", "goal", "idle", "", "loaded", "", "cold, once", "", "questions")
    ]
    groups: dict[str, list[Timing]] = {}
    for timing in timings:
        groups.setdefault(timing.question.group, []).append(timing)
    for group, of_group in groups.items():
        goal = of_group[0].question.goal_ms
        cells = [group, f"≤ {goal:g}" if goal else ""]
        for part in ("idle", "loaded", "cold"):
            worst = max(of_group, key=lambda one: percentile(getattr(one, part), SHARE))
            measured = getattr(worst, part)
            cells += [number(percentile(measured, SHARE)) if measured else "", ""]
            if measured:
                cells[-1] = worst.question.name
        rows.append((*cells, str(len(of_group))))
    return rows


def write_details(file: Path, timings: Sequence[Timing], plans: dict[str, list[str]]) -> None:
    """Write every question's figures, and how SQLite finds the answers."""
    lines = []
    for timing in timings:
        question = timing.question
        lines.append(f"{question.group}: {question.name}\n  {question.path}")
        for part in ("idle", "loaded", "cold"):
            if measured := getattr(timing, part):
                p50, p95 = percentile(measured, 0.5), percentile(measured, SHARE)
                lines.append(f"  {part}: p50 {p50:.1f} ms, p95 {p95:.1f} ms of {len(measured)}")
        if timing.wrong:
            lines.append(f"  WRONG: {timing.wrong}")
        lines += [f"    {plan}" for plan in plans.get(question.path, ())]
    file.write_text("\n".join(lines) + "\n")


def more_than_warm(
    options: argparse.Namespace, made: Stock, folder: Path, timings: list[Timing]
) -> str:
    """Ask cold, then under load; return what the load was."""
    cold(made, timings, options.cold)
    # On a copy: what comes in is not to stay in a directory that is kept.
    copy = folder / "copy"
    shutil.copytree(made.data, copy)
    try:
        chosen = list(slowest(timings, options.loaded))
        return loaded(Stock(copy, made.plan), chosen, options.repeats)
    finally:
        shutil.rmtree(copy)


def run(options: argparse.Namespace, folder: Path) -> None:
    """Fill, ask, print."""
    made = stock(folder, int(options.events))
    questions = [one for one in all_questions(made.plan) if options.only in one.group]
    if not questions:
        raise SystemExit(f"no group of questions has {options.only!r} in its name")
    timings = [Timing(question) for question in questions]
    idle(made, timings, options.repeats)
    told = "" if options.quick else more_than_warm(options, made, folder, timings)
    print_rows(summary(timings), left=(0, 3, 5, 7))
    print(f"\n{told}")
    plans = query_plans(made, timings)
    wrong = [timing for timing in timings if timing.wrong]
    for timing in wrong:
        print(f"WRONG: {timing.question.group}: {timing.question.name}: {timing.wrong}")
    write_details(options.details, timings, plans)
    print(f"each question, with its query plans: {options.details}")


def main(arguments: list[str] | None = None) -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=float, default=1e7)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the event logs there")
    parser.add_argument("--only", default="", metavar="TEXT", help="groups with this in the name")
    parser.add_argument("--repeats", type=int, default=20, help="of each question, at most")
    parser.add_argument("--cold", type=int, default=2, help="questions of each group, cold")
    parser.add_argument("--loaded", type=int, default=3, help="the same, under load")
    parser.add_argument("--quick", action="store_true", help="only warm, only idle")
    default = Path(tempfile.gettempdir()) / "eventlog-reading.txt"
    parser.add_argument("--details", type=Path, metavar="FILE", default=default)
    options = parser.parse_args(arguments)
    if options.keep is not None:
        run(options, options.keep)
        return
    with tempfile.TemporaryDirectory(prefix="eventlog-reading-") as name:
        run(options, Path(name))


if __name__ == "__main__":
    main()
