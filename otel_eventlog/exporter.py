"""`OTEL_TRACES_EXPORTER=otlp,eventlog`: event logs from finished spans, the fallback way in.

It sees only spans that are sampled, and only after they have ended: no start leaves while a
request runs. The span processor (`install`) has neither limit.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from otel_eventlog import guard
from otel_eventlog.delivery.delivery import Delivery
from otel_eventlog.delivery.tally import DeliveryStats
from otel_eventlog.errors import RuleError, SettingsError
from otel_eventlog.mapping import Mapper
from otel_eventlog.model import EventLog
from otel_eventlog.readable import span_data
from otel_eventlog.reported import REPORTED
from otel_eventlog.settings import Settings, build_delivery, build_mapper

_FORCE_FLUSH_MILLIS = 30_000


class EventLogSpanExporter(SpanExporter):
    """Maps finished spans to event logs and hands them to the delivery.

    Built without arguments, as OpenTelemetry's entry point does it, it configures itself from the
    environment. A mistake there is logged, all of them at once, and no event log is made: an
    exception would take the whole instrumentation of the application with it.

    Spans whose event logs the span processor of this process has made are left alone.

    Args:
        mapper: which span is which action; None takes the configured rules.
        delivery: the way out; None takes the configured one. Its `materialise` has to take an
            `EventLog` as it is: `keep`.

    """

    def __init__(self, mapper: Mapper | None = None, delivery: Delivery | None = None) -> None:
        """Read the settings where an argument is missing."""
        try:
            settings = Settings.from_env(os.environ)
            mapper = mapper or build_mapper(settings)
            delivery = delivery or build_delivery(settings, keep)
        except (SettingsError, RuleError) as error:
            guard.say_once("otel_eventlog is off: " + "; ".join(error.mistakes))
            mapper = delivery = None
        self._mapper = mapper
        self._delivery = delivery
        REPORTED.wanted = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Take finished spans. Always a success: what is not delivered is the delivery's affair."""
        if self._mapper is not None and self._delivery is not None:
            for span in spans:
                try:
                    self._export(span, self._mapper, self._delivery)
                except Exception:  # noqa: BLE001 - nothing of ours may reach the application
                    guard.caught("EventLogSpanExporter.export")
        return SpanExportResult.SUCCESS

    @staticmethod
    def _export(span: ReadableSpan, mapper: Mapper, delivery: Delivery) -> None:
        context = span.get_span_context()
        if context is None or context.span_id in REPORTED:
            return
        for event in mapper.map_span(span_data(span)):
            delivery.put(event)

    def stats(self) -> DeliveryStats:
        """Return what has become of the event logs of this process."""
        return DeliveryStats() if self._delivery is None else self._delivery.stats()

    def force_flush(self, timeout_millis: int = _FORCE_FLUSH_MILLIS) -> bool:
        """Wait until everything taken so far is delivered; False if the time was over first."""
        return self._delivery is None or self._delivery.force_flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Deliver what waits, for a bounded time, and end."""
        if self._delivery is not None:
            self._delivery.shutdown()


def keep(item: object) -> Iterable[EventLog]:
    """Return an event log as it is: there is nothing left to materialise."""
    return (item,) if isinstance(item, EventLog) else ()
