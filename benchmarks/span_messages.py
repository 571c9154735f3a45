"""OTLP trace requests as exporters send them: log-ins that pack `common` wants, and other spans."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, Status

from benchmarks import population
from benchmarks.messages import (
    AGE_NS_MAX,
    FIXED64,
    IDS,
    SENTINEL_SPAN_ID,
    SENTINEL_START,
    SENTINEL_TRACE_ID,
    SPAN_ID_KEY,
    TIMES,
    Message,
    Renewal,
    SpanPlace,
    Truth,
    message,
)
from benchmarks.population import DEEDS, SERVICE_WEIGHTS, SERVICES, Deed, Service

TRACES_PATH = "/v1/traces"
WANTED_SHARE_OF_A_MIX = 0.05


def wanted(host: str, records: int, number: int, rng: random.Random) -> Message:
    """Return a request of wanted spans only."""
    return _traces(host, records, number, rng, _wanted(rng))


def unwanted(host: str, records: int, number: int, rng: random.Random) -> Message:
    """Return a request of unwanted spans: half SERVER, half CLIENT; nothing in it is renewed."""
    made = _traces(
        host,
        records,
        number,
        rng,
        lambda service, index, _truth: unwanted_span(service, rng, is_client=bool(index % 2)),
    )
    Renewal(rng).renew(made, time.time_ns())
    made.spans.clear()
    return made


def mixed(host: str, records: int, number: int, rng: random.Random) -> Message:
    """Return a request in which one span of twenty is wanted; only those are renewed."""
    make_wanted = _wanted(rng)

    def make(service: Service, index: int, truth: Truth) -> Span:
        if rng.random() < WANTED_SHARE_OF_A_MIX:
            return make_wanted(service, index, truth)
        return unwanted_span(service, rng, is_client=bool(index % 2))

    return _traces(host, records, number, rng, make)


def attributes_of(values: Mapping[str, str | int]) -> list[KeyValue]:
    """Return attributes as OTLP has them."""
    return [
        KeyValue(
            key=key,
            value=AnyValue(int_value=value)
            if isinstance(value, int)
            else AnyValue(string_value=value),
        )
        for key, value in values.items()
    ]


def _resource(service: Service, process: int) -> list[KeyValue]:
    return attributes_of(
        {
            "telemetry.sdk.language": "python",
            "telemetry.sdk.name": "opentelemetry",
            "telemetry.sdk.version": "1.45.2",
            "service.namespace": population.PROJECT,
            "deployment.environment.name": population.ENVIRONMENT,
            "service.name": service.name,
            "service.version": service.version,
            "host.name": f"{service.name}-{process}",
            "process.pid": 1000 + process,
        }
    )


def _server_attributes(
    service: Service, method: str, route: str, code: int, rng: random.Random
) -> dict[str, str | int]:
    """Return what an instrumentation says of a request, under its generation's names: twelve."""
    if service.stable_names:
        return {
            "url.scheme": "https",
            "server.address": f"{service.name}.acme.example",
            "server.port": 443,
            "network.protocol.version": "1.1",
            "url.path": route,
            "http.request.method": method,
            "client.address": population.client_address(rng),
            "network.peer.address": "10.0.3.7",
            "network.peer.port": rng.randrange(1024, 65536),
            "user_agent.original": population.user_agent(rng),
            "http.route": route,
            "http.response.status_code": code,
        }
    return {
        "http.scheme": "https",
        "http.host": f"{service.name}.acme.example",
        "net.host.port": 443,
        "http.flavor": "1.1",
        "http.target": route,
        "http.method": method,
        "http.server_name": f"{service.name}.acme.example",
        "net.peer.ip": population.client_address(rng),
        "net.peer.port": rng.randrange(1024, 65536),
        "http.user_agent": population.user_agent(rng),
        "http.route": route,
        "http.status_code": code,
    }


def wanted_span(service: Service, deed: Deed, rng: random.Random, truth: Truth) -> Span:
    """Return a server span that a rule of pack `common` wants; its ids and times are sentinels."""
    failed = rng.random() < population.FAILED_SHARE
    code = rng.choice(deed.failures)[0] if failed else 200
    values = _server_attributes(service, "POST", deed.route, code, rng)
    if deed.action != "IDPOAuthToken" and not failed:
        values["enduser.id"] = population.user_id(rng)
    if correlation := population.correlation_id(rng):
        values["http.request.header.x_request_id"] = correlation
    truth["action", deed.action] += 2
    truth["service", service.name] += 2
    truth["http_status_code", str(code)] += 1
    span = _span(f"POST {deed.route}", Span.SPAN_KIND_SERVER, values, rng)
    if code >= 500:
        span.status.code = Status.STATUS_CODE_ERROR
        raised = {"exception.type": "TimeoutError", "exception.message": population.BROKEN[2]}
        span.events.add(name="exception", attributes=attributes_of(raised))
    return span


