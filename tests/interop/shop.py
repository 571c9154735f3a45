"""The demo's shop as an ordinary team runs it: Flask under `opentelemetry-instrument`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from otel_eventlog_collector.demo.stage import RULES
from tests.support.processes import BIN, free_port, plain_environment, running

EMAIL = "ada@example.com"
PASSWORD = "correct horse battery staple"


@contextmanager
def running_shop(directory: Path, service: str, **environment: str) -> Iterator[httpx.Client]:
    """Run the shop until the block is left; a browser for it.

    Args:
        directory: for its database.
        service: its name in traces and event logs.
        environment: where it sends traces and event logs.
    """
    port = free_port()
    command: list[str | Path] = [
        *(BIN / "opentelemetry-instrument", sys.executable, "-m", "flask"),
        *("--app", "otel_eventlog_collector.demo.apps.shop", "run", "--port", str(port)),
    ]
    settings = plain_environment(
        DEMO_DATABASE=str(directory / f"{service}.sqlite"),
        FLASK_SKIP_DOTENV="1",
        OTEL_SERVICE_NAME=service,
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_BSP_SCHEDULE_DELAY="100",
        **environment,
    )
    with (
        running(command, port, settings),  # SIGINT ends it: Python exports what is left
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as browser,
    ):
        yield browser


def traces_to(endpoint: str, protocol: str = "http/protobuf") -> dict[str, str]:
    """The settings with which an application sends its traces somewhere."""
    return {
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
    }


def event_logs_to(endpoint: str) -> dict[str, str]:
    """The settings with which an application sends its event logs somewhere."""
    return {"OTEL_EVENTLOG_ENDPOINT": endpoint, "OTEL_EVENTLOG_RULES": str(RULES)}


def register(browser: httpx.Client, email: str = EMAIL) -> httpx.Response:
    """Create an account."""
    return browser.post("/register", data={"email": email, "password": PASSWORD})


def log_in(browser: httpx.Client, password: str, **headers: str) -> httpx.Response:
    """Log in, or try to."""
    form = {"email": EMAIL, "password": password}
    return browser.post("/login", data=form, headers=headers)
