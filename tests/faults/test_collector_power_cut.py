"""The power fails at a random moment: all that was acknowledged is there when it is back."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from otel_eventlog_collector.store import open_store
from tests.support.disk_shim import Effect, Record, Shim
from tests.support.power_cut import Disk
from tests.support.quick_directory import quick_directory
from tests.support.repository import ROOT
from tests.support.store_load import DAYS, Book, clock, everything, miscounts

WRITES = 16
"""By each thread, in each of two lives of the process."""
CUTS = 120
"""Moments at which the power fails; twice the store is looked at, with nothing and some kept."""

pytestmark = [pytest.mark.slow]


def load(shim: Shim, data: Path, seed: int, writes: int = WRITES) -> subprocess.Popen[bytes]:
    """Start a process in which a store works, while its effects on the disk are recorded."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.store_load", data, shim.log, str(seed), str(writes)],
        env={**os.environ, **shim.recording_environment, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )


def run_load(shim: Shim, data: Path, *seeds: int) -> None:
    """Let a store work in processes one after the other."""
    for seed in seeds:
        with load(shim, data, seed) as process:
            assert process.wait(60) == 0


def moments(records: list[Record], cuts: int, rng: random.Random) -> list[int]:
    """Choose where to cut: half of them right after an acknowledgement, where it hurts.

    Everywhere, if there are no more records than cuts.
    """
    if cuts >= len(records):
        return list(range(1, len(records) + 1))
    marks = [n + 1 for n, record in enumerate(records) if record.effect is Effect.MARK]
    chosen = rng.sample(marks, min(len(marks), cuts // 2))
    return sorted([*chosen, *(rng.randrange(len(records)) for _ in range(cuts - len(chosen)))])


def after_cuts(shim: Shim, cuts: int) -> Iterator[tuple[str, list[str]]]:
    """Cut the power at many moments; yield each time what was done and what is wrong then."""
    records = list(shim.records())
    disk, book, done = Disk(), Book(), 0
    for moment in moments(records, cuts, random.Random(2)):
        for record in records[done:moment]:
            disk.apply(record)
            if record.effect is Effect.MARK:
                book.note(record.data)
        done = moment
        for kept in (None, random.Random(moment)):
            with quick_directory() as folder:
                disk.cut(folder, kept)
                name = f"cut at {moment}, {'nothing' if kept is None else 'some'} unsynced kept"
                yield name, faults_of(folder, book)


def faults_of(folder: Path, book: Book) -> list[str]:
    """Open what is left as a collector does, without any help, and compare."""
    try:
        store = open_store(folder, clock=clock())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is wrong
        return [f"does not open: {error!r}"]
    try:
        events = everything(store)
        wrong = [*book.check(events), *miscounts(store, events)]
    except Exception as error:  # noqa: BLE001 - as above
        wrong = [f"cannot be read: {error!r}"]
    finally:
        store.close()
    return wrong + [
        f"{path.name}: {found}"
        for path in [folder / "catalog.db", *(folder / "segments").glob("*.db")]
        if (found := integrity(path)) != "ok"
    ]


def integrity(path: Path) -> str:
    """Return SQLite's own judgement of a file."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)


def test_a_power_cut_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """At every moment: the store opens by itself, has all it acknowledged, and counts right."""
    with quick_directory() as folder:
        shim = Shim(folder / "data", tmp_path)
        run_load(shim, folder / "data", 1, 2)
    wrong = {name: faults for name, faults in after_cuts(shim, CUTS) if faults}
    assert not wrong


def test_a_kill_before_the_power_cut(tmp_path: Path) -> None:
    """Killed between write and sync, started again, sent the same again: only then the cut.

    What the kill left in the write-ahead log is visible, and yet may be in memory alone: that it
    is there already is no reason to acknowledge it.
    """
    first, second = 0, DAYS  # of the same day
    with quick_directory() as folder:
        shim = Shim(folder / "data", tmp_path)
        with load(shim, folder / "data", first, writes=0) as process:
            assert process.wait(60) == 0
        shim.fail("log-sync-dies")
        with load(shim, folder / "data", second, writes=0) as process:
            assert process.wait(60) == -signal.SIGKILL
        shim.mend("log-sync-dies")
        with load(shim, folder / "data", second, writes=0) as process:
            assert process.wait(60) == 0
    every_moment = sum(1 for _ in shim.records())
    wrong = {name: faults for name, faults in after_cuts(shim, every_moment) if faults}
    assert not wrong


def test_without_syncing_acknowledged_event_logs_are_lost(tmp_path: Path) -> None:
    """The control: the same load and the same cuts, on a disk whose fsync does nothing."""
    with quick_directory() as folder:
        shim = Shim(folder / "data", tmp_path)
        shim.fail("sync-lies")
        run_load(shim, folder / "data", 1, 2)
    wrong = [faults for _, faults in after_cuts(shim, CUTS // 5)]
    assert sum(map(bool, wrong)) > len(wrong) / 2
    assert any("lost" in fault for faults in wrong for fault in faults)
