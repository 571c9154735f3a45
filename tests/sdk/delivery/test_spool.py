"""The spool: what is on disk is delivered, whatever happens to the process."""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_eventlog.delivery import worker
from otel_eventlog.delivery.spool import Spool
from tests.support.builders import event_log
from tests.support.delivering import MakeDelivery, some
from tests.support.fake_collector import FakeCollector
from tests.support.spooling import PUTTER, files, run_script
from tests.support.waiting import eventually


@pytest.fixture
def left_behind(folder: Path) -> Iterator[Spool]:
    """Return a spool that is written but never read, as of a process without its worker."""
    spool = Spool(folder)
    yield spool
    spool.close()


def test_kill_9_loses_nothing_that_was_put(
    folder: Path, collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """Every event log whose `put` returned before SIGKILL reaches the collector later, in order."""
    collector.stop()
    script = PUTTER + (
        "for number in range(1, 3001):\n"
        "    delivery.put(event_log(span_id=number))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = run_script(script, collector.url, str(folder))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    collector.start()
    delivery = make_delivery(spool=Spool(folder))
    delivery.start()
    assert eventually(lambda: len(collector.accepted) >= 3_000)
    assert collector.accepted == list(range(1, 3_001))
    assert eventually(lambda: not files(folder))


def test_an_outage_with_a_kill_in_it_loses_nothing(
    folder: Path, collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """Killed again and again while the collector is down: the next process sends all of it."""
    collector.stop()
    for first in (1, 11, 21):
        script = PUTTER + (
            f"for number in range({first}, {first} + 10):\n"
            "    delivery.put(event_log(span_id=number))\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        assert run_script(script, collector.url, str(folder)).returncode == -signal.SIGKILL
    delivery = make_delivery(spool=Spool(folder))
    delivery.put(event_log(span_id=31))
    collector.start()
    assert eventually(lambda: len(set(collector.accepted)) == 31)
    assert sorted(collector.accepted) == list(range(1, 32))


def test_what_is_delivered_is_not_sent_again_after_a_kill(
    folder: Path, collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """A process killed after a delivery leaves nothing to be sent twice."""
    script = PUTTER + (
        "for number in range(1, 101):\n"
        "    delivery.put(event_log(span_id=number))\n"
        "assert delivery.force_flush()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert run_script(script, collector.url, str(folder)).returncode == -signal.SIGKILL
    assert sorted(collector.accepted) == list(range(1, 101))
    delivery = make_delivery(spool=Spool(folder))
    delivery.put(event_log(span_id=101))
    assert delivery.force_flush()
    assert eventually(lambda: len(list(folder.iterdir())) == 1)
    assert sorted(collector.accepted) == list(range(1, 102))


def test_a_living_process_keeps_its_spool(
    folder: Path,
    left_behind: Spool,
    collector: FakeCollector,
    make_delivery: MakeDelivery,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody takes over the directory of a process before that has given up its lock."""
    monkeypatch.setattr(worker, "IDLE_TICK_S", 0.1)
    assert left_behind.append(some(1))
    delivery = make_delivery(spool=Spool(folder))
    delivery.put(event_log(span_id=2))
    assert delivery.force_flush()
    assert not eventually(lambda: collector.accepted != [2], within_s=0.5)
    left_behind.close()  # what is not delivered stays; the lock is gone
    assert eventually(lambda: sorted(collector.accepted) == [1, 2], within_s=15)


def test_a_clean_end_leaves_nothing_behind(
    folder: Path, collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """When all is delivered, the directory of the process is removed."""
    delivery = make_delivery(spool=Spool(folder))
    for event in some(100):
        delivery.put(event)
    delivery.shutdown()
    assert sorted(collector.accepted) == list(range(1, 101))
    assert list(folder.iterdir()) == []


def test_the_end_does_not_wait_for_what_is_safe(
    folder: Path, collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """With the collector down a process with a spool ends at once; the next one delivers."""
    collector.stop()
    delivery = make_delivery(spool=Spool(folder))
    for event in some(100):
        delivery.put(event)
    before = time.monotonic()
    delivery.shutdown()
    assert time.monotonic() - before < 1.5
    assert not delivery.stats().dropped
    collector.start()
    heir = make_delivery(spool=Spool(folder))
    heir.start()
    assert eventually(lambda: len(collector.accepted) == 100)


def test_modes_are_private_whatever_the_umask(folder: Path) -> None:
    """Directories are 0700 and files 0600, even under a umask of 0."""
    before = os.umask(0)
    try:
        spool = Spool(folder)
        assert spool.append(some(1))
    finally:
        os.umask(before)
    batch = spool.read()
    assert batch is not None
    spool.acknowledge(batch)
    for path in [folder, *folder.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
    assert {path.name for path in files(folder)} == {"00000001.seg", "delivered", "lock"}
    spool.close()


def test_what_is_delivered_leaves_the_disk(
    folder: Path, collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """Segments are deleted once delivered, also while the process goes on."""
    delivery = make_delivery(spool=Spool(folder, bytes_max=400_000))
    for first in range(1, 5_001, 500):
        for event in some(500, first=first):
            delivery.put(event)
        assert delivery.force_flush()
    assert delivery.stats().spool_failures == 0
    assert sorted(collector.accepted) == list(range(1, 5_001))
    assert sum(path.stat().st_size for path in files(folder)) < 200_000
