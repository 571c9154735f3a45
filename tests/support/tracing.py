"""A real tracer provider with our span processor, and what both leave."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

from otel_eventlog.privacy import Privacy
from otel_eventlog.ruleset import RuleSet
from otel_eventlog.testing import EventLogs, capture

SERVER = trace.SpanKind.SERVER
CLIENT = trace.SpanKind.CLIENT
INTERNAL = trace.SpanKind.INTERNAL

LOGIN = {"http.request.method": "POST", "http.route": "/login", "url.path": "/login"}
"""The attributes of a login span at its start, as instrumentations set them."""


@dataclass
class Tracing:
    """One provider: its tracer, what it exports, what event logs it leaves."""

    provider: TracerProvider
    tracer: trace.Tracer
    exporter: InMemorySpanExporter
    events: EventLogs

    @property
    def exported(self) -> tuple[ReadableSpan, ...]:
        """The spans that went to the ordinary exporter."""
        return self.exporter.get_finished_spans()

    @contextmanager
    def login(self, **more: Any) -> Iterator[Any]:
        """Run inside of a server span of POST /login, which answers 200 if nothing else is set."""
        attributes = LOGIN | more.pop("attributes", {})
        with self.tracer.start_as_current_span(
            "POST /login", kind=more.pop("kind", SERVER), attributes=attributes, **more
        ) as span:
            yield span
            known = getattr(span, "attributes", None) or {}
            if "http.response.status_code" not in known:
                span.set_attribute("http.response.status_code", 200)


def new_provider(sampler: Sampler = ALWAYS_ON) -> tuple[TracerProvider, InMemorySpanExporter]:
    """Return a provider that exports to memory at once."""
    provider = TracerProvider(
        sampler=sampler,
        resource=Resource({"service.name": "shop", "service.namespace": "acme"}),
        shutdown_on_exit=False,
    )
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


@contextmanager
def tracing(
    rules: RuleSet | None = None,
    *,
    sampler: Sampler = ALWAYS_ON,
    privacy: Privacy | None = None,
) -> Iterator[Tracing]:
    """Run with a provider and our processor on it; faults of ours fail the test."""
    provider, exporter = new_provider(sampler)
    with (
        mock.patch.dict(os.environ, {"OTEL_EVENTLOG_RAISE": "1"}),
        capture(provider, rules=() if rules is None else rules, privacy=privacy) as events,
    ):
        yield Tracing(provider, provider.get_tracer("tests"), exporter, events)
    provider.shutdown()
