"""A collector's own figures add up at every moment, whatever it is given and whatever happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import httpx
import pytest

from otel_eventlog.model import Rank, Status
from tests.support import otlp_requests as otlp
from tests.support.builders import event_log
from tests.support.clock import DAY, HOUR
from tests.support.disk_shim import Shim
from tests.support.mortal_collector import MortalCollector
from tests.support.oracle import Oracle
from tests.support.scrape import Figures, scrape
from tests.support.senders import Senders, wire_span
from tests.support.waiting import eventually

PATIENCE_S = 20.0
SCRAPES_MIN = 10

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


class Scraper:
    """Scrapes again and again while in `with`, and keeps what did not add up."""

    def __init__(self, url: str) -> None:
        self.wrong: list[str] = []
        self.scrapes = 0
        self._url = url
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scraper")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.wrong += scrape(self._url).unbalanced
            self.scrapes += 1


def kinds_of_input(oracle: Oracle) -> dict[str, Callable[[], tuple[str, bytes]]]:
    """Return what a collector may be given: path and body of one request of each kind."""
    now = time.time_ns()

    def traces(*spans: otlp.Span) -> tuple[str, bytes]:
        return "/v1/traces", otlp.traces(spans).SerializeToString()

    def unwanted(number: int) -> otlp.Span:
        route = otlp.key_values({"http.request.method": "GET", "http.route": "/prices"})
        return otlp.span(number, start_time_unix_nano=now, attributes=route)

    def made_in_an_application() -> tuple[str, bytes]:
        events = [
            event_log(status, span_id=7, start_unix_nano=now, time_unix_nano=now, rank=Rank.APP)
            for status in (Status.START, Status.SUCCESS, Status.ERROR)
        ]
        return "/v1/logs", otlp.logs_of(events).SerializeToString()

    return {
        "wanted": lambda: traces(*(wire_span(oracle, n) for n in oracle.issue(5))),
        "the same again": lambda: traces(wire_span(oracle, 1)),
        "unwanted": lambda: traces(unwanted(1), unwanted(2), wire_span(oracle, *oracle.issue(1))),
        "without ids": lambda: traces(otlp.span(1, trace_id=b"", span_id=b""), unwanted(3)),
        "too old": lambda: traces(
            otlp.span(9, start_time_unix_nano=now - 40 * DAY, end_time_unix_nano=now - 40 * DAY + 1)
        ),
        "too new": lambda: traces(
            otlp.span(8, start_time_unix_nano=now + HOUR, end_time_unix_nano=now + HOUR + 1)
        ),
        "made in an application": made_in_an_application,
        "foreign logs": lambda: (
            "/v1/logs",
            otlp.logs([otlp.LogRecord(body=otlp.any_value("hello"))]).SerializeToString(),
        ),
        "rubbish": lambda: ("/v1/traces", b"\xff\xff\xff"),
        "nothing": lambda: ("/v1/traces", b""),
        "metrics": lambda: ("/v1/metrics", b""),
    }


def test_what_came_in_is_what_became_of_it(tmp_path: Path) -> None:
    """At every scrape under load and over failing commits, for every kind of input."""
    oracle = Oracle()
    shim = Shim(tmp_path / "data", tmp_path)
    kinds = kinds_of_input(oracle)
    headers = {"Content-Type": "application/x-protobuf"}
    with (
        MortalCollector(tmp_path / "data", environment=shim.environment) as collector,
        httpx.Client(base_url=collector.otlp_http, headers=headers, trust_env=False) as client,
        Scraper(collector.http) as scraper,
    ):
        with Senders(oracle, collector.otlp_http, collector.otlp_grpc_address):
            for _ in range(3):
                for make in kinds.values():
                    path, body = make()
                    client.post(path, content=body)
            shim.fail("no-space")
            answer = client.post("/v1/traces", content=kinds["wanted"]()[1])
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
            shim.mend("no-space")
            assert eventually(
                lambda: client.post("/v1/traces", content=kinds["wanted"]()[1]).is_success,
                within_s=PATIENCE_S,
            )
            assert eventually(lambda: scraper.scrapes > SCRAPES_MIN, within_s=PATIENCE_S)
        figures = scrape(collector.http)
    assert not scraper.wrong
    assert not figures.unbalanced
    for name in ("received", "dropped", "rejected", "taken", "refused"):
        assert figures.total(f"eventlog_records_{name}_total"), name
    for name in ("stored", "duplicate", "rejected", "refused", "clock_skewed", "conflicting"):
        assert figures.total(f"eventlog_events_{name}_total"), name
    settled(figures)


def settled(figures: Figures) -> None:
    """Check what must hold once nothing is under way any more."""
    assert figures.total("eventlog_events_waiting") == 0
    assert figures.total("eventlog_records_in_process") == 0
    assert figures.total("eventlog_requests_in_flight") == 0
    assert figures.total("eventlog_bytes_in_flight") == 0
    assert figures.total("eventlog_stored_events") == figures.total("eventlog_events_stored_total")
    assert figures.total("eventlog_database_bytes") > 0
    assert figures.total("eventlog_oldest_event_age_seconds") > 0
    assert figures.total("eventlog_purge_last_run_timestamp_seconds") > 0
    assert figures.total("eventlog_store_readable") == 1
    assert figures.total("eventlog_build_info") == 1
    assert figures.total("eventlog_freshness_seconds_count") > 0
    assert figures.total("eventlog_write_seconds_count") > 0
