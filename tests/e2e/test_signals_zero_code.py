"""Signals with zero code: flask-login is imported long after event logs were switched on."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx
import pytest

from tests.support.otlp_sink import OtlpSink
from tests.support.processes import BIN, free_port, plain_environment, running

APP = Path(__file__).parent / "apps" / "login_site.py"

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.mark.parametrize("server", ["flask", "gunicorn"])
def test_flask_login_tells_the_outcome(server: str) -> None:
    """302 to everybody; the event logs know who was let in, under threads and forked workers."""
    port = free_port()
    command: list[str | Path] = [BIN / "opentelemetry-instrument", sys.executable, APP]
    if server == "gunicorn":
        bind, where = f"127.0.0.1:{port}", str(APP.parent)
        options = ["--bind", bind, "--workers", "2", "--preload", "--pythonpath", where]
        command = [command[0], BIN / "gunicorn", *options, "login_site:app"]
    with OtlpSink() as collector:
        environment = plain_environment(
            PORT=str(port),
            OTEL_SERVICE_NAME="shop",
            OTEL_TRACES_EXPORTER="none",
            OTEL_METRICS_EXPORTER="none",
            OTEL_LOGS_EXPORTER="none",
            OTEL_EVENTLOG_ENDPOINT=collector.url,
        )
        with (
            running(command, port, environment),
            httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
        ):
            for password in ("hunter2", "correct horse"):
                answer = client.post("/login", data={"user": "ada", "password": password})
                assert answer.status_code == 302
            events = collector.wait_for_events(4)
    outcomes = sorted(
        (event.time_unix_nano, event.status, event.outcome_source, event.error_type, event.user_id)
        for event in events
        if event.outcome_source is not None
    )
    assert [tuple(map(str, found[1:])) for found in outcomes] == [
        ("error", "signal", "refused", "None"),
        ("success", "signal", "None", "u-1"),
    ]
