"""`install()` and the entry points: idempotent, complete, and harmless to the application."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import propagate, trace
from opentelemetry.instrumentation import propagators
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import otel_eventlog
from otel_eventlog import guard
from otel_eventlog.installation import is_switched_on, pre_instrument, uninstall
from otel_eventlog.instrumentor import EventLogInstrumentor
from otel_eventlog.propagation import EventLogPropagator, EventLogResponsePropagator
from otel_eventlog.sampler import EventLogSampler
from tests.support.otlp_sink import OtlpSink
from tests.support.tracing import LOGIN, SERVER, new_provider

ON = {"OTEL_EVENTLOG_ENDPOINT": "http://localhost:4328"}


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    """Yield a provider that exports to memory; ours is taken off it again."""
    made, _ = new_provider()
    yield made
    uninstall(made)
    made.shutdown()


@pytest.fixture(autouse=True)
def nothing_was_said_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test see the one line that is logged once for each reason."""
    monkeypatch.setattr(guard, "_said", set())


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    """Yield a collector that is really there."""
    with OtlpSink() as listening:
        yield listening


def test_one_line_is_enough(provider: TracerProvider, sink: OtlpSink) -> None:
    """After `install(provider)` a login's start is at the collector while the login runs."""
    otel_eventlog.install(provider, endpoint=sink.url)
    span = provider.get_tracer("x").start_span("x", kind=SERVER, attributes=LOGIN)
    (start,) = sink.wait_for_events(1)
    assert start.status == "start"
    span.end()
    assert len(sink.wait_for_events(2)) == 2


def test_a_second_call_does_nothing(provider: TracerProvider, sink: OtlpSink) -> None:
    """Installed twice for one provider, a login still leaves one pair, from one processor."""
    first = otel_eventlog.install(provider, endpoint=sink.url)
    sampler = provider.sampler
    assert otel_eventlog.install(provider, endpoint=sink.url) is first
    assert provider.sampler is sampler
    provider.get_tracer("x").start_span("x", kind=SERVER, attributes=LOGIN).end()
    assert provider.force_flush()
    assert len(sink.events) == 2


def test_tracers_made_before_are_covered(sink: OtlpSink) -> None:
    """An application that was instrumented first, and samples nothing, is covered as well."""
    made, exporter = new_provider(ALWAYS_OFF)
    tracer = made.get_tracer("made.before")
    otel_eventlog.install(made, endpoint=sink.url)
    tracer.start_span("x", kind=SERVER, attributes=LOGIN).end()
    assert len(sink.wait_for_events(2)) == 2
    assert exporter.get_finished_spans() == ()
    uninstall(made)


def test_tracers_are_found_where_the_sdk_keeps_no_list(sink: OtlpSink) -> None:
    """SDKs before 1.41 have no list of their tracers; they are found all the same."""
    made, _ = new_provider(ALWAYS_OFF)
    tracer: Any = made.get_tracer("made.before")
    if hasattr(made, "_tracers"):
        del made._tracers
    otel_eventlog.install(made, endpoint=sink.url)
    assert isinstance(tracer.sampler, EventLogSampler)
    uninstall(made)


def test_the_global_propagators_are_composed_once(provider: TracerProvider, sink: OtlpSink) -> None:
    """Two providers, one propagator of ours around the one in place."""
    other, _ = new_provider()
    otel_eventlog.install(provider, endpoint=sink.url)
    otel_eventlog.install(other, endpoint=sink.url)
    textmap: Any = propagate.get_global_textmap()
    assert isinstance(textmap, EventLogPropagator)
    assert not isinstance(textmap._inner, EventLogPropagator)
    response: Any = propagators.get_global_response_propagator()
    assert isinstance(response, EventLogResponsePropagator)
    assert not isinstance(response._inner, EventLogResponsePropagator)
    uninstall(other)


def test_uninstalled_nothing_more_is_sent(provider: TracerProvider, sink: OtlpSink) -> None:
    """What was sampled before is sampled again, and no event log is made."""
    before = provider.sampler
    otel_eventlog.install(provider, endpoint=sink.url)
    uninstall(provider)
    assert provider.sampler is before
    provider.get_tracer("x").start_span("x", kind=SERVER, attributes=LOGIN).end()
    provider.force_flush()
    assert sink.events == []


