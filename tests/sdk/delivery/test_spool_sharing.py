"""Many processes, living and dead, in one spool directory: bounded, tidied, and kept apart."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from otel_eventlog.delivery import worker
from otel_eventlog.delivery.shelf import ASIDE_SUFFIX, UNNAMED_SUFFIX
from otel_eventlog.delivery.spool import Spool
from tests.support.builders import event_log
from tests.support.delivering import MakeDelivery, put_all, some
from tests.support.fake_collector import FakeCollector, Reply
from tests.support.spooling import PUTTER, ROOT, files, run_script
from tests.support.waiting import eventually

PATIENCE_S = 30.0


@pytest.fixture(autouse=True)
def quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the spool be tidied often."""
    monkeypatch.setattr(worker, "IDLE_TICK_S", 0.05)


def bytes_in(folder: Path) -> int:
    """Return the size of everything in a directory."""
    return sum(path.stat().st_size for path in files(folder))


@pytest.mark.usefixtures("hurried")
def test_the_bound_holds_for_all_processes_amid_an_outage(
    folder: Path, collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """While the collector is away every process sees what the others write, and leaves it room."""
    bytes_max = 200_000
    collector.stop()
    deliveries = [make_delivery(spool=Spool(folder, bytes_max=bytes_max)) for _ in range(4)]
    for round_number in range(20):
        for delivery in deliveries:
            put_all(delivery, some(20, first=1 + round_number * 20))
        seen = [delivery.stats().retried for delivery in deliveries]
        if bytes_in(folder) > bytes_max // 2:
            assert eventually(
                lambda seen=seen: all(
                    delivery.stats().retried > before
                    for delivery, before in zip(deliveries, seen, strict=True)
                ),
                within_s=PATIENCE_S,
            )
    assert bytes_in(folder) < bytes_max + 4 * 20_000  # what four of them write between two looks
    assert sum(delivery.stats().spool_failures for delivery in deliveries) > 0


def test_a_sibling_that_dies_amid_traffic_is_taken_over(
    folder: Path, collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """A process that never comes to rest finds what a killed sibling left all the same."""
    delivery = make_delivery(spool=Spool(folder))
    delivery.put(event_log(span_id=1))
    assert delivery.force_flush(PATIENCE_S)
    unreachable = "http://127.0.0.1:9"
    script = PUTTER + ("delivery.put(event_log(span_id=2))\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert run_script(script, unreachable, str(folder)).returncode == -signal.SIGKILL

    def is_taken_over() -> bool:
        delivery.put(event_log(span_id=3))
        return 2 in collector.accepted

    assert eventually(is_taken_over, within_s=PATIENCE_S)


def test_a_process_killed_while_it_made_or_removed_its_directory(
    folder: Path, collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """Directories without a name or without a lock are removed; a young one is left alone."""
    half_made = folder / f"1-old{UNNAMED_SUFFIX}"
    young = folder / f"2-young{UNNAMED_SUFFIX}"
    half_removed = folder / "3-gone.spool"
    for path in (half_made, young, half_removed):
        path.mkdir(parents=True)
    (half_made / "lock").touch()
    os.utime(half_made, (1, 1))
    delivery = make_delivery(spool=Spool(folder))
    delivery.start()
    assert eventually(lambda: list(folder.iterdir()) == [young], within_s=PATIENCE_S)
    assert not collector.received


def test_what_is_not_ours_is_set_aside(
    folder: Path, collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """A dead process's directory with something foreign in it is delivered once, and kept aside."""
    left = Spool(folder)
    assert left.append(some(3))
    left.close()
    (path,) = folder.iterdir()
    (path / "notes.txt").write_text("mine")
    delivery = make_delivery(spool=Spool(folder))
    delivery.start()
    aside = path.with_suffix(ASIDE_SUFFIX)
    assert eventually(aside.exists, within_s=PATIENCE_S)
    delivery.put(event_log(span_id=4))
    assert delivery.force_flush(PATIENCE_S)
    assert sorted(collector.accepted) == [1, 2, 3, 4]
    assert [item.name for item in aside.iterdir()] == ["notes.txt"]


def test_two_applications_in_one_directory_by_mistake(
    folder: Path, collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """Whoever lives sends what the other left, under the other's own service name."""
    left = Spool(folder)
    assert left.append([event_log(span_id=1, service="shop", project="acme")])
    left.close()
    delivery = make_delivery(spool=Spool(folder))
    delivery.put(event_log(span_id=2, service="mobile"))
    assert eventually(lambda: sorted(collector.accepted) == [1, 2], within_s=PATIENCE_S)
    services = {
        int.from_bytes(record.span_id, "big"): {
            item.key: item.value.string_value for item in resource_logs.resource.attributes
        }
        for received in collector.received
        for resource_logs in received.request.resource_logs
        for record in resource_logs.scope_logs[0].log_records
    }
    assert services == {
        1: {"service.name": "shop", "service.namespace": "acme"},
        2: {"service.name": "mobile"},
    }


def test_what_cannot_be_taken_back_is_not_read(
    folder: Path, collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """After half a write nothing is delivered twice, skipped, or counted as broken."""
    collector.judge = lambda _records, _size: Reply(503)
    spool = Spool(folder)
    delivery = make_delivery(spool=spool)
    put_all(delivery, some(3))
    assert eventually(lambda: delivery.stats().retried > 0, within_s=PATIENCE_S)
    assert spool._live is not None
    with (folder / spool._live.path).open("ab") as half:
        half.write(b"0000")  # as a write leaves it that stopped half-way and was not taken back
    spool._live = None
    collector.judge = lambda _records, _size: None
    put_all(delivery, some(3, first=4))
    assert delivery.force_flush(PATIENCE_S)
    assert sorted(collector.accepted) == [1, 2, 3, 4, 5, 6]
    assert not delivery.stats().dropped


def test_many_processes_write_at_once(folder: Path, collector: FakeCollector) -> None:
    """Six processes in one directory, each killed at its end: every event log arrives, in order."""
    collector.stop()
    script = PUTTER + (
        "first = int(sys.argv[3])\n"
        "for number in range(first, first + 200): delivery.put(event_log(span_id=number))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", script, collector.url, str(folder), str(1000 * number)],
            cwd=ROOT,
        )
        for number in range(1, 7)
    ]
    assert [writer.wait(60) for writer in writers] == [-signal.SIGKILL] * 6
    collector.start()
    heir = PUTTER + (
        "import time\n"
        "while any(os.scandir(sys.argv[2])): time.sleep(0.05)\n"
        "assert delivery.stats().delivered == 1200, delivery.stats()\n"
    )
    finished = run_script(heir, collector.url, str(folder))
    assert finished.returncode == 0, finished.stderr
    for number in range(1, 7):
        of_writer = [found for found in collector.accepted if found // 1000 == number]
        assert of_writer == list(range(1000 * number, 1000 * number + 200))
