"""The wall clock jumps, and days expire while event logs come in."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from tests.support.clock import DAY
from tests.support.collector import run
from tests.support.days import fill_days, segments
from tests.support.mortal_collector import MortalCollector
from tests.support.oracle import Oracle
from tests.support.senders import Senders
from tests.support.waiting import eventually
from tests.support.wrong_clock import clock_ahead

DAY_S = 86_400
DAYS = 4
PATIENCE_S = 20.0

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_a_clock_that_jumps_ahead_deletes_nothing(tmp_path: Path) -> None:
    """Everything looks expired: the purge refuses, says so everywhere, and nothing is lost."""
    oracles = fill_days(tmp_path / "data", DAYS)
    stored = segments(tmp_path / "data")
    assert len(stored) >= DAYS
    with MortalCollector(tmp_path / "data", environment=clock_ahead(31 * DAY_S)) as collector:
        status = f"{collector.http}/api/v1/status"

        def is_refused() -> bool:
            last_purge = httpx.get(status, trust_env=False).json()["last_purge"]
            return last_purge is not None and bool(last_purge["refused"])

        assert eventually(is_refused, within_s=PATIENCE_S)
        assert "purge refused" in collector.log
        assert not collector.rows()  # what looks expired is not shown, though
        assert set(segments(tmp_path / "data")) >= set(stored)
        collector.stop()
    with MortalCollector(tmp_path / "data") as collector:
        rows = collector.rows()
    for oracle in oracles:
        wanted = {key for number in oracle.acknowledged for key in oracle.expected(number)}
        assert wanted <= {row["event_id"] for row in rows}


def test_days_are_purged_while_event_logs_come_in(tmp_path: Path) -> None:
    """Two days expire under load: they are gone, in space as well, and nothing else is."""
    fill_days(tmp_path / "data", DAYS)
    stored = segments(tmp_path / "data")
    oracle = Oracle()
    with MortalCollector(tmp_path / "data", "--retention", "24h") as collector:
        with Senders(oracle, collector.otlp_http, collector.otlp_grpc_address):
            assert eventually(
                lambda: not set(stored[:2]) & set(segments(tmp_path / "data")), within_s=PATIENCE_S
            )
            seen = len(oracle.acknowledged)
            assert eventually(lambda: len(oracle.acknowledged) > seen, within_s=PATIENCE_S)
        assert not list((tmp_path / "data" / "segments").glob(f"{stored[0]}*"))
        assert "purged" in collector.log
        rows = [row for row in collector.rows() if row["time_unix_nano"] > time.time_ns() - DAY]
        wanted = {key for number in oracle.acknowledged for key in oracle.expected(number)}
        assert wanted <= {row["event_id"] for row in rows}


def test_a_person_can_say_that_the_clock_is_right(tmp_path: Path) -> None:
    """The control: the same days and the same clock, confirmed, and they are gone."""
    fill_days(tmp_path / "data", DAYS)
    filled = set(segments(tmp_path / "data"))
    done = run("prune", "--data", tmp_path / "data", "--force", environment=clock_ahead(31 * DAY_S))
    assert done.returncode == 0, done.stderr
    # What is there now holds nothing but the record of the purge itself.
    assert not filled & set(segments(tmp_path / "data"))
