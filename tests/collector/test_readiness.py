"""Readiness follows the last commits, and comes back by itself."""

from __future__ import annotations

import asyncio

import pytest

from otel_eventlog_collector import readiness as module
from otel_eventlog_collector.readiness import Readiness


def test_a_failed_commit_makes_it_unready_and_the_next_one_ready() -> None:
    """Each change is told once, whatever else fails or succeeds meanwhile."""

    async def run() -> list[bool]:
        told: list[bool] = []
        readiness = Readiness(told.append)
        readiness.committed()
        assert readiness.is_ready
        readiness.failed()
        readiness.failed()
        assert not readiness.is_ready
        readiness.committed()
        readiness.committed()
        assert readiness.is_ready
        return told

    assert asyncio.run(run()) == [False, True]


def test_without_requests_it_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """If being unready keeps everybody away, it ends by itself: somebody has to try."""
    monkeypatch.setattr(module, "NOT_READY_S", 0.05)

    async def run() -> list[bool]:
        told: list[bool] = []
        ready = asyncio.Event()
        readiness = Readiness(lambda is_ready: (told.append(is_ready), ready.set())[0])
        readiness.failed()
        ready.clear()
        await asyncio.wait_for(ready.wait(), 10)
        assert readiness.is_ready
        return told

    assert asyncio.run(run()) == [False, True]
