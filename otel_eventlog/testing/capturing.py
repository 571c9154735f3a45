"""`capture`: attach to a tracer provider for the length of a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from otel_eventlog.installation import attach, detach
from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.processor import EventLogSpanProcessor
from otel_eventlog.rulefile import load_rule_set
from otel_eventlog.ruleset import RuleSet
from otel_eventlog.snapshots import materialise
from otel_eventlog.testing.events import EventLogs


@contextmanager
def capture(
    tracer_provider: trace.TracerProvider | None = None,
    *,
    rules: RuleSet | Sequence[str | Path] = (),
    packs: Sequence[str] = (),
    privacy: Privacy | None = None,
) -> Iterator[EventLogs]:
    """Catch the event logs of everything that happens inside of the block; none is sent.

    Args:
        tracer_provider: whose spans; the global one when absent, which is set up if need be.
        rules: rule files, or a rule set.
        packs: built-in packs beyond the default ones.
        privacy: what may leave; without a hash key when absent.

    """
    provider = _provider(tracer_provider)
    rule_set = rules if isinstance(rules, RuleSet) else load_rule_set(tuple(rules), packs)
    mapper = Mapper(rule_set, privacy or Privacy(), Rank.APP)
    events = EventLogs(partial(materialise, mapper))
    processor = EventLogSpanProcessor(mapper, events)
    sampler = provider.sampler
    attach(provider, processor)
    try:
        yield events
    finally:
        processor.shutdown()
        detach(provider, processor, sampler)


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
