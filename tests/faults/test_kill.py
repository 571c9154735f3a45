"""Workers killed amid requests: starts stay visible, and what was finished is not lost."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.support.mortal_collector import MortalCollector
from tests.support.shops import Shop, gunicorn
from tests.support.traffic import Traffic, expected, statuses
from tests.support.waiting import eventually

PATIENCE_S = 60.0
LONG_S = 600

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def start_long_login(shop: Shop, correlation_id: str) -> threading.Thread:
    """Begin a login that does not end before its worker does."""

    def log_in() -> None:
        form = {"user": "ada", "password": "correct horse", "wait_s": LONG_S}
        headers = {"X-Request-Id": correlation_id}
        with pytest.raises(httpx.HTTPError):
            httpx.post(f"{shop.url}/login", json=form, headers=headers, timeout=LONG_S)

    thread = threading.Thread(target=log_in)
    thread.start()
    return thread


def has(collector: MortalCollector, correlation_id: str) -> Callable[[], bool]:
    """Return whether anything about a request is stored."""
    return lambda: correlation_id in statuses(collector.rows())


def test_a_worker_killed_amid_a_request(tmp_path: Path) -> None:
    """Without any spool the start of the request that killed its worker is there to be seen."""
    with (
        MortalCollector(tmp_path / "data") as collector,
        gunicorn("shop", collector.otlp_http) as shop,
    ):
        assert eventually(lambda: len(shop.worker_ids()) == 1, within_s=PATIENCE_S)
        (worker,) = shop.worker_ids()
        login = start_long_login(shop, "fatal")
        assert eventually(has(collector, "fatal"), within_s=PATIENCE_S)
        os.kill(worker, signal.SIGKILL)
        login.join()
        assert eventually(lambda: shop.worker_ids() not in ([], [worker]), within_s=PATIENCE_S)
        rows = collector.rows()
        assert statuses(rows) == {"fatal": ["start"]}
        ids = [row["request_id"] for row in rows]
        with httpx.Client(base_url=collector.http, trust_env=False) as client:
            found = client.get("/api/v1/requests", params={"state": "in_progress"}).json()
        assert [request["request_id"] for request in found["requests"]] == ids


def test_workers_of_one_spool_are_killed_while_the_collector_is_away(tmp_path: Path) -> None:
    """Whichever worker is killed, amid whichever request: nothing that was answered is lost.

    Its siblings and the process that replaces it send what it left, starts included.
    """
    spool = tmp_path / "spool"
    with (
        MortalCollector(tmp_path / "data") as collector,
        gunicorn(
            "shop",
            collector.otlp_http,
            "--workers",
            "3",
            OTEL_EVENTLOG_SPOOL_DIR=str(spool),
        ) as shop,
    ):
        collector.kill()
        with Traffic("shop", shop.url, pause_s=0.02) as traffic:
            for number in range(3):
                kill_amid_login(shop, spool, f"fatal-{number}", traffic)
        collector.start()
        wanted = expected(traffic) | {f"fatal-{number}": ["start"] for number in range(3)}
        # A request that its worker's end cut off left what it got to; it is in nobody's book.
        assert eventually(
            lambda: statuses(collector.rows()).items() >= wanted.items(), within_s=PATIENCE_S
        )
        stored = statuses(collector.rows())
        assert set(stored) - set(wanted) <= set(traffic.unanswered)
        assert len(collector.rows()) == sum(len(found) for found in stored.values())


def kill_amid_login(shop: Shop, spool: Path, correlation_id: str, traffic: Traffic) -> None:
    """Let traffic flow, then kill the worker that has just begun a certain login."""
    seen = len(traffic.answered)
    assert eventually(lambda: len(traffic.answered) > seen + 20, within_s=PATIENCE_S)
    login = start_long_login(shop, correlation_id)
    text = f'"{correlation_id}"'.encode()
    assert eventually(lambda: writer_of(spool, text) > 0, within_s=PATIENCE_S)
    victim = writer_of(spool, text)
    assert victim in shop.worker_ids()
    os.kill(victim, signal.SIGKILL)
    login.join()


def writer_of(spool: Path, text: bytes) -> int:
    """Return the id of the process that wrote a text to the spool; 0 if none did."""
    for segment in spool.glob("*.spool/*.seg"):
        if text in segment.read_bytes():
            return int(segment.parent.name.partition("-")[0])
    return 0


def test_a_whole_application_is_killed_and_started_again(tmp_path: Path) -> None:
    """The next start of the application sends what all processes of the last one left, in order."""
    spool = {"OTEL_EVENTLOG_SPOOL_DIR": str(tmp_path / "spool")}
    with MortalCollector(tmp_path / "data") as collector:
        collector.kill()
        with (
            gunicorn("shop", collector.otlp_http, **spool) as shop,
            Traffic("shop", shop.url, pause_s=0.01) as traffic,
        ):
            assert eventually(lambda: len(traffic.answered) > 100, within_s=PATIENCE_S)
            for process_id in (shop.process.pid, *shop.worker_ids()):
                os.kill(process_id, signal.SIGKILL)
        collector.start()
        with gunicorn("shop", collector.otlp_http, **spool):
            wanted = expected(traffic)
            assert eventually(
                lambda: statuses(collector.rows()).items() >= wanted.items(), within_s=PATIENCE_S
            )
        rows = sorted(collector.rows(), key=lambda row: row["time_unix_nano"])
        received = [row["observed_time"] for row in rows]
        assert received == sorted(received)
        assert set(statuses(rows)) - set(wanted) <= set(traffic.unanswered)
