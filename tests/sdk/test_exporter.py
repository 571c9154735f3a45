"""The span exporter: event logs from finished spans, without arguments, never in anybody's way."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExportResult
from opentelemetry.trace import SpanKind

from otel_eventlog import guard
from otel_eventlog.exporter import EventLogSpanExporter
from otel_eventlog.reported import REPORTED, ReportedSpans
from tests.support.fake_collector import FakeCollector

ATTRIBUTES = {"http.request.method": "POST", "http.route": "/login", "url.path": "/login"}


@pytest.fixture(autouse=True)
def nothing_was_said_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test see the one line that is logged once for each reason."""
    monkeypatch.setattr(guard, "_said", set())


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCollector]:
    """Return a collector that the environment points to."""
    collector = FakeCollector()
    monkeypatch.setenv("OTEL_EVENTLOG_ENDPOINT", collector.url)
    yield collector
    collector.stop()


def event_names(collector: FakeCollector) -> list[str]:
    """Return the event names that were accepted."""
    return [record.event_name for received in collector.received for record in received.records]


@pytest.mark.parametrize("processor", [SimpleSpanProcessor, BatchSpanProcessor])
def test_a_finished_span_becomes_both_event_logs(
    processor: type[SimpleSpanProcessor | BatchSpanProcessor], collector: FakeCollector
) -> None:
    """Start and outcome of an auth span arrive; other spans yield nothing."""
    provider = TracerProvider(resource=Resource({"service.name": "shop"}), shutdown_on_exit=False)
    exporter = EventLogSpanExporter()
    provider.add_span_processor(processor(exporter))
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span("login", kind=SpanKind.SERVER, attributes=ATTRIBUTES) as span:
        span.set_attribute("http.response.status_code", 401)
    with tracer.start_as_current_span("inner"):
        pass
    assert provider.force_flush()
    assert exporter.force_flush()  # the SDK's processors do not ask their exporters
    assert event_names(collector) == ["eventlog.start", "eventlog.error"]
    span_ids = {record.span_id for received in collector.received for record in received.records}
    assert span_ids == {span.get_span_context().span_id.to_bytes(8, "big")}
    provider.shutdown()


def test_spans_that_the_processor_reported_are_left_alone(collector: FakeCollector) -> None:
    """What the span processor of this process took care of is not sent a second time."""
    provider = TracerProvider(shutdown_on_exit=False)
    exporter = EventLogSpanExporter()
    assert REPORTED.wanted
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    for is_reported in (True, False):
        span = tracer.start_span("login", kind=SpanKind.SERVER, attributes=ATTRIBUTES)
        if is_reported:
            REPORTED.add(span.get_span_context().span_id)
        span.end()
    assert provider.force_flush()
    assert exporter.force_flush()  # the SDK's processors do not ask their exporters
    assert len(event_names(collector)) == 2
    provider.shutdown()


def test_wrong_settings_switch_it_off_and_are_all_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Mistakes in the environment never stop the application's instrumentation."""
    monkeypatch.setenv("OTEL_EVENTLOG_ENDPOINT", "nonsense")
    monkeypatch.setenv("OTEL_EVENTLOG_PROTOCOL", "carrier-pigeon")
    exporter = EventLogSpanExporter()
    assert "'nonsense'" in caplog.text
    assert "'carrier-pigeon'" in caplog.text
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("tests").start_span("login", attributes=ATTRIBUTES).end()
    assert exporter.export([]) is SpanExportResult.SUCCESS
    assert exporter.force_flush()
    provider.shutdown()


def test_wrong_rules_switch_it_off_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An unknown rule pack is logged; nothing is raised."""
    monkeypatch.setenv("OTEL_EVENTLOG_PACKS", "no-such-pack")
    EventLogSpanExporter().shutdown()
    assert "no-such-pack" in caplog.text


def test_the_entry_point_names_it() -> None:
    """`OTEL_TRACES_EXPORTER=eventlog` finds this class."""
    (found,) = entry_points(group="opentelemetry_traces_exporter", name="eventlog")
    assert found.load() is EventLogSpanExporter


def test_reported_spans_are_remembered_long_enough_and_not_for_ever() -> None:
    """At least as many spans as promised are known, and at most twice as many are held."""
    reported = ReportedSpans(spans_max=100)
    for span_id in range(1, 1_001):
        reported.add(span_id)
        assert span_id in reported
    assert all(span_id in reported for span_id in range(901, 1_001))
    assert sum(span_id in reported for span_id in range(1, 1_001)) <= 200
