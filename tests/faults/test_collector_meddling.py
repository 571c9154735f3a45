"""Somebody meddles with a collector's directory: another collector, a lock, a removed file."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support import collector as collectors
from tests.support.foreign_lock import newest_segment, write_lock
from tests.support.mortal_collector import MortalCollector
from tests.support.oracle import Oracle
from tests.support.probe import Probe
from tests.support.senders import Senders, protobuf_client
from tests.support.waiting import eventually

SHORT_S = 3.0
PATIENCE_S = 20.0

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_two_collectors_on_one_directory(tmp_path: Path) -> None:
    """The second says who holds it and ends with exit code 2; the first does not notice."""
    oracle = Oracle()
    with MortalCollector(tmp_path / "data") as collector:
        with Senders(oracle, collector.otlp_http, collector.otlp_grpc_address):
            free = [
                part for name in ("otlp-http", "otlp-grpc", "http") for part in (f"--{name}", ":0")
            ]
            second = collectors.run("serve", "--data", tmp_path / "data", *free)
            assert second.returncode == 2
            assert f"in use by process {collector.process.pid}" in second.stderr
            assert "Traceback" not in second.stderr
            seen = len(oracle.acknowledged)
            assert eventually(lambda: len(oracle.acknowledged) > seen, within_s=PATIENCE_S)
        assert not oracle.verdict(collector.rows())


def test_a_foreign_write_lock_for_a_short_while_is_not_seen(tmp_path: Path) -> None:
    """Three seconds: every request waits and is taken, none is refused."""
    oracle = Oracle()
    with MortalCollector(tmp_path / "data") as collector, ThreadPoolExecutor(4) as pool:
        send, close = protobuf_client(oracle, collector.otlp_http)
        assert send(oracle.issue(1))
        with write_lock(tmp_path / "data"):
            waiting = [pool.submit(send, oracle.issue(1)) for _ in range(4)]
            time.sleep(SHORT_S)
            assert not any(answer.done() for answer in waiting)
        assert all(answer.result() for answer in waiting)
        close()


def test_a_foreign_write_lock_for_long(tmp_path: Path) -> None:
    """Refused before clients give up, people read on, and it goes on once the lock is gone."""
    oracle = Oracle()
    with MortalCollector(tmp_path / "data") as collector:
        with Senders(oracle, collector.otlp_http, collector.otlp_grpc_address):
            probe = Probe(collector, oracle)
            assert eventually(lambda: len(oracle.acknowledged) > 20, within_s=PATIENCE_S)
            with write_lock(tmp_path / "data"):
                assert eventually(probe.is_refused, within_s=PATIENCE_S)
                answer = httpx.get(f"{collector.http}/api/v1/events", trust_env=False)
                assert len(answer.json()["events"]) > 20
            assert eventually(probe.is_taken, within_s=PATIENCE_S)
        assert not oracle.verdict(collector.rows())
        assert "Traceback" not in collector.log
        assert "BUSY_SNAPSHOT" not in collector.log


def test_the_database_is_removed_while_it_is_written(tmp_path: Path) -> None:
    """SQLite would go on writing into nothing: what is sent from then on is stored, and found."""
    lost, oracle = Oracle(), Oracle(time.time_ns())
    with MortalCollector(tmp_path / "data") as collector:
        send, close = protobuf_client(lost, collector.otlp_http)
        assert send(lost.issue(20))
        segment = newest_segment(tmp_path / "data")
        for path in tmp_path.glob(f"data/segments/{segment.name}*"):
            path.unlink()
        close()
        with Senders(oracle, collector.otlp_http, collector.otlp_grpc_address):
            assert eventually(lambda: len(oracle.acknowledged) > 20, within_s=PATIENCE_S)
        assert not oracle.verdict(collector.rows())
        assert f"segment {segment.name} was removed" in collector.log
        collector.stop()
        collector.start()
        assert not oracle.verdict(collector.rows())
