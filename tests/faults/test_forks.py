"""Forks in real applications: a preloaded server's workers, and a fork inside of a request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from otel_eventlog.exporter import keep
from otel_eventlog.settings import Settings, build_delivery
from tests.support.mortal_collector import MortalCollector
from tests.support.shops import gunicorn
from tests.support.traffic import Traffic, expected, statuses
from tests.support.waiting import eventually

PATIENCE_S = 60.0
FORKS = 10

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[MortalCollector]:
    """Return a real collector."""
    with MortalCollector(tmp_path / "data") as collector:
        yield collector


def test_preloaded_workers_that_fork_inside_of_requests(
    collector: MortalCollector, tmp_path: Path
) -> None:
    """Every process sends its own event logs, once, with and without a spool; none gets stuck."""
    variants = {"memory": {}, "spool": {"OTEL_EVENTLOG_SPOOL_DIR": str(tmp_path / "spool")}}
    with ExitStack() as stack:
        shops = {
            name: stack.enter_context(
                gunicorn(name, collector.otlp_http, "--preload", "--workers", "2", **variables)
            )
            for name, variables in variants.items()
        }
        with ExitStack() as people:
            traffics = [
                people.enter_context(Traffic(name, shop.url, pause_s=0.02))
                for name, shop in shops.items()
            ]
            for _ in range(FORKS):
                for shop in shops.values():
                    answer = httpx.post(f"{shop.url}/fork", timeout=PATIENCE_S)
                    assert answer.json() == {"child": 0}
        assert not [traffic.unanswered for traffic in traffics if traffic.unanswered]
        wanted = expected(*traffics)
        count = 2 * len(wanted) + FORKS * len(shops)
        assert eventually(lambda: len(collector.rows()) >= count, within_s=PATIENCE_S)
    rows = collector.rows()
    assert statuses(rows) == wanted
    assert len(rows) == count
    for name in shops:
        reported = [row for row in rows if row["service"] == name and row["user_id"] == "child"]
        assert len(reported) == FORKS
    the_next_process_clears(tmp_path / "spool", collector.otlp_http)
    assert len(collector.rows()) == count


def the_next_process_clears(spool_dir: Path, endpoint: str) -> None:
    """Let a process that starts take over what is left, which is what was not yet acknowledged.

    A child that ends by itself may leave a file whose records have just been delivered.
    """
    delivery = build_delivery(Settings(endpoint=endpoint, spool_dir=spool_dir), keep)
    delivery.start()
    assert eventually(lambda: not [*spool_dir.rglob("*.seg")], within_s=PATIENCE_S)
    delivery.shutdown()