def test_switched_off_and_on_again_it_is_still_one_pair(
    provider: TracerProvider, sink: OtlpSink
) -> None:
    """The SDK keeps the first span processor for ever; it does nothing more."""
    otel_eventlog.install(provider, endpoint=sink.url)
    uninstall(provider)
    otel_eventlog.install(provider, endpoint=sink.url)
    provider.get_tracer("x").start_span("x", kind=SERVER, attributes=LOGIN).end()
    assert provider.force_flush()
    assert [event.status.value for event in sink.wait_for_events(2)] == ["start", "error"]
    assert len(sink.events) == 2


def test_many_threads_that_install_at_once_are_one_pair(
    provider: TracerProvider, sink: OtlpSink
) -> None:
    """Application threads that all switch on at the same moment get the same processor."""
    with ThreadPoolExecutor(8) as pool:
        made = list(
            pool.map(lambda _: otel_eventlog.install(provider, endpoint=sink.url), range(8))
        )
    assert len(set(map(id, made))) == 1
    provider.get_tracer("x").start_span("x", kind=SERVER, attributes=LOGIN).end()
    assert provider.force_flush()
    assert len(sink.events) == 2


def test_without_an_sdk_there_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """On a provider that is not the SDK's nothing is attached, and the log says what to do."""
    with caplog.at_level(logging.WARNING, "otel_eventlog"):
        assert otel_eventlog.install(trace.NoOpTracerProvider()) is None
    assert "NoOpTracerProvider" in caplog.text
    assert "opentelemetry-distro" in caplog.text


