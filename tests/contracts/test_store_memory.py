"""The battery of stores, run on the reference store that other tests compare with."""

from __future__ import annotations

from pathlib import Path

from otel_eventlog_collector.protocols import Clock, Store
from tests.contracts.store_battery import StoreBattery
from tests.support.memory_store import MemoryStore


class TestMemoryStore(StoreBattery):
    """The memory store passes the battery."""

    opts_out = {  # noqa: RUF012 - read only
        "test_everything_is_there_after_reopening": "nothing in memory survives",
        "test_an_unstorable_event_costs_no_other": "memory takes every value",
        "test_an_unstorable_pair_costs_no_other": "memory takes every value",
        "test_many_writers_at_once": "it is for one thread",
        "test_a_slice_without_length_is_refused": "it counts as long as it is told",
    }

    def open(self, place: Path, clock: Clock, steady: Clock) -> Store:
        """Open an empty store."""
        return MemoryStore(clock)
