"""`capture`: attach to a tracer provider for the length of a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from otel_eventlog.installation import attach, detach, installed_on
from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.processor import EventLogSpanProcessor
from otel_eventlog.rulefile import load_rule_set
from otel_eventlog.ruleset import RuleSet
from otel_eventlog.snapshots import materialise
from otel_eventlog.testing.events import EventLogs

_SPANS_SHOWN_MAX = 5


@contextmanager
def capture(
    tracer_provider: trace.TracerProvider | None = None,
    *,
    rules: RuleSet | Sequence[str | Path] = (),
    packs: Sequence[str] = (),
    privacy: Privacy | None = None,
) -> Iterator[EventLogs]:
    """Catch the event logs of everything that happens inside of the block; none is sent.

    An application that has called `install()` itself goes on with its own rules and packs, unless
    others are given here.

    Args:
        tracer_provider: whose spans; the global one when absent, which is set up if need be.
        rules: rule files, or a rule set.
        packs: built-in packs beyond the default ones.
        privacy: what may leave; without a hash key when absent.

    """
    provider = _provider(tracer_provider)
    witness = _Witness()
    present = installed_on(provider)
    catching = (
        _diverted(present, witness)
        if present is not None and not rules and not packs and privacy is None
        else _attached(provider, _mapper(rules, packs, privacy), witness)
    )
    provider.add_span_processor(witness)
    try:
        with catching as events:
            yield events
    finally:
        _remove(provider, witness)


@contextmanager
def _diverted(processor: EventLogSpanProcessor, witness: _Witness) -> Iterator[EventLogs]:
    events = EventLogs(partial(materialise, processor.mapper), witness.hint)
    own = processor.divert(events)
    try:
        yield events
    finally:
        processor.divert(own)


@contextmanager
def _attached(provider: TracerProvider, mapper: Mapper, witness: _Witness) -> Iterator[EventLogs]:
    events = EventLogs(partial(materialise, mapper), witness.hint)
    processor = EventLogSpanProcessor(mapper, events)
    sampler, present = provider.sampler, installed_on(provider)
    if present is not None:
        present.switch(on=False)
    with _propagators_as_before():
        attach(provider, processor)
        try:
            yield events
        finally:
            processor.shutdown()
            detach(provider, processor, sampler, present)
            _remove(provider, processor)
            if present is not None:
                present.switch(on=True)


def _mapper(
    rules: RuleSet | Sequence[str | Path], packs: Sequence[str], privacy: Privacy | None
) -> Mapper:
    rule_set = rules if isinstance(rules, RuleSet) else load_rule_set(tuple(rules), packs)
    return Mapper(rule_set, privacy or Privacy(), Rank.APP)


@contextmanager
def _propagators_as_before() -> Iterator[None]:
    """Put the global propagators back, as far as this process has any for responses."""
    try:
        from opentelemetry.instrumentation import propagators as contrib
    except ImportError:
        responses: Any = None
    else:
        responses = contrib  # it has no annotations
    requests = propagate.get_global_textmap()
    before = None if responses is None else responses.get_global_response_propagator()
    try:
        yield
    finally:
        propagate.set_global_textmap(requests)
        if responses is not None:
            responses.set_global_response_propagator(before)


def _remove(provider: TracerProvider, processor: SpanProcessor) -> None:
    """Take a span processor back, for which the SDK has no call; what is left behind is inert."""
    several: Any = getattr(provider, "_active_span_processor", None)
    present = getattr(several, "_span_processors", None)
    if isinstance(present, tuple):
        # As the SDK adds one: under its lock, and by a new tuple.
        with several._lock:  # noqa: SLF001
            kept = tuple(p for p in several._span_processors if p is not processor)  # noqa: SLF001
            several._span_processors = kept  # noqa: SLF001


class _Witness(SpanProcessor):
    """Remembers which requests there were, for the messages of assertions that miss some."""

    def __init__(self) -> None:
        self._spans = 0
        self._requests: list[str] = []

    def on_end(self, span: ReadableSpan) -> None:
        """Note a span."""
        self._spans += 1
        if span.kind is trace.SpanKind.SERVER:
            self._requests.append(span.name)

    def hint(self) -> str:
        """Say what was seen."""
        if not self._spans:
            return (
                "\nNo span was seen. Is the application instrumented, with this tracer provider, "
                "and sampled?"
            )
        if not self._requests:
            return f"\n{self._spans} spans were seen, none of a request to a server."
        shown = ", ".join(self._requests[-_SPANS_SHOWN_MAX:])
        return f"\n{len(self._requests)} requests were seen, the last ones: {shown}"


def _provider(given: trace.TracerProvider | None) -> TracerProvider:
    provider = trace.get_tracer_provider() if given is None else given
    if isinstance(provider, TracerProvider):
        return provider
    if given is not None:
        msg = f"tracer_provider: {type(given).__name__} is not the SDK's TracerProvider"
        raise TypeError(msg)
    made = TracerProvider()
    trace.set_tracer_provider(made)
    return made
