"""`kill -9` in the middle of writing: nothing acknowledged is lost, nothing is torn."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from otel_eventlog_collector.query import EventQuery
from otel_eventlog_collector.store.sqlite import SqliteStore
from tests.contracts.store_harness import everything
from tests.support.clock import HandClock
from tests.support.repository import ROOT

CHILD = """
import sys
from pathlib import Path
from otel_eventlog_collector.store.sqlite import SqliteStore
from tests.contracts.store_harness import login, start_of
from tests.support.builders import NOW
from tests.support.clock import DAY, HandClock

first = int(sys.argv[2])
store = SqliteStore(Path(sys.argv[1]), clock=HandClock())
print("ready", flush=True)
waiting = []
for number in range(first, first + 1_000_000, 20):
    pairs = [login(n, at=NOW - n % 2 * DAY, user_id=f"u-{n}") for n in range(number, number + 20)]
    waiting.append((number, store.write([*map(start_of, pairs), *pairs])))
    if len(waiting) == 4:
        number, future = waiting.pop(0)
        future.result()
        print(number, flush=True)
"""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_acknowledged_is_lost(tmp_path: Path, seed: int) -> None:
    """A writing process is killed again and again; all it had acknowledged is there, in whole."""
    rng = random.Random(seed)
    acknowledged: set[int] = set()
    for life in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path / "data"), str(1 + life * 1_000_000)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'collector'}"},
        )
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            for _ in range(rng.randrange(1, 25)):
                acknowledged.add(int(process.stdout.readline()))
            process.send_signal(signal.SIGKILL)
            acknowledged.update(int(line) for line in process.stdout if line.endswith("\n"))
    store = SqliteStore(tmp_path / "data", clock=HandClock())
    found = everything(store, EventQuery(limit=1000))
    store.close()
    ends = {event.span_id for event in found if event.user_id and event.phase.value == "end"}
    starts = {event.span_id for event in found if event.phase.value == "start"}
    assert len(found) == len(ends) + len(starts)
    for number in acknowledged:
        wanted = set(range(number, number + 20))
        assert wanted <= ends
        assert wanted <= starts