def test_mistakes_are_told_in_one_line_and_never_raised(
    provider: TracerProvider, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong setting keeps event logs off and says so; it keeps no application from starting."""
    rules = tmp_path / "rules.toml"
    rules.write_text("[[rule]]\nnam = 1\n")
    assert otel_eventlog.install(provider, rules=rules) is None
    assert otel_eventlog.install(provider, endpoint="not-a-url", packs="no-such-pack") is None
    assert otel_eventlog.install(provider, endpoint="not-a-url", packs="no-such-pack") is None
    of_rules, of_endpoint = (record.getMessage() for record in caplog.records)
    assert of_rules.startswith("otel_eventlog is off: ")
    assert "rules.toml" in of_rules
    assert "'not-a-url'" in of_endpoint
    assert not [line for line in (of_rules, of_endpoint) if "\n" in line]
    assert not isinstance(provider.sampler, EventLogSampler)


def test_a_protocol_whose_package_is_missing_is_a_wrong_setting(
    provider: TracerProvider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """`grpc` without the extra of that name is told at the start, with what mends it."""
    monkeypatch.setitem(sys.modules, "grpc", None)
    monkeypatch.setenv("OTEL_EVENTLOG_PROTOCOL", "grpc")
    assert otel_eventlog.install(provider) is None
    assert "pip install 'otel-eventlog[grpc]'" in caplog.text


def test_whatever_else_fails_is_told_and_not_raised(
    provider: TracerProvider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A package that is broken in this environment keeps event logs off, and nothing else."""
    monkeypatch.delenv("OTEL_EVENTLOG_RAISE", raising=False)
    monkeypatch.setitem(sys.modules, "requests", None)
    assert otel_eventlog.install(provider) is None
    assert "otel_eventlog is off: " in caplog.text
    assert not isinstance(provider.sampler, EventLogSampler)


def test_after_a_mistake_is_mended_it_can_be_switched_on(
    provider: TracerProvider, sink: OtlpSink
) -> None:
    """A failed attempt leaves nothing behind that a later, right one would trip over."""
    assert otel_eventlog.install(provider, endpoint="not-a-url") is None
    otel_eventlog.install(provider, endpoint=sink.url)
    provider.get_tracer("x").start_span("x", kind=SERVER, attributes=LOGIN).end()
    assert len(sink.wait_for_events(2)) == 2


def test_where_the_sdk_is_disabled_so_are_we(
    provider: TracerProvider, sink: OtlpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OTEL_SDK_DISABLED holds for `install()` in code as well: nothing is attached."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "TRUE")
    assert otel_eventlog.install(provider, endpoint=sink.url) is None
    assert not isinstance(provider.sampler, EventLogSampler)


@pytest.mark.parametrize("disabled", ["eventlog", "*", "flask , eventlog"])
def test_a_disabled_instrumentor_stays_off_whatever_its_options(
    provider: TracerProvider, sink: OtlpSink, monkeypatch: pytest.MonkeyPatch, disabled: str
) -> None:
    """Who runs the application has the last word over a declarative configuration file."""
    monkeypatch.setenv("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", disabled)
    instrumentor = EventLogInstrumentor()
    instrumentor.instrument(tracer_provider=provider, endpoint=sink.url, skip_dep_check=True)
    instrumentor.uninstrument(tracer_provider=provider)
    assert not isinstance(provider.sampler, EventLogSampler)


def test_a_misspelled_option_of_the_configuration_file_is_told(
    provider: TracerProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """`end_point:` in a configuration file is answered with what was meant."""
    instrumentor = EventLogInstrumentor()
    instrumentor.instrument(tracer_provider=provider, end_point="x", skip_dep_check=True)
    instrumentor.uninstrument(tracer_provider=provider)
    assert "'end_point'" in caplog.text
    assert "'endpoint'" in caplog.text


@pytest.mark.parametrize(
    ("environment", "is_on"),
    [
        ({}, False),
        (ON, True),
        ({"OTEL_EVENTLOG_CONFIG": "eventlog.toml"}, True),
        ({"OTEL_EVENTLOG_ENDPOINT": ""}, False),
        (ON | {"OTEL_SDK_DISABLED": "true"}, False),
        (ON | {"OTEL_SDK_DISABLED": "False"}, True),
        (ON | {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "flask, eventlog"}, False),
        (ON | {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}, False),
        (ON | {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "flask"}, True),
    ],
)
def test_the_environment_switches_on_and_off(environment: dict[str, str], *, is_on: bool) -> None:
    """The hook runs in every process of an environment and acts only where it is asked to."""
    assert is_switched_on(environment) is is_on


@pytest.mark.parametrize(
    "environment",
    [{"OTEL_EVENTLOG_ENDPOINT": "not-a-url"}, ON | {"OTEL_EVENTLOG_RULES": "/no/such/file"}],
)
def test_mistakes_in_the_environment_stop_nothing_else(
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    provider: TracerProvider,
) -> None:
    """A hook that raises would abort all instrumentation: it says what is wrong, and returns."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    pre_instrument()
    assert "otel_eventlog is off" in caplog.text
    assert not isinstance(provider.sampler, EventLogSampler)


def test_the_instrumentor_takes_its_settings_from_a_configuration_file(
    provider: TracerProvider, sink: OtlpSink
) -> None:
    """`eventlog: {endpoint: …}` in a declarative configuration arrives as keyword arguments."""
    instrumentor = EventLogInstrumentor()
    instrumentor.instrument(tracer_provider=provider, endpoint=sink.url, skip_dep_check=True)
    try:
        provider.get_tracer("x").start_span("x", kind=SERVER, attributes=LOGIN).end()
        assert len(sink.wait_for_events(2)) == 2
    finally:
        instrumentor.uninstrument(tracer_provider=provider)
    assert not isinstance(provider.sampler, EventLogSampler)


def test_the_instrumentor_may_be_called_again(
    provider: TracerProvider, sink: OtlpSink, caplog: pytest.LogCaptureFixture
) -> None:
    """The list of all instrumentors calls it without options; what the application says counts."""
    instrumentor = EventLogInstrumentor()
    instrumentor.instrument(tracer_provider=provider, skip_dep_check=True)
    try:
        for _ in range(2):
            instrumentor.instrument(tracer_provider=provider, endpoint=sink.url)
        provider.get_tracer("x").start_span("x", kind=SERVER, attributes=LOGIN).end()
        assert provider.force_flush()
        assert len(sink.events) == 2
    finally:
        instrumentor.uninstrument(tracer_provider=provider)
    assert caplog.records == []


def test_the_instrumentor_alone_does_nothing(provider: TracerProvider) -> None:
    """Without options and without our variables an instrumented process stays as it is."""
    assert not is_switched_on(os.environ)
    instrumentor = EventLogInstrumentor()
    instrumentor.instrument(tracer_provider=provider, skip_dep_check=True)
    instrumentor.uninstrument(tracer_provider=provider)
    assert not isinstance(provider.sampler, EventLogSampler)
