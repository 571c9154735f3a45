"""Somebody meddles with a collector's directory: another collector, a lock, a removed file."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support import collector as collectors
from tests.support.foreign_lock import newest_segment, write_lock
from tests.support.mortal_collector import MortalCollector
from tests.support.oracle import Oracle
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
    with MortalCollector(tmp_path / "data") as collector:
        send, close = protobuf_client(oracle, collector.otlp_http)
        numbers = oracle.issue(3)
        answers = [send(numbers[:1])]
        with write_lock(tmp_path / "data"):
            release_s = time.monotonic() + SHORT_S
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(send, numbers[1:2])
                time.sleep(max(0.0, release_s - time.monotonic()))
                assert not waiting.done()