_PAGES = ("/articles/{id}", "/products/{sku}", "/basket/items", "/search", "/orders/{number}")
_HOSTS = ("inventory", "prices", "recommendations", "images", "ledger")


def unwanted_span(service: Service, rng: random.Random, *, is_client: bool) -> Span:
    """Return a span of twelve attributes that no default rule wants."""
    code = rng.choices((200, 304, 404, 500), (90, 5, 4, 1))[0]
    if not is_client:
        route = rng.choice(_PAGES)
        values = _server_attributes(service, "GET", route, code, rng)
        return _span(f"GET {route}", Span.SPAN_KIND_SERVER, values, rng)
    host = f"{rng.choice(_HOSTS)}.internal"
    path = f"/v2/things/{rng.randrange(100_000)}"
    values = {
        "http.request.method": "GET",
        "url.full": f"http://{host}:8080{path}",
        "url.scheme": "http",
        "url.path": path,
        "server.address": host,
        "server.port": 8080,
        "network.protocol.name": "http",
        "network.protocol.version": "1.1",
        "network.peer.address": f"10.0.7.{rng.randrange(1, 250)}",
        "network.peer.port": 8080,
        "user_agent.original": "python-httpx/0.28.1",
        "http.response.status_code": code,
    }
    return _span("GET", Span.SPAN_KIND_CLIENT, values, rng)


def _span(name: str, kind: Any, values: dict[str, str | int], rng: random.Random) -> Span:
    elapsed = population.duration_ns(rng)
    span = Span(
        trace_id=SENTINEL_TRACE_ID.to_bytes(16, "big"),
        span_id=SENTINEL_SPAN_ID.to_bytes(8, "big"),
        name=name,
        kind=kind,
        start_time_unix_nano=SENTINEL_START,
        end_time_unix_nano=SENTINEL_START + elapsed,
        attributes=attributes_of(values),
        flags=0x101,
    )
    if rng.random() < population.PARENT_SHARE:
        span.parent_span_id = rng.randbytes(8)
        span.flags = 0x301
    return span


SpanMaker: TypeAlias = Callable[[Service, int, Truth], Span]


def _traces(host: str, count: int, number: int, rng: random.Random, make: SpanMaker) -> Message:
    """Return one request: three in four come from one process, the others from all services."""
    truth: Truth = Counter()
    names = rng.choices(SERVICES, SERVICE_WEIGHTS) if number % 4 else list(SERVICES)
    request = ExportTraceServiceRequest()
    for part, service in enumerate(names):
        resource: ResourceSpans = request.resource_spans.add()
        resource.resource.attributes.extend(_resource(service, number % 8))
        scope = resource.scope_spans.add()
        scope.scope.name, scope.scope.version = service.scope, "0.66b2"
        share = range(part, count, len(names))
        scope.spans.extend([make(service, index, truth) for index in share])
    made = message(host, TRACES_PATH, request.SerializeToString(), count, truth)
    made.spans.extend(_places(made.data, count, rng))
    return made


def _wanted(rng: random.Random) -> SpanMaker:
    weights = [deed.weight for deed in DEEDS]
    return lambda service, _index, truth: wanted_span(
        service, rng.choices(DEEDS, weights)[0], rng, truth
    )


def _places(data: bytearray, count: int, rng: random.Random) -> list[SpanPlace]:
    """Find every span by its sentinels; they end one after the other, as an exporter sends them."""
    ids = IDS.pack(
        SENTINEL_TRACE_ID.to_bytes(16, "big"), SPAN_ID_KEY, SENTINEL_SPAN_ID.to_bytes(8, "big")
    )
    start = FIXED64.pack(SENTINEL_START)
    places, at = [], 0
    for ended_ns_ago in sorted((rng.randrange(AGE_NS_MAX) for _ in range(count)), reverse=True):
        at = data.index(ids, at)
        times_at = data.index(start, at)
        _, _, end = TIMES.unpack_from(data, times_at)
        elapsed = end - SENTINEL_START
        places.append(SpanPlace(at, times_at, elapsed + ended_ns_ago, elapsed))
        at = times_at
    return places
