"""The battery of stores, run on the embedded store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_eventlog_collector.protocols import Clock, Store
from otel_eventlog_collector.store.sqlite import SqliteStore
from tests.contracts.store_battery import StoreBattery
from tests.support.quick_directory import quick_directory


class TestSqliteStore(StoreBattery):
    """The SQLite store passes the battery."""

    def open(self, place: Path, clock: Clock, steady: Clock) -> Store:
        """Open the store in a directory."""
        return SqliteStore(place, clock=clock, steady=steady)

    @pytest.fixture
    def place(self) -> Iterator[Path]:
        """Return a directory in memory: the battery is about what is stored, not about disks."""
        with quick_directory() as directory:
            yield directory / "data"
