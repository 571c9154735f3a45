"""`kill -9` of a collector under load, again and again, judged by an oracle from outside."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.support import collector as collectors
from tests.support.mortal_collector import MortalCollector
from tests.support.oracle import Oracle
from tests.support.repository import ROOT
from tests.support.scrape import scrape
from tests.support.senders import Senders, protobuf_client
from tests.support.waiting import eventually

KILLS = 6
LIFE_S_MAX = 1.0
FRESH_S_MAX = 5.0

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def live_and_die(collector: MortalCollector, oracle: Oracle, kills: int) -> Senders:
    """Let clients send while a collector is killed at random moments and started again."""
    rng = random.Random()
    senders = Senders(oracle, collector.otlp_http, collector.otlp_grpc_address)
    with senders:
        for _ in range(kills):
            acknowledged = len(oracle.acknowledged)
            assert eventually(lambda seen=acknowledged: len(oracle.acknowledged) > seen)
            time.sleep(rng.uniform(0, LIFE_S_MAX))
            collector.kill()
            collector.start()
        acknowledged = len(oracle.acknowledged)
        assert eventually(lambda: len(oracle.acknowledged) > acknowledged)
    return senders


def passes_soon(collector: MortalCollector, oracle: Oracle) -> bool:
    """Whether a fresh event log is taken, and seen, within the time promised."""
    (number,) = oracle.issue(1)
    send, close = protobuf_client(oracle, collector.otlp_http)
    with httpx.Client(base_url=collector.http, trust_env=False) as client:

        def is_seen() -> bool:
            answer = client.get("/api/v1/events", params={"user_id": f"u-{number}"})
            return len(answer.json()["events"]) == 1

        sent = eventually(lambda: send([number]), within_s=FRESH_S_MAX)
        close()
        return sent and eventually(is_seen, within_s=FRESH_S_MAX)


def test_kill_9_under_load_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Stored once, unaltered, nothing else; what was sent twice is counted; and it works on."""
    oracle = Oracle()
    with MortalCollector(tmp_path / "data") as collector:
        live_and_die(collector, oracle, KILLS)
        assert not oracle.verdict(collector.rows())
        assert passes_soon(collector, oracle)
        figures = scrape(collector.http)
    assert oracle.acknowledged
    given = figures.total("eventlog_events_mapped_total")
    assert given == sum(
        figures.total(f"eventlog_events_{name}_total")
        for name in ("stored", "replaced", "duplicate", "conflicting", "rejected")
    )


def test_what_is_sent_again_is_counted_and_not_stored(tmp_path: Path) -> None:
    """Killed between commit and answer, a client cannot know: it sends again."""
    oracle = Oracle()
    with MortalCollector(tmp_path / "data") as collector:
        numbers = oracle.issue(50)
        for life in range(3):
            send, close = protobuf_client(oracle, collector.otlp_http)
            assert send(numbers)
            close()
            oracle.acknowledge(numbers)
            figures = scrape(collector.http)
            assert figures.total("eventlog_events_stored_total") == (0 if life else 100)
            assert figures.total("eventlog_events_duplicate_total") == (100 if life else 0)
            collector.kill()
            collector.start()
        assert not oracle.verdict(collector.rows())


def test_a_collector_that_answers_before_it_stores_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the same load, the same kills, a broken promise."""
    command = tmp_path / "otel-eventlog"
    command.write_text(
        f"#!{sys.executable}\n"
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.support.hasty_collector import main\nmain()\n"
    )
    command.chmod(0o700)
    monkeypatch.setattr(collectors, "COMMAND", command)
    oracle = Oracle()
    with MortalCollector(tmp_path / "data") as collector:
        live_and_die(collector, oracle, 2)
        wrong = oracle.verdict(collector.rows())
    assert any(fault.startswith("lost") for fault in wrong)
