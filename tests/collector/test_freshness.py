"""How long it takes until an outcome is seen, as /api/v1/status tells it."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_eventlog.model import Status
from otel_eventlog_collector.freshness import (
    SAMPLES_PER_WRITE_MAX,
    WINDOW_S,
    Freshness,
    outcome_times,
)
from tests.support import otlp_requests as otlp
from tests.support.builders import NOW, event_log
from tests.support.clock import SECOND
from tests.support.collector import serving

MS = 1_000_000


def test_nothing_is_known_before_the_first_outcome() -> None:
    """No figure is better than a made-up one."""
    assert Freshness().lag(NOW) is None


@given(st.lists(st.floats(0.02, 60_000), min_size=1, max_size=200))
def test_the_quantiles_are_those_of_a_sorted_list(lags_ms: list[float]) -> None:
    """Right to the width of a bucket, and never below."""
    freshness = Freshness()
    for lag_ms in lags_ms:
        freshness.add([NOW - int(lag_ms * MS)], NOW)
    found = freshness.lag(NOW)
    assert found is not None
    assert found.count == len(lags_ms)
    for share, told in ((0.5, found.p50_ms), (0.99, found.p99_ms)):
        rank = max(0, -int(-share * len(lags_ms) // 1) - 1)
        exact = sorted(lags_ms)[rank]
        assert exact * 0.99 <= told <= exact * 1.12 + 0.01


def test_what_is_older_than_the_window_is_forgotten() -> None:
    """A slow moment an hour ago does not show any more, and memory does not grow."""
    freshness = Freshness()
    for minute in range(600):
        freshness.add([NOW + minute * 60 * SECOND - 5 * MS], NOW + minute * 60 * SECOND)
    now = NOW + 599 * 60 * SECOND
    found = freshness.lag(now)
    assert found is not None
    assert found.count <= WINDOW_S // 60 + 1
    assert freshness.lag(now + 2 * WINDOW_S * SECOND) is None
    assert len(freshness._slices) <= 30


def test_a_time_in_the_future_counts_as_now() -> None:
    """A clock that is ahead makes nothing seem quicker than at once."""
    freshness = Freshness()
    freshness.add([NOW + SECOND], NOW)
    found = freshness.lag(NOW)
    assert found is not None
    assert found.p99_ms == pytest.approx(0.01)


def test_a_large_write_is_looked_at_in_samples() -> None:
    """Only outcomes count, and of thousands some."""
    starts = [event_log(Status.START, span_id=n) for n in range(1, 50)]
    outcomes = [event_log(span_id=n) for n in range(1, 5000)]
    assert outcome_times(starts) == []
    assert 1 <= len(outcome_times([*starts, *outcomes])) <= SAMPLES_PER_WRITE_MAX


def test_a_running_collector_tells_it(tmp_path: Path) -> None:
    """After a request came in, its lag is in the status, once."""
    with serving(tmp_path / "data") as collector:
        status = f"{collector.http}/api/v1/status"
        assert httpx.get(status, trust_env=False).json()["freshness"] is None
        now = time.time_ns()
        span = otlp.span(1, start_time_unix_nano=now - 10**9, end_time_unix_nano=now - 10**8)
        for _ in range(2):  # what comes again was seen long ago, and is not counted
            answer = httpx.post(
                f"{collector.otlp_http}/v1/traces",
                content=otlp.traces([span]).SerializeToString(),
                headers={"Content-Type": "application/x-protobuf"},
                trust_env=False,
            )
            assert answer.status_code == 200
        found = httpx.get(status, trust_env=False).json()["freshness"]
        assert found["count"] == 1
        assert found["window_s"] == WINDOW_S
        assert 100 <= found["p50_ms"] <= found["p99_ms"]
