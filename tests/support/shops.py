"""The applications of `tests/faults/apps` under real servers and `opentelemetry-instrument`."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.mortal_collector import quiet_port
from tests.support.processes import BIN, plain_environment, running

ANSWER_S_MAX = 60.0
APPS = Path(__file__).resolve().parents[1] / "faults" / "apps"


@dataclass(frozen=True)
class Shop:
    """A running application.

    Attributes:
        url: its base URL.
        process: its server; with gunicorn the master.

    """

    url: str
    process: subprocess.Popen[bytes]

    def counters(self) -> dict[str, Any]:
        """Return what a worker of the Flask application says about its delivery."""
        answer = httpx.get(f"{self.url}/stats", timeout=ANSWER_S_MAX)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def worker_ids(self) -> list[int]:
        """Return the process ids of the server's children."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(word) for word in path.read_text().split()]


@contextmanager
def gunicorn(name: str, endpoint: str, *options: str, **environment: str) -> Iterator[Shop]:
    """Run the Flask application under gunicorn; one worker unless the options say otherwise."""
    port = quiet_port()
    command = [BIN / "gunicorn", "--chdir", APPS, "--bind", f"127.0.0.1:{port}"]
    # The arbiter's notices are checked by nobody, and a slow machine is not a hung worker.
    command += ["--timeout", "120", "--graceful-timeout", "20", *options, "shop_flask:app"]
    with _instrumented(name, endpoint, port, command, environment) as shop:
        yield shop


@contextmanager
def uvicorn(name: str, endpoint: str, **environment: str) -> Iterator[Shop]:
    """Run the FastAPI application under uvicorn."""
    port = quiet_port()
    command = [BIN / "uvicorn", "--app-dir", APPS, "--port", str(port), "shop_fastapi:app"]
    with _instrumented(name, endpoint, port, command, environment) as shop:
        yield shop


@contextmanager
def _instrumented(
    name: str,
    endpoint: str,
    port: int,
    command: list[str | Path],
    environment: dict[str, str],
) -> Iterator[Shop]:
    usual = {f"OTEL_{kind}_EXPORTER": "none" for kind in ("TRACES", "METRICS", "LOGS")}
    usual |= {"OTEL_SERVICE_NAME": name, "OTEL_EVENTLOG_ENDPOINT": endpoint}
    everything = plain_environment() | usual | environment
    command = [BIN / "opentelemetry-instrument", *command]
    with running(command, port, everything, end_with=signal.SIGTERM) as process:
        yield Shop(f"http://127.0.0.1:{port}", process)
