"""`EventLogSampler`: sampling never hides an auth call, and exports not one span more."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes as ApiAttributes

from otel_eventlog import guard
from otel_eventlog.model import SpanKind as SpanKindNumber
from otel_eventlog.ruleset import RuleSet
from otel_eventlog.semconv import EVENTLOG_ACTION
from otel_eventlog.settings import Settings, build_mapper

_DROP = Decision.DROP
_SERVER = int(SpanKindNumber.SERVER)
_NONE: Mapping[str, Any] = {}


class EventLogSampler(Sampler):
    """Records the spans that the rules want and that another sampler would drop.

    Such a span is recorded and not sampled: span processors see it, exporters do not, and the
    caller of the next service is told nothing else than before. Every other decision is the inner
    sampler's, untouched.

    It must be the outermost sampler: `ParentBased` asks nobody when the remote parent is unsampled,
    so anyone could hide their logins by sending `traceparent: …-00`.

    Args:
        inner: the sampler that decides what is exported.
        rules: which spans are wanted; by default what the `OTEL_EVENTLOG_*` variables say.

    Raises:
        SettingsError: a variable is wrong; lists every mistake.
        RuleError: a rule file is wrong; lists every mistake.

    """

    def __init__(self, inner: Sampler, rules: RuleSet | None = None) -> None:
        if rules is None:
            rules = build_mapper(Settings.from_env(os.environ)).rules
        # Wrapping twice would ask the rules twice.
        self._inner: Sampler = inner.inner if isinstance(inner, EventLogSampler) else inner
        self._ask_inner = self._inner.should_sample
        self._glances, self._look = rules.glances, rules.after_glance

    @property
    def inner(self) -> Sampler:
        """The sampler that decides what is exported."""
        return self._inner

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: ApiAttributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Return the inner sampler's result; for a wanted span RECORD_ONLY in place of DROP."""
        if trace_state is None:  # as the SDK calls it; not every sampler takes this argument
            result = self._ask_inner(parent_context, trace_id, name, kind, attributes, links)
        else:
            result = self._ask_inner(
                parent_context, trace_id, name, kind, attributes, links, trace_state
            )
        if result.decision is not _DROP:
            return result
        try:
            # `kind_number` and `RuleSet.at_start` written out: every dropped span comes by here,
            # and most of them go no further than the first `return`.
            number = 1 if kind is None else kind._value_ + 1
            shown: Any = attributes or _NONE
            glance = self._glances.get(number)
            found = None if glance is None else glance(shown)
            if (
                found is None
                and (number != _SERVER or "http.route" in shown)
                and EVENTLOG_ACTION not in shown
            ):
                return result
            if self._look(found, number, shown) is not None:
                # A dropped span's result carries no attributes; the span must start with its own.
                merged = dict(shown)
                merged.update(result.attributes)
                return SamplingResult(Decision.RECORD_ONLY, merged, result.trace_state)
        except Exception:  # noqa: BLE001 - nothing of ours may reach the request
            guard.caught("EventLogSampler.should_sample")
        return result

    def get_description(self) -> str:
        """Name both samplers."""
        return f"EventLogSampler{{{self._inner.get_description()}}}"
