"""A collector at full load is asked to stop, once or twice, or is stopped amid its work."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.support.foreign_lock import write_lock
from tests.support.mortal_collector import MortalCollector
from tests.support.oracle import Oracle
from tests.support.senders import Senders
from tests.support.waiting import eventually

DRAIN_S_MAX = 10.0
AT_ONCE_S_MAX = 3.0
FROZEN_S = 4.0

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_asked_to_stop_at_full_load(tmp_path: Path) -> None:
    """What it has taken it finishes, ends well, and nothing acknowledged is missing."""
    oracle = Oracle()
    with MortalCollector(tmp_path / "data") as collector:
        with Senders(oracle, collector.otlp_http, collector.otlp_grpc_address):
            assert eventually(lambda: len(oracle.acknowledged) > 100, within_s=20)
            collector.process.send_signal(signal.SIGTERM)
            assert collector.process.wait(DRAIN_S_MAX) == 0
        assert not list((tmp_path / "data" / "segments").glob("*-wal"))
        collector.kill()
        collector.start()
        assert not oracle.verdict(collector.rows())


def test_asked_twice_while_the_store_hangs(tmp_path: Path) -> None:
    """The second time it ends at once; what it had not stored it had not acknowledged."""
    oracle = Oracle()
    with MortalCollector(tmp_path / "data") as collector:
        with Senders(oracle, collector.otlp_http, collector.otlp_grpc_address):
            assert eventually(lambda: len(oracle.acknowledged) > 100, within_s=20)
            with write_lock(tmp_path / "data"):
                time.sleep(0.5)  # requests come to wait for the lock
                collector.process.send_signal(signal.SIGTERM)
                time.sleep(0.5)
                assert collector.process.poll() is None
                collector.process.send_signal(signal.SIGTERM)
                assert collector.process.wait(AT_ONCE_S_MAX) == 128 + signal.SIGTERM
        collector.kill()
        collector.start()
        assert not oracle.verdict(collector.rows())


def test_frozen_and_thawed(tmp_path: Path) -> None:
    """Clients give up and send again; what it does when it goes on doubles nothing."""
    oracle = Oracle()
    with MortalCollector(tmp_path / "data") as collector:
        with Senders(oracle, collector.otlp_http, collector.otlp_grpc_address):
            assert eventually(lambda: len(oracle.acknowledged) > 100, within_s=20)
            collector.process.send_signal(signal.SIGSTOP)
            time.sleep(FROZEN_S)  # longer than the stock exporters of these clients wait
            collector.process.send_signal(signal.SIGCONT)
            seen = len(oracle.acknowledged)
            assert eventually(lambda: len(oracle.acknowledged) > seen, within_s=20)
        assert not oracle.verdict(collector.rows())
