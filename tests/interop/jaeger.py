"""A real Jaeger to test against: find or build the program, run it on loopback, ask it for traces.

Jaeger is written in Go and published as source in a Go module, so wherever Go is installed it can
be built without Docker. The build takes minutes once, then the program lies in the cache directory.
Any other Jaeger 2 program serves as well: `OTEL_EVENTLOG_JAEGER=/path/to/jaeger`.

By itself this module runs Jaeger in the foreground on its usual ports:

    .venv/bin/python -m tests.interop.jaeger

Its web pages are not in the Go module: a program built here answers every query, but shows a page
without content at `/trace/…`. `docs/jaeger.md` says how to add the pages.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from otel_eventlog_collector.demo.processes import free_ports
from tests.interop.jaeger_build import JaegerUnavailableError, find_or_build
from tests.interop.polling import eventually
from tests.support.processes import plain_environment, running

USUAL_PORTS = (4317, 4318, 16686)
PAGES_VARIABLE = "OTEL_EVENTLOG_JAEGER_UI"


@dataclass(frozen=True)
class JaegerSpan:
    """What Jaeger tells of one span."""

    span_id: str
    name: str
    service: str
    start_us: int
    tags: dict[str, Any]


@dataclass(frozen=True)
class Ports:
    """Where Jaeger listens, on loopback."""

    otlp_grpc: int
    otlp_http: int
    pages: int
    query_grpc: int
    health: int

    @classmethod
    def choose(cls, otlp_grpc: int = 0, otlp_http: int = 0, pages: int = 0) -> Ports:
        """Take the ports that are given, and free ones for all others."""
        free = free_ports(5)
        return cls(otlp_grpc or free[0], otlp_http or free[1], pages or free[2], free[3], free[4])


@dataclass(frozen=True)
class Jaeger:
    """A running Jaeger with traces in memory."""

    ports: Ports
    client: httpx.Client = field(repr=False)

    @property
    def otlp_http(self) -> str:
        """What an application gets as OTEL_EXPORTER_OTLP_ENDPOINT with http/protobuf."""
        return f"http://127.0.0.1:{self.ports.otlp_http}"

    @property
    def otlp_grpc(self) -> str:
        """What an application gets as OTEL_EXPORTER_OTLP_ENDPOINT with grpc."""
        return f"http://127.0.0.1:{self.ports.otlp_grpc}"

    @property
    def pages(self) -> str:
        """Where people look at traces, and where the query API is."""
        return f"http://127.0.0.1:{self.ports.pages}"

    @property
    def trace_url(self) -> str:
        """The template of links for `otel-eventlog serve --trace-url`."""
        return self.pages + "/trace/{trace_id}"

    def spans(self, trace_id: str) -> dict[str, JaegerSpan]:
        """All spans of a trace by their ids; none if Jaeger does not know the trace."""
        answer = self.client.get(f"{self.pages}/api/traces/{trace_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return {}
        (trace,) = answer.raise_for_status().json()["data"]
        return {span.span_id: span for span in _spans_of(trace)}

    def search(self, service: str, tags: dict[str, str]) -> list[str]:
        """The ids of all traces with a span of the service that has all these tags."""
        query = {"service": service, "tags": json.dumps(tags), "lookback": "1h", "limit": "1000"}
        answer = self.client.get(f"{self.pages}/api/traces", params=query)
        return [trace["traceID"] for trace in answer.raise_for_status().json()["data"]]

    def services(self) -> list[str]:
        """The services that Jaeger has seen."""
        answer = self.client.get(f"{self.pages}/api/services").raise_for_status().json()
        return list(answer["data"] or ())


def _spans_of(trace: dict[str, Any]) -> Iterator[JaegerSpan]:
    for span in trace["spans"]:
        yield JaegerSpan(
            span_id=span["spanID"],
            name=span["operationName"],
            service=trace["processes"][span["processID"]]["serviceName"],
            start_us=span["startTime"],
            tags={tag["key"]: tag["value"] for tag in span["tags"]},
        )


def pages_directory() -> Path | None:
    """Where Jaeger's built web pages are, if the environment says so."""
    named = os.environ.get(PAGES_VARIABLE)
    return Path(named) if named else None


