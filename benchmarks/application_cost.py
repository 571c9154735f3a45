"""What event logs cost the application, beside the bare SDK in the same run.

Prints the microseconds that a request's own thread spends more with everything on (sampler,
propagator, response propagator, default packs, span attributes, a live collector): for a wanted
span with both its event logs, for spans that no rule wants, and for spans that sampling drops.
Rounds of the sides alternate; each figure is the median over the rounds of the difference.

Two clocks: `wall` is what a user waits, and includes whatever else this machine does meanwhile,
the delivery's thread too; `thread` is the processor time of the request's thread alone. `least` is
what a span processor that does nothing and a sampler that only asks another one add already.

    python -m benchmarks.application_cost [--rounds 31] [--requests 400] [--no-collector]
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.instrumentation.wsgi import wsgi_getter
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON, Sampler, SamplingResult
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from benchmarks.live_collector import live_collector
from otel_eventlog.alike import Materialiser
from otel_eventlog.delivery.delivery import Delivery
from otel_eventlog.installation import attach
from otel_eventlog.processor import EventLogSpanProcessor, find_request
from otel_eventlog.propagation import EventLogPropagator, EventLogResponsePropagator
from otel_eventlog.settings import Settings, build_delivery, build_mapper

Attributes = dict[str, Any]
Request = Callable[["Side"], None]


def server_attributes(route: str) -> Attributes:
    """Return what Flask's instrumentation sets when a span starts."""
    return {
        "http.method": "POST",
        "http.server_name": "127.0.0.1",
        "http.scheme": "http",
        "net.host.name": "localhost:5000",
        "http.host": "localhost:5000",
        "net.host.port": 5000,
        "http.target": route,
        "net.peer.ip": "127.0.0.1",
        "net.peer.port": 50312,
        "http.user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101",
        "http.flavor": "1.1",
        "http.route": route,
    }


WANTED = server_attributes("/login")
UNWANTED = server_attributes("/api/articles/<int:article_id>")
OUTGOING: Attributes = {
    "http.method": "GET",
    "http.url": "https://billing.internal.example/v2/invoices/2026-11",
}
WSGI_ENVIRON = {
    "REQUEST_METHOD": "POST",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/login",
    "QUERY_STRING": "",
    "SERVER_NAME": "127.0.0.1",
    "SERVER_PORT": "5000",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "127.0.0.1",
    "CONTENT_TYPE": "application/x-www-form-urlencoded",
    "CONTENT_LENGTH": "27",
    "HTTP_HOST": "localhost:5000",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101",
    "HTTP_ACCEPT": "*/*",
    "HTTP_X_REQUEST_ID": "f3a1c9d2-7b40-4c0e-9a51-1d2e3f4a5b6c",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
}


@dataclass(frozen=True)
class Side:
    """One of the two sides that are compared: with event logs, or bare."""

    tracer: trace.Tracer
    propagator: Any
    response: EventLogResponsePropagator | None


class _ListSetter:
    """Writes a response header, as WSGI instrumentations do."""

    def set(self, carrier: list[tuple[str, str]], key: str, value: str) -> None:
        """Append it."""
        carrier.append((key, value))


_SETTER = _ListSetter()


def incoming(attributes: Attributes, side: Side) -> None:
    """Do what a web framework's instrumentation does for one request."""
    parent = side.propagator.extract(WSGI_ENVIRON, getter=wsgi_getter)
    span = side.tracer.start_span("POST", parent, SpanKind.SERVER, attributes)
    token = context_api.attach(trace.set_span_in_context(span, parent))
    if side.response is not None:
        side.response.inject([("Content-Type", "application/json")], setter=_SETTER)
    if span.is_recording():
        span.set_attribute("http.status_code", 200)
    span.end()
    context_api.detach(token)


def span_alone(kind: SpanKind, attributes: Attributes, side: Side) -> None:
    """Open and close one span."""
    side.tracer.start_span("GET", None, kind, attributes).end()


class _IdleSampler(Sampler):
    """Asks another sampler, and does nothing else."""

    def __init__(self, inner: Sampler) -> None:
        self._ask = inner.should_sample

    def should_sample(self, *arguments: Any, **named: Any) -> SamplingResult:  # type: ignore[override]
        """Ask."""
        return self._ask(*arguments, **named)

    def get_description(self) -> str:
        """Name it."""
        return "idle"


class _IdleProcessor(SpanProcessor):
    """Does nothing."""


