"""How long after a request is completed its outcome is visible, in a query and in the live tail.

A real Flask application under gunicorn and `opentelemetry-instrument`, with our package in it and
its defaults, sends to a real collector. The clock starts when the client has the application's
answer. `query`: it is found by its request id; `tail`: it arrives on an open event stream.

    python -m benchmarks.freshness [--requests 200]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.live_collector import Collector, running_collector
from benchmarks.load import Order, load_generator
from benchmarks.report import Figure, Progress, percentile, print_table

BIN = Path(sys.executable).parent
APPS = Path(__file__).parent / "apps"
SERVICE = "freshness"
GOAL_P99_MS = 1_000
POLL_S = 0.005
PAUSE_S_MAX = 0.2
"""Between two requests, at random, so that they meet every moment of any waiting loop."""
GIVE_UP_S = 30.0
FULL_SPEED_S = 3.0
RECORDS, CONNECTIONS = 512, 8


@contextmanager
def application(collector_url: str) -> Iterator[int]:
    """Run the application; yield its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("OTEL_")},
        "OTEL_SERVICE_NAME": SERVICE,
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_EVENTLOG_ENDPOINT": collector_url,
    }
    process = subprocess.Popen(
        [
            *(BIN / "opentelemetry-instrument", BIN / "gunicorn", "--chdir", APPS),
            *("--bind", f"127.0.0.1:{port}", "--threads", "4", "--log-level", "error"),
            "small_flask:app",
        ],
        env=environment,
    )
    try:
        until_s = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(30)


class Tail(threading.Thread):
    """Follows the live stream of the application's outcomes and notes when each one came."""

    def __init__(self, api_host: str) -> None:
        super().__init__(daemon=True)
        self.seen_s: dict[str, float] = {}
        """Request id → when its outcome arrived, monotonic clock."""
        self.is_open = threading.Event()
        self._connection = HTTPConnection(api_host, timeout=60)

    def run(self) -> None:
        """Read until the collector ends the stream."""
        wanted = urlencode([("service", SERVICE), ("phase", "end")])
        self._connection.request("GET", f"/api/v1/events/stream?{wanted}")
        answer = self._connection.getresponse()
        for line in answer:
            now_s = time.monotonic()
            self.is_open.set()  # the first line tells that the stream is ready
            if line.startswith(b"data: {") and b'"request_id"' in line:
                event = json.loads(line[len(b"data: ") :])
                self.seen_s.setdefault(event["request_id"], now_s)

    def wait_for(self, request_id: str) -> float:
        """Return when an outcome arrived; infinity if it does not."""
        until_s = time.monotonic() + GIVE_UP_S
        while request_id not in self.seen_s and time.monotonic() < until_s:
            time.sleep(POLL_S)
        return self.seen_s.get(request_id, float("inf"))


def visible_s(collector: Collector, request_id: str) -> float:
    """Return when an outcome is found by its request id; infinity if it is not."""
    until_s = time.monotonic() + GIVE_UP_S
    while time.monotonic() < until_s:
        found = collector.get("/api/v1/events", [("request_id", request_id), ("phase", "end")])
        if found["events"]:
            return time.monotonic()
        time.sleep(POLL_S)
    return float("inf")


def measure(
    collector: Collector, port: int, tail: Tail, requests: int, progress: Progress
) -> tuple[list[float], list[float]]:
    """Return how many ms after its completion each request was visible: in a query, in the tail."""
    rng = random.Random(5)
    in_query, in_tail = [], []
    for _ in range(requests):
        time.sleep(rng.random() * PAUSE_S_MAX)
        form = urlencode({"user": "ada", "password": rng.choice(("engine", "engine", "wrong"))})
        app = HTTPConnection("127.0.0.1", port, timeout=30)
        app.request("POST", "/login", form, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = app.getresponse()
        answer.read()
        completed_s = time.monotonic()
        request_id = answer.headers.get("X-EventLog-Request-Id") or ""
        app.close()
        if not request_id:
            raise RuntimeError(f"no request id in the answer {answer.status} {answer.headers}")
        in_query.append((visible_s(collector, request_id) - completed_s) * 1e3)
        in_tail.append((tail.wait_for(request_id) - completed_s) * 1e3)
        progress.advance()
    return in_query, in_tail


def figures(when: str, values: tuple[list[float], list[float]]) -> Iterator[Figure]:
    """Return the lines of one part."""
    for where, ms in zip(("query", "tail"), values, strict=True):
        what = f"visible in {where}, {when}"
        yield Figure(f"{what}, p50", percentile(ms, 0.5), "ms", rounds=len(ms))
        p99 = percentile(ms, 0.99)
        yield Figure(f"{what}, p99", p99, "ms", GOAL_P99_MS, rounds=len(ms), is_at_most=True)


def main(arguments: list[str] | None = None) -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=200)
    options = parser.parse_args(arguments)
    lines: list[Figure] = []
    with (
        tempfile.TemporaryDirectory(prefix="eventlog-freshness-") as name,
        load_generator() as load,
        running_collector(Path(name) / "data") as collector,
        application(collector.urls["otlp-http"]) as port,
        Progress("freshness", 2 * options.requests) as progress,
    ):
        tail = Tail(collector.api_host)
        tail.start()
        if not tail.is_open.wait(10):
            raise RuntimeError("the event stream did not open")
        lines += figures("idle", measure(collector, port, tail, options.requests, progress))
        full = Order("wanted", collector.otlp_host, RECORDS, CONNECTIONS, FULL_SPEED_S)
        half = load.run(full).records_per_s / 2
        # Longer than the requests can take; the generator is stopped when they are done.
        load.begin(
            Order(
                *("wanted", collector.otlp_host, RECORDS, CONNECTIONS, 600.0),
                requests_per_s=half / RECORDS,
            )
        )
        load.started()
        lines += figures("loaded", measure(collector, port, tail, options.requests, progress))
        load.stop()
    print_table(lines)
    print(f"\nloaded: {half:,.0f} wanted spans/s besides, half of what the collector can take")


if __name__ == "__main__":
    main()
