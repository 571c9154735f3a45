"""How many requests a small FastAPI application serves with event logs, and how many without.

Two uvicorn processes under `opentelemetry-instrument`, both exporting their spans, one of them with
OTEL_EVENTLOG_ENDPOINT set as well. They are loaded in turn and share one processor core; the load,
the sink of the spans and the live collector have the other. `requests/s` is what the clients see;
`ms/request` is the application's processor time, which a busy machine disturbs less.

    python -m benchmarks.application_throughput [--rounds 9] [--seconds 2]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.live_collector import live_collector

CLIENTS = 8
GOAL_LOWER = 0.03
BIN = Path(sys.executable).parent
APP, SINK = Path(__file__).parent / "apps/small_fastapi.py", Path(__file__).parent / "apps/sink.py"


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """Return an HTTP request."""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


RIGHT = request("POST", "/login", b'{"user":"ada","password":"engine"}')
WRONG = request("POST", "/login", b'{"user":"ada","password":"difference"}')
REFRESH = request("POST", "/api/auth/refresh")
ARTICLES = [request("GET", f"/articles/{number}") for number in range(50)]

MIXES: dict[str, Sequence[bytes]] = {
    "a usual mix: 1 log-in and 1 refresh to 8 pages": (RIGHT, REFRESH, *ARTICLES[:8]),
    "log-ins only": (RIGHT, WRONG),
    "the worst case: refresh only, which does nothing": (REFRESH,),
    "pages only": ARTICLES,
}


@dataclass(frozen=True)
class App:
    """One of the two processes."""

    port: int
    process: subprocess.Popen[bytes]

    def processor_s(self) -> float:
        """Return the processor time that it has used, all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pin(cores: set[int]) -> None:
    """Keep this process and what it starts to some cores, where the system can."""
    available = os.sched_getaffinity(0)
    if len(available) > 1:
        os.sched_setaffinity(0, cores & available or available)


@contextmanager
def sink() -> Iterator[int]:
    """Run a sink of spans; yield its port."""
    process = subprocess.Popen([sys.executable, SINK], stdout=subprocess.PIPE)
    try:
        yield int(next(iter(process.stdout or ()), b"0"))
    finally:
        process.kill()
        process.wait()


@contextmanager
def app(traces_port: int, event_logs: str | None, core: int) -> Iterator[App]:
    """Run the application on one core, with or without event logs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "OTEL_SERVICE_NAME": "small",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{traces_port}",
    }
    environment.pop("OTEL_EVENTLOG_ENDPOINT", None)
    if event_logs is not None:
        environment["OTEL_EVENTLOG_ENDPOINT"] = event_logs
    process = subprocess.Popen(
        [
            *(BIN / "opentelemetry-instrument", BIN / "uvicorn", "--app-dir", APP.parent),
            *("--port", str(port), "--no-access-log", "--log-level", "warning"),
            "small_fastapi:app",
        ],
        env=environment,
        preexec_fn=lambda: pin({core}),  # noqa: PLW1509 - no thread runs here yet
    )
    try:
        deadline_s = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(0.05)
        yield App(port, process)
    finally:
        process.terminate()
        process.wait(30)


async def _client(port: int, requests: Sequence[bytes], until_s: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    while time.monotonic() < until_s:
        writer.write(requests[count % len(requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
        await reader.readexactly(int(length))
        count += 1
    writer.close()
    return count


async def _load(port: int, requests: Sequence[bytes], seconds: float) -> int:
    until_s = time.monotonic() + seconds
    return sum(await asyncio.gather(*(_client(port, requests, until_s) for _ in range(CLIENTS))))


def load(target: App, requests: Sequence[bytes], seconds: float) -> tuple[float, float]:
    """Return requests per second, and milliseconds of processor time a request."""
    before_s, began_s = target.processor_s(), time.monotonic()
    count = asyncio.run(_load(target.port, requests, seconds))
    elapsed_s = time.monotonic() - began_s
    return count / elapsed_s, (target.processor_s() - before_s) / count * 1_000


def compare(title: str, pair: tuple[App, App], rounds: int, seconds: float) -> str:
    """Return one line of the table."""
    requests = MIXES[title]
    for target in pair:
        load(target, requests, 0.5)
    measured = [[load(target, requests, seconds) for target in pair] for _ in range(rounds)]
    bare_rate, bare_ms = (statistics.median(bare[n] for bare, _ in measured) for n in (0, 1))
    rate = statistics.median(ours[0] / bare[0] for bare, ours in measured)
    cost = statistics.median(ours[1] / bare[1] for bare, ours in measured)
    return (
        f"{title:50} {bare_rate:8.0f} {bare_ms:7.2f} {rate - 1:+10.1%} {cost - 1:+12.1%}"
        f" {-GOAL_LOWER:8.0%}"
    )


def main(arguments: list[str] | None = None) -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args(arguments)
    cores = sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:
        pin(set(cores[1:]))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        traces_port = stack.enter_context(sink())
        collector = stack.enter_context(live_collector(folder))
        pair = (
            stack.enter_context(app(traces_port, None, cores[0])),
            stack.enter_context(app(traces_port, collector, cores[0])),
        )
        print(f"{'':50} without:           with event logs:")
        print(f"{'':50} {'req/s':>8} {'ms/req':>7} {'req/s':>10} {'ms/request':>12} {'goal':>8}")
        for title in MIXES:
            print(compare(title, pair, options.rounds, options.seconds), flush=True)


if __name__ == "__main__":
    main()