def measure(request: Request, side: Side, count: int) -> tuple[float, float]:
    """Return wall and thread time of one request in microseconds, over `count` of them."""
    numbers = range(count)
    wall, thread = time.perf_counter_ns(), time.thread_time_ns()
    for _ in numbers:
        request(side)
    spent = time.perf_counter_ns() - wall, time.thread_time_ns() - thread
    return spent[0] / count / 1_000, spent[1] / count / 1_000


Sides = tuple[Side, Side, Side]


def sides(sampler: Sampler, processor: EventLogSpanProcessor) -> Sides:
    """Return the bare SDK, the SDK with what does nothing, and the SDK with everything of ours."""
    resource = Resource({"service.name": "shop", "service.version": "1.4.2"})
    composite = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])
    bare = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
    idle = TracerProvider(sampler=_IdleSampler(sampler), resource=resource, shutdown_on_exit=False)
    idle.add_span_processor(_IdleProcessor())
    full = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
    attach(full, processor)
    return (
        Side(bare.get_tracer("bench"), composite, None),
        Side(idle.get_tracer("bench"), composite, None),
        Side(
            full.get_tracer("bench"),
            EventLogPropagator(composite, find_request),
            EventLogResponsePropagator(None, find_request),
        ),
    )


def compare(title: str, request: Request, three: Sides, goal_us: float | None, drain: Drain) -> str:
    """Return one line of the table."""
    for side in three:
        measure(request, side, drain.requests)
    drain.wait()
    bares, leasts, walls, threads = [], [], [], []
    for _ in range(drain.rounds):
        bare, idle, ours = (measure(request, side, drain.requests) for side in three)
        drain.wait()
        bares.append(bare[1])
        leasts.append(idle[1] - bare[1])
        walls.append(ours[0] - bare[0])
        threads.append(ours[1] - bare[1])
    base, least, wall, thread = map(statistics.median, (bares, leasts, walls, threads))
    goal = f"{goal_us:5.1f}" if goal_us is not None else "    -"
    return (
        f"{title:34} {base:9.1f} {least:+9.2f} {wall:+10.2f} {thread:+9.2f} {thread / base:9.0%}"
        f" {goal:>8}"
    )


@dataclass(frozen=True)
class Drain:
    """How long and how often, and what to wait for between rounds."""

    rounds: int
    requests: int
    delivery: Delivery

    def wait(self) -> None:
        """Let everything go out: between the rounds, not within them."""
        self.delivery.force_flush(60)


@contextmanager
def endpoint(*, is_live: bool) -> Iterator[str]:
    """Yield the base URL of a real collector, or one where nobody listens."""
    if not is_live:
        yield "http://127.0.0.1:9"
        return
    with tempfile.TemporaryDirectory() as folder, live_collector(Path(folder)) as url:
        yield url


def main(arguments: list[str] | None = None) -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--no-collector", action="store_true")
    options = parser.parse_args(arguments)
    with endpoint(is_live=not options.no_collector) as url:
        settings = Settings(endpoint=url)
        mapper = build_mapper(settings)
        delivery = build_delivery(settings, Materialiser(mapper))
        processor = EventLogSpanProcessor(mapper, delivery)
        delivery.start()
        drain = Drain(options.rounds, options.requests, delivery)
        recorded, dropped = sides(DEFAULT_ON, processor), sides(ALWAYS_OFF, processor)
        gc.collect()
        print(f"{'':34} {'bare SDK':>9} {'least':>9} {'added wall':>10} {'thread':>9}", end="")
        print(f" {'of bare':>9} {'goal':>8}")
        for title, request, three, goal_us in (
            ("wanted request, both event logs", partial(incoming, WANTED), recorded, 10.0),
            ("unwanted request", partial(incoming, UNWANTED), recorded, None),
            ("unwanted server span", partial(span_alone, SpanKind.SERVER, UNWANTED), recorded, 1.0),
            ("unwanted client span", partial(span_alone, SpanKind.CLIENT, OUTGOING), recorded, 1.0),
            ("internal span", partial(span_alone, SpanKind.INTERNAL, {}), recorded, 1.0),
            ("dropped server span", partial(span_alone, SpanKind.SERVER, UNWANTED), dropped, 0.5),
            ("dropped client span", partial(span_alone, SpanKind.CLIENT, OUTGOING), dropped, 0.5),
            ("dropped internal span", partial(span_alone, SpanKind.INTERNAL, {}), dropped, 0.5),
            ("wanted request, not sampled", partial(incoming, WANTED), dropped, None),
        ):
            print(compare(title, request, three, goal_us, drain), flush=True)
        processor.shutdown()


if __name__ == "__main__":
    main()
