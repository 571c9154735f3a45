"""Outages of a real collector under the traffic of real applications: nothing lost, none twice."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_collector import FakeCollector, Reply
from tests.support.mortal_collector import MortalCollector
from tests.support.shops import gunicorn, uvicorn
from tests.support.traffic import Traffic, expected, statuses
from tests.support.waiting import eventually

OUTAGE_S = 60.0
PATIENCE_S = 90.0

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def assert_all_stored(collector: MortalCollector, *traffics: Traffic) -> list[dict[str, Any]]:
    """Assert that both event logs of every request are stored, each once; return all rows."""
    wanted = expected(*traffics)
    names = [traffic.name for traffic in traffics]
    rows: list[dict[str, Any]] = []

    def is_there() -> bool:
        rows[:] = [row for row in collector.rows() if row["service"] in names]
        return len(rows) >= 2 * len(wanted)

    eventually(is_there, within_s=PATIENCE_S)
    assert statuses(rows) == wanted
    assert len({row["event_id"] for row in rows}) == len(rows)
    return rows


def wait_for_traffic(traffics: Collection[Traffic]) -> None:
    """Wait until every application has answered some more."""
    wanted = [(traffic, len(traffic.answered) + 10) for traffic in traffics]
    assert eventually(
        lambda: all(len(traffic.answered) >= count for traffic, count in wanted),
        within_s=PATIENCE_S,
    )


def assert_in_order(rows: Sequence[dict[str, Any]], service: str) -> None:
    """Assert that the collector received a service's event logs in the order they happened."""
    ours = sorted(
        (row for row in rows if row["service"] == service), key=lambda row: row["time_unix_nano"]
    )
    received = [row["observed_time"] for row in ours]
    assert len(received) > 2
    assert received == sorted(received)


def test_a_collector_killed_restarted_and_away_for_a_minute(tmp_path: Path) -> None:
    """Killed, restarted and away for 60 s, all under traffic, the collector ends up with all, once.

    With and without a spool, over HTTP and gRPC, with one worker and with several that were forked
    from a preloaded application. With a spool they arrive in order. And a collector that asks for
    eleven days of patience is asked again within half a minute. (One test, because it takes time.)
    """
    spools = [{"OTEL_EVENTLOG_SPOOL_DIR": str(tmp_path / name)} for name in ("one", "three")]
    patient = FakeCollector()
    patient.replies.extend([Reply(503, {"retry-after": "1000000"}), Reply(429)])
    with contextlib.ExitStack() as stack:
        stack.callback(patient.stop)
        collector = stack.enter_context(MortalCollector(tmp_path / "data"))
        http, grpc = collector.otlp_http, collector.otlp_grpc
        shops = {
            "memory": uvicorn("memory", http),
            "grpc": gunicorn("grpc", grpc, OTEL_EVENTLOG_PROTOCOL="grpc"),
            "spool": gunicorn("spool", http, **spools[0]),
            "preload": gunicorn("preload", http, "--preload", "--workers", "3", **spools[1]),
            "asked": gunicorn("asked", patient.url),
        }
        urls = {name: stack.enter_context(shop).url for name, shop in shops.items()}
        with contextlib.ExitStack() as people:
            traffics = {
                name: people.enter_context(Traffic(name, url, pause_s=0.2))
                for name, url in urls.items()
            }
            wait_for_traffic(traffics.values())
            collector.kill()
            collector.start()
            wait_for_traffic(traffics.values())
            collector.stop()
            time.sleep(OUTAGE_S)  # the length of the outage is what this is about
            collector.start()
            wait_for_traffic(traffics.values())
        asked = traffics.pop("asked")
        rows = assert_all_stored(collector, *traffics.values())
        assert not [traffic.unanswered for traffic in traffics.values() if traffic.unanswered]
        assert_in_order(rows, "spool")
        assert eventually(
            lambda: len(set(patient.event_ids)) == 2 * len(asked.answered), within_s=PATIENCE_S
        )
        assert len(patient.event_ids) == 2 * len(asked.answered)
