"""The stock exporters against `otel-eventlog serve`: what they deliver can be read back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
    OTLPSpanExporter as GrpcSpanExporter,
)
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
    OTLPSpanExporter as HttpSpanExporter,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind

from tests.support.collector import Collector, serving

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def over_http(compression: Compression) -> Callable[[Collector], SpanExporter]:
    """Return what makes the HTTP exporter."""
    return lambda collector: HttpSpanExporter(
        endpoint=f"{collector.otlp_http}/v1/traces", compression=compression
    )


def over_grpc(compression: Any) -> Callable[[Collector], SpanExporter]:
    """Return what makes the gRPC exporter."""
    return lambda collector: GrpcSpanExporter(
        endpoint=f"http://{collector.otlp_grpc}", insecure=True, compression=compression
    )


EXPORTERS = {
    "http": over_http(Compression.NoCompression),
    "http-gzip": over_http(Compression.Gzip),
    "http-deflate": over_http(Compression.Deflate),
    "grpc": over_grpc(grpc.Compression.NoCompression),
    "grpc-gzip": over_grpc(grpc.Compression.Gzip),
}


def log_in(exporter: SpanExporter, user: str) -> None:
    """Export one log-in the way an application does, then shut down."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    with provider.get_tracer("shop").start_as_current_span(
        "POST /login",
        kind=SpanKind.SERVER,
        attributes={"http.request.method": "POST", "http.route": "/login", "user.id": user},
    ) as span:
        span.set_attribute("http.response.status_code", 200)
    provider.shutdown()


def test_every_stock_exporter_delivers_to_a_real_collector(tmp_path: Path) -> None:
    """Each exporter and compression: the pair of its log-in is stored, and nothing else."""
    with serving(tmp_path / "data") as collector:
        for name, make in EXPORTERS.items():
            log_in(make(collector), name)
        answer = httpx.get(f"{collector.http}/api/v1/events?limit=100", trust_env=False).json()
        outcomes = [event for event in answer["events"] if event["status"] == "success"]
        assert sorted(event["user_id"] for event in outcomes) == sorted(EXPORTERS)
        starts = {event["span_id"] for event in answer["events"] if event["status"] == "start"}
        assert starts == {event["span_id"] for event in outcomes}
        figures = httpx.get(f"{collector.http}/metrics", trust_env=False).text
        for transport, count in (("http", 3), ("grpc", 2)):
            labels = f'transport="{transport}",signal="traces",code="200"'
            assert f"eventlog_requests_total{{{labels}}} {count}\n" in figures
        with grpc.insecure_channel(collector.otlp_grpc) as channel:
            services = ProtoReflectionDescriptorDatabase(channel).get_services()
        assert "opentelemetry.proto.collector.trace.v1.TraceService" in services
