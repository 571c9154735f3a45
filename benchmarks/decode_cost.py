"""What a span costs from its bytes to what the store writes, beside a bare parse of the same bytes.

Wanted spans come out as pairs, unwanted ones as a number. Bare is `FromString` of the whole request
with the official protobuf classes, nothing of it touched. Processor time of the thread, the least
of several rounds: other programs can only make it longer.

    python -m benchmarks.decode_cost [--rounds 15] [--profile]
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from otel_eventlog_collector.otlp.decode_protobuf import decode_traces_protobuf
from otel_eventlog_collector.otlp.encode import Encoding
from otel_eventlog_collector.otlp.traces import TraceDecoder

SPANS = 512
LOGINS = (("/login", 40), ("/logout", 20), ("/register", 10), ("/oauth/token", 20), ("/token", 10))
AGENTS = tuple(f"Mozilla/5.0 (X11; Linux x86_64) Browser/{n}.0 Safari/537.36" for n in range(40))
SERVER, CLIENT = 2, 3


def encoded(attributes: dict[str, Any]) -> list[KeyValue]:
    """Return attributes as OTLP's pairs."""
    return [
        KeyValue(
            key=key,
            value=AnyValue(int_value=value)
            if isinstance(value, int)
            else AnyValue(string_value=value),
        )
        for key, value in attributes.items()
    ]


def span(rng: random.Random, kind: int, name: str, attributes: dict[str, Any]) -> Span:
    """Return a span of now."""
    start = time.time_ns() - rng.randrange(3_000_000_000)
    return Span(
        trace_id=rng.randbytes(16),
        span_id=rng.randbytes(8),
        parent_span_id=rng.randbytes(8) if rng.random() < 0.3 else b"",
        name=name,
        kind=kind,  # type: ignore[arg-type] # an enum's number
        start_time_unix_nano=start,
        end_time_unix_nano=start + rng.randrange(1_000_000, 200_000_000),
        attributes=encoded(attributes),
        flags=0x101,
    )


def address(rng: random.Random) -> str:
    """Return a client's address."""
    return f"198.51.{rng.randrange(100)}.{rng.randrange(250)}"


def wanted(rng: random.Random) -> Span:
    """Return a log-in, a log-out or the like, as the instrumentation of a framework makes it."""
    route = rng.choices([name for name, _ in LOGINS], [weight for _, weight in LOGINS])[0]
    told = {
        "http.request.method": "POST",
        "url.scheme": "https",
        "server.address": "shop.example.com",
        "network.protocol.version": "1.1",
        "url.path": route,
        "client.address": address(rng),
        "user_agent.original": rng.choice(AGENTS),
        "http.route": route,
        "http.request.header.x-request-id": rng.randbytes(12).hex(),
        "user.id": f"user-{int(rng.paretovariate(0.6)) % 200_000:012d}",
        "http.response.status_code": 401 if rng.random() < 0.1 else 200,
    }
    return span(rng, SERVER, f"POST {route}", told)


def unwanted_server(rng: random.Random) -> Span:
    """Return a request for a page: twelve attributes, a route that no pack knows."""
    number = rng.randrange(100_000)
    what = rng.choice(("articles", "carts", "invoices", "reports"))
    told = {
        "http.request.method": "GET",
        "url.scheme": "https",
        "server.address": "shop.example.com",
        "server.port": 443,
        "network.protocol.version": "1.1",
        "url.path": f"/{what}/{number}",
        "client.address": address(rng),
        "client.port": rng.randrange(1024, 65_000),
        "user_agent.original": rng.choice(AGENTS),
        "http.route": f"/{what}/{{number}}",
        "http.response.status_code": 200,
        "app.tenant": f"tenant-{rng.randrange(20)}",
    }
    return span(rng, SERVER, f"GET /{what}/{{number}}", told)


def unwanted_client(rng: random.Random) -> Span:
    """Return a call to another service: twelve attributes, a host and path that no pack knows."""
    what = rng.choice(("stock", "prices", "shipping"))
    told = {
        "http.request.method": "GET",
        "url.full": f"http://{what}.internal:8080/{what}/{rng.randrange(100_000)}",
        "server.address": f"{what}.internal",
        "server.port": 8080,
        "network.protocol.version": "1.1",
        "network.peer.address": "10.0.0.7",
        "network.peer.port": 8080,
        "http.response.status_code": 200,
        "user_agent.original": "python-requests/2.32",
        "peer.service": what,
        "app.tenant": f"tenant-{rng.randrange(20)}",
        "app.attempt": 1,
    }
    return span(rng, CLIENT, "GET", told)


def unwanted(rng: random.Random) -> Span:
    """Return one of either, half and half."""
    return (unwanted_server if rng.random() < 0.5 else unwanted_client)(rng)


def request(make: Callable[[random.Random], Span], rng: random.Random, spans: int = SPANS) -> bytes:
    """Return the bytes of a request of one resource and one scope."""
    made = ExportTraceServiceRequest()
    group = made.resource_spans.add()
    group.resource.attributes.extend(
        encoded({"service.name": "shop", "service.namespace": "acme", "service.version": "1.4.2"})
    )
    scoped = group.scope_spans.add()
    scoped.scope.name = "opentelemetry.instrumentation.fastapi"
    scoped.spans.extend(make(rng) for _ in range(spans))
    return made.SerializeToString()


def least_us(work: Callable[[bytes], object], bodies: list[bytes]) -> float:
    """Return the least processor time of a span, microseconds, over several different requests."""
    costs = []
    for body in bodies:
        began = time.thread_time_ns()
        work(body)
        costs.append((time.thread_time_ns() - began) / SPANS / 1_000)
    return min(costs)


def main(arguments: list[str] | None = None) -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--profile", action="store_true", help="show where the time goes")
    options = parser.parse_args(arguments)
    rng = random.Random(7)
    mapper = Mapper(load_rule_set(), Privacy(), Rank.DERIVED)
    decoder = TraceDecoder(mapper)

    def express(body: bytes) -> None:
        decoder.decode(body, Encoding.PROTOBUF)

    def full(body: bytes) -> None:
        decoded = decode_traces_protobuf(body, mapper.rules.match)
        for found, match in zip(decoded.spans, decoded.matches, strict=True):
            mapper.pair(found, match)

    print(f"{'µs a span':12} {'bytes':>6} {'bare parse':>11} {'full way':>9} {'express':>9}")
    for title, make in (
        ("wanted", wanted),
        ("unwanted", unwanted),
        ("- server", unwanted_server),
        ("- client", unwanted_client),
    ):
        bodies = [request(make, rng) for _ in range(options.rounds + 3)]
        for body in bodies[:3]:
            express(body)
        bare_us = least_us(ExportTraceServiceRequest.FromString, bodies[3:])
        full_us = least_us(full, bodies[3:])
        express_us = least_us(express, bodies[3:])
        print(
            f"{title:12} {len(bodies[0]) / SPANS:6.0f} {bare_us:11.2f} {full_us:9.2f}"
            f" {express_us:9.2f}",
            flush=True,
        )
        if options.profile:
            profile = cProfile.Profile()
            profile.runcall(lambda those: [express(each) for each in those], bodies[3:])
            pstats.Stats(profile).sort_stats("tottime").print_stats(14)


if __name__ == "__main__":
    main()
