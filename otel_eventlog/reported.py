"""Which spans of this process the span processor has already reported.

An application may run the span processor and, through `OTEL_TRACES_EXPORTER=otlp,eventlog`, the
span exporter as well. Their event logs have equal ids, so nothing would be stored twice; but the
exporter would send everything a second time, and without the signals that only the processor saw.
The processor therefore notes every span it has taken care of, and the exporter leaves those alone.

Two sets take turns, so that the memory is bounded and both calls need no lock: `set.add` and `in`
are atomic.
"""

from __future__ import annotations

REPORTED_SPANS_MAX = 16_384
"""Spans remembered at least; far beyond what a batch span processor holds back (2,048)."""


class ReportedSpans:
    """The span ids noted last: at least `spans_max`, at most twice as many."""

    def __init__(self, spans_max: int = REPORTED_SPANS_MAX) -> None:
        """Start empty."""
        self._spans_max = spans_max
        self._recent: set[int] = set()
        self._older: set[int] = set()
        self.wanted = False
        """True once somebody asks: until then the processor need not note anything."""

    def add(self, span_id: int) -> None:
        """Note that this span's event logs are on their way, or that it yields none."""
        recent = self._recent
        recent.add(span_id)
        if len(recent) >= self._spans_max:
            self._older, self._recent = recent, set()

    def __contains__(self, span_id: int) -> bool:
        return span_id in self._recent or span_id in self._older


REPORTED = ReportedSpans()
"""The one of this process."""
