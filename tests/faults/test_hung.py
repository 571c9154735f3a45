"""A collector that takes connections and never answers, and ten times more than can be kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from otel_eventlog.delivery.queue import QUEUE_EVENTS_MAX
from otel_eventlog.delivery.spool import SPOOL_BYTES_MAX
from tests.support.fake_collector import FakeCollector, Reply
from tests.support.shops import Shop, gunicorn
from tests.support.traffic import Traffic
from tests.support.waiting import eventually

PATIENCE_S = 120.0
BURST = 10 * QUEUE_EVENTS_MAX
QUEUE_MIB_MAX = 64
GROWTH_MIB_MAX = 8

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture
def hung() -> Iterator[FakeCollector]:
    """Return a collector that takes every connection and request, and says nothing."""
    collector = FakeCollector()
    collector.judge = lambda _records, _size: Reply(is_silent=True)
    yield collector
    collector.stop()


def memory_mib(shop: Shop) -> float:
    """Return the resident memory of the only worker."""
    (worker,) = shop.worker_ids()
    status = Path(f"/proc/{worker}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024


def burst(shop: Shop, count: int, parts: int = 10) -> None:
    """Have so many event logs reported, in a few requests."""
    for _ in range(parts):
        answer = httpx.post(f"{shop.url}/bounces/{count // parts}", timeout=PATIENCE_S)
        assert answer.json() == {"reported": count // parts}


def test_ten_times_more_than_the_queue_holds(hung: FakeCollector) -> None:
    """Every request is answered, memory has a bound, and each event log arrives or is counted."""
    with gunicorn("shop", hung.url, "--threads", "4") as shop:
        with Traffic("shop", shop.url, pause_s=0.02) as traffic:
            assert eventually(lambda: len(traffic.answered) > 10, within_s=PATIENCE_S)
            at_first_mib = memory_mib(shop)
            burst(shop, BURST)
            full_mib = memory_mib(shop)
            burst(shop, BURST)
            again_mib = memory_mib(shop)
        assert not traffic.unanswered
        assert full_mib - at_first_mib < QUEUE_MIB_MAX
        assert again_mib - full_mib < GROWTH_MIB_MAX
        assert shop.counters()["queued"] <= QUEUE_EVENTS_MAX
        hung.judge = lambda _records, _size: None
        total = 2 * BURST + 2 * len(traffic.answered)

        def is_settled() -> bool:
            stats = shop.counters()
            settled: int = stats["delivered"] + stats["dropped"].get("queue_full", 0)
            return settled == total

        assert eventually(is_settled, within_s=PATIENCE_S)
        stats = shop.counters()
        assert set(stats["dropped"]) == {"queue_full"}
        assert len(set(hung.event_ids)) == stats["delivered"] >= QUEUE_EVENTS_MAX


def test_more_than_the_queue_holds_with_a_spool(hung: FakeCollector, tmp_path: Path) -> None:
    """With a spool the disk takes it, within its bound, and nothing at all is dropped."""
    spool = tmp_path / "spool"
    environment = {"OTEL_EVENTLOG_SPOOL_DIR": str(spool)}
    with gunicorn("shop", hung.url, "--threads", "4", **environment) as shop:
        with Traffic("shop", shop.url, pause_s=0.02) as traffic:
            assert eventually(lambda: len(traffic.answered) > 10, within_s=PATIENCE_S)
            at_first_mib = memory_mib(shop)
            burst(shop, 2 * QUEUE_EVENTS_MAX)
            full_mib = memory_mib(shop)
        assert not traffic.unanswered
        assert full_mib - at_first_mib < GROWTH_MIB_MAX
        stats = shop.counters()
        assert QUEUE_EVENTS_MAX < stats["spooled_bytes"] < SPOOL_BYTES_MAX
        assert not stats["dropped"]
        assert stats["queued"] == stats["spool_failures"] == 0
        hung.judge = lambda _records, _size: None
        hung.stop()  # breaks the connection that still waits for an answer
        hung.start()
        total = 2 * QUEUE_EVENTS_MAX + 2 * len(traffic.answered)
        assert eventually(lambda: shop.counters()["delivered"] == total, within_s=PATIENCE_S)
        assert len(set(hung.event_ids)) == total
