"""A declarative configuration file without a `propagator:`, as many are written."""

from __future__ import annotations

import httpx
import pytest

from tests.support.otlp_sink import OtlpSink
from tests.support.processes import free_port, running
from tests.support.ways_in import APPS, DEADLINE_S, RIGHT, SERVERS, WAYS, Way

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

NO_PROPAGATOR = {"OTEL_CONFIG_FILE": str(APPS / "no_propagator.yaml")}


def log_in(way: Way, environment: dict[str, str], events: int) -> tuple[int, set[str]]:
    """Log in once; return the answer's status and the event logs' statuses."""
    port, server = free_port(), SERVERS["python"]
    with OtlpSink() as traces, OtlpSink() as collector:
        everything = way.environment(port, traces.url, collector.url) | environment
        with running(way.command(server, port), port, everything):
            url = f"http://127.0.0.1:{port}/login"
            answer = httpx.post(
                url, json=RIGHT, headers={"X-Request-Id": "abc-1"}, timeout=DEADLINE_S
            )
            found = collector.wait_for_events(events, DEADLINE_S)
        assert {event.correlation_id for event in found} <= {"abc-1"}
        return answer.status_code, {str(event.status) for event in found}


def test_the_propagator_that_is_missing_upstream_is_healed() -> None:
    """Without `propagator:` the SDK's propagator returns no Context; with ours requests go well."""
    assert log_in(WAYS["file-and-env"], NO_PROPAGATOR, 2) == (200, {"start", "success"})


def test_without_us_such_a_file_fails_every_request() -> None:
    """This is upstream's mistake and not ours; once it is mended, the docs need not tell it."""
    assert log_in(Way("file", has_endpoint=False, file="otel.yaml"), NO_PROPAGATOR, 0) == (
        500,
        set(),
    )
