"""A data directory in which something happened on each of the last days."""

from __future__ import annotations

import time
from pathlib import Path

from tests.support.clock import DAY
from tests.support.mortal_collector import MortalCollector
from tests.support.oracle import Oracle
from tests.support.senders import protobuf_client


def fill_days(data: Path, days: int) -> list[Oracle]:
    """Store something on each of the last days."""
    oracles = [Oracle(time.time_ns() - age * DAY) for age in range(days)]
    with MortalCollector(data) as collector:
        for oracle in oracles:
            send, close = protobuf_client(oracle, collector.otlp_http)
            numbers = oracle.issue(50)
            assert send(numbers)
            oracle.acknowledge(numbers)
            close()
        collector.stop()
    return oracles


def segments(data: Path) -> list[str]:
    """Return the names of the stored days."""
    return sorted(path.name for path in (data / "segments").glob("????-??-??.db"))