@contextmanager
def running_jaeger(
    program: Path, ports: Ports | None = None, pages: Path | None = None
) -> Iterator[Jaeger]:
    """Run Jaeger until the block is left; it is ready when the block is entered.

    Args:
        program: the Jaeger program, of version 2.
        ports: where to listen; free ports if absent.
        pages: directory with Jaeger's built web pages, for programs that came without them.
    """
    ports = ports or Ports.choose()
    with tempfile.TemporaryDirectory(prefix="jaeger-") as directory, httpx.Client() as client:
        settings = Path(directory, "jaeger.json")
        settings.write_text(json.dumps(_settings(ports, pages)), encoding="utf-8")
        command: list[str | Path] = [program, "--config", settings]
        with running(command, ports.health, plain_environment(), end_with=signal.SIGTERM):
            eventually(lambda: _is_healthy(client, ports), what="Jaeger to become ready")
            yield Jaeger(ports, client)


def _is_healthy(client: httpx.Client, ports: Ports) -> bool:
    try:
        return client.get(f"http://127.0.0.1:{ports.health}/status").is_success
    except httpx.TransportError:
        return False


def _settings(ports: Ports, pages: Path | None) -> dict[str, Any]:
    """Jaeger's configuration: OTLP in, memory, the query API out."""

    def at(port: int) -> dict[str, str]:
        return {"endpoint": f"127.0.0.1:{port}"}

    query: dict[str, Any] = {
        "storage": {"traces": "memory"},
        "http": at(ports.pages),
        "grpc": at(ports.query_grpc),
    }
    if pages is not None:
        query["ui"] = {"assets_path": str(pages)}
    return {
        "receivers": {
            "otlp": {"protocols": {"grpc": at(ports.otlp_grpc), "http": at(ports.otlp_http)}}
        },
        "exporters": {"jaeger_storage_exporter": {"trace_storage": "memory"}},
        "extensions": {
            "jaeger_storage": {"backends": {"memory": {"memory": {"max_traces": 100_000}}}},
            "jaeger_query": query,
            "healthcheckv2": {"use_v2": True, "http": at(ports.health)},
        },
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query", "healthcheckv2"],
            "pipelines": {
                "traces": {"receivers": ["otlp"], "exporters": ["jaeger_storage_exporter"]}
            },
            "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run Jaeger in the foreground until it is interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.interop.jaeger",
        description="Build Jaeger if need be and run it on loopback, with traces in memory.",
    )
    for name, port in zip(("otlp-grpc", "otlp-http", "pages"), USUAL_PORTS, strict=True):
        parser.add_argument(f"--{name}", type=int, default=port, metavar="PORT", help=f"({port})")
    parser.add_argument(
        "--ui",
        type=Path,
        default=pages_directory(),
        metavar="DIR",
        help=f"Jaeger's built web pages, for a program without them ({PAGES_VARIABLE})",
    )
    options = parser.parse_args(arguments)
    try:
        program = find_or_build()
        ports = Ports.choose(options.otlp_grpc, options.otlp_http, options.pages)
        with running_jaeger(program, ports, options.ui) as jaeger:
            sys.stderr.write(
                f"Jaeger takes OTLP on {jaeger.otlp_grpc} (gRPC) and {jaeger.otlp_http} (HTTP).\n"
                f"Its pages: {jaeger.pages}   Interrupt with Ctrl-C.\n"
            )
            _wait_for_interrupt()
    except (JaegerUnavailableError, AssertionError) as unavailable:
        sys.stderr.write(f"{unavailable}\n")
        return 1
    return 0


def _wait_for_interrupt() -> None:
    endings = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(
        signal.SIG_BLOCK, endings
    )  # after the start: Jaeger shall not inherit it
    signal.sigwait(endings)


if __name__ == "__main__":
    sys.exit(main())
