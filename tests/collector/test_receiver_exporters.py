"""The real exporters of the OpenTelemetry SDK for Python are understood, and understand us."""

from __future__ import annotations

import gzip
import time
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
    OTLPSpanExporter as GrpcSpanExporter,
)
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
    OTLPSpanExporter as HttpSpanExporter,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode

from otel_eventlog.model import SpanData
from otel_eventlog_collector.errors import Overloaded, RetryableError, StoreUnavailable
from otel_eventlog_collector.otlp.decode_json import decode_traces_json
from otel_eventlog_collector.otlp.decode_protobuf import decode_traces_protobuf
from tests.support.captures import CAPTURES
from tests.support.receiving import ListConsumer, Receiving, receiving

grpc_compression = pytest.importorskip("grpc").Compression


def http_exporter(running: Receiving, compression: Compression) -> SpanExporter:
    """Return the stock HTTP exporter, pointed at the receiver."""
    url = f"http://127.0.0.1:{running.http_port}/v1/traces"
    return HttpSpanExporter(endpoint=url, compression=compression)


def grpc_exporter(running: Receiving, compression: Any) -> SpanExporter:
    """Return the stock gRPC exporter, pointed at the receiver."""
    endpoint = f"http://127.0.0.1:{running.grpc_port}"
    return GrpcSpanExporter(endpoint=endpoint, insecure=True, compression=compression)


EXPORTERS = [
    pytest.param(http_exporter, Compression.NoCompression, id="http"),
    pytest.param(http_exporter, Compression.Gzip, id="http-gzip"),
    pytest.param(http_exporter, Compression.Deflate, id="http-deflate"),
    pytest.param(grpc_exporter, grpc_compression.NoCompression, id="grpc"),
    pytest.param(grpc_exporter, grpc_compression.Gzip, id="grpc-gzip"),
]


def export_one(exporter: SpanExporter) -> Any:
    """Make one span with the SDK and export it at once; return the SDK's span."""
    provider = TracerProvider(resource=Resource({"service.name": "shop"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("shop.login").start_as_current_span(
        "POST /login", kind=SpanKind.SERVER, attributes={"http.route": "/login", "n": [1, 2]}
    ) as span:
        span.record_exception(KeyError("u-1"))
        span.set_status(Status(StatusCode.ERROR, "wrong password"))
    provider.shutdown()
    return span


@pytest.mark.parametrize(("make", "compression"), EXPORTERS)
def test_what_the_sdk_exports_is_what_we_decode(make: Any, compression: Any) -> None:
    """Ids, times, kind, status, attributes, resource, scope and exception of an SDK span arrive."""
    with receiving() as running:
        span = export_one(make(running, compression))
        (found,) = running.consumer.spans
    context = span.get_span_context()
    assert isinstance(found, SpanData)
    assert (found.trace_id, found.span_id) == (context.trace_id, context.span_id)
    assert (found.start_unix_nano, found.end_unix_nano) == (span.start_time, span.end_time)
    assert (found.kind, found.span_status) == (2, 2)
    assert found.span_status_message == "wrong password"
    assert found.attributes == {"http.route": "/login", "n": (1, 2)}
    assert found.resource["service.name"] == "shop"
    assert found.scope_name == "shop.login"
    assert found.events[0].attributes["exception.type"] == "KeyError"
    assert found.trace_sampled is True


@pytest.mark.parametrize(
    ("make", "compression"),
    [
        pytest.param(http_exporter, Compression.Gzip, id="http"),
        pytest.param(grpc_exporter, grpc_compression.NoCompression, id="grpc"),
    ],
)
@pytest.mark.parametrize("error", [StoreUnavailable("not now"), Overloaded("too much")])
def test_a_refused_batch_is_sent_again_and_arrives(
    make: Any, compression: Any, error: RetryableError
) -> None:
    """The stock exporter honours our hint: refused once, it delivers within its own deadline."""
    refusals = [error]

    def refuse_once(_records: Sequence[Any]) -> None:
        if refusals:
            raise refusals.pop()

    with receiving(ListConsumer(refuse_once)) as running:
        begun = time.monotonic()
        export_one(make(running, compression))
        assert len(running.consumer.spans) == 1
    assert time.monotonic() - begun < 8


@pytest.mark.parametrize("program", ["flask-login", "flask-jwt-extended", "fastapi-users"])
@pytest.mark.parametrize("names", ["default", "stable"])
def test_captures_of_real_programs_decode_alike(program: str, names: str) -> None:
    """What real programs sent gives equal rows from protobuf and from JSON, nothing rejected."""
    stem = CAPTURES / program / f"spans.{names}.otlp"
    protobuf = gzip.decompress(stem.with_name(stem.name + ".pb.gz").read_bytes())
    json_text = gzip.decompress(stem.with_name(stem.name + ".json.gz").read_bytes())
    from_protobuf, from_json = decode_traces_protobuf(protobuf), decode_traces_json(json_text)
    assert from_protobuf.received > 0
    assert from_protobuf == from_json
    assert from_protobuf.rejected == 0
