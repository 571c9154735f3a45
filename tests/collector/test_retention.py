"""The retention task: purges at once, again after its interval, and outlives failures."""

from __future__ import annotations

import asyncio

from otel_eventlog_collector.errors import StoreUnavailable
from otel_eventlog_collector.protocols import PurgeReport
from otel_eventlog_collector.retention import keep_retention
from tests.contracts.store_harness import login, put
from tests.support.builders import NOW
from tests.support.clock import DAY, HandClock
from tests.support.memory_store import MemoryStore


def run_until(store: MemoryStore, wanted: int) -> list[PurgeReport]:
    """Run the task until it has reported so many times."""
    reports: list[PurgeReport] = []

    async def run() -> None:
        done = asyncio.Event()

        def on_report(report: PurgeReport) -> None:
            reports.append(report)
            if len(reports) == wanted:
                done.set()

        task = asyncio.create_task(keep_retention(store, on_report=on_report, interval_s=0.001))
        await asyncio.wait_for(done.wait(), timeout=30)
        task.cancel()

    asyncio.run(run())
    return reports


def test_it_purges_at_the_start_and_again() -> None:
    """What has expired before the start goes at once, and the task goes on purging."""
    clock = HandClock()
    store = MemoryStore(clock)
    put(store, login(1, at=NOW - 29 * DAY), login(2))
    clock.forward(3 * DAY)
    reports = run_until(store, 3)
    assert [report.events for report in reports[:3]] == [1, 0, 0]
    assert store.status().events == 1


def test_a_failure_does_not_end_it() -> None:
    """A purge that fails is tried again after the interval."""

    class Failing(MemoryStore):
        failures = 2

        def purge(self, *, force: bool = False) -> PurgeReport:
            if self.failures:
                self.failures -= 1
                raise StoreUnavailable("the disk sleeps")
            return super().purge(force=force)

    store = Failing(HandClock())
    assert [report.events for report in run_until(store, 1)[:1]] == [0]
    assert store.failures == 0
