"""What both decoders do with their records: judge, count, collect."""

from __future__ import annotations

from collections.abc import Callable

from otel_eventlog.errors import WireError
from otel_eventlog.model import Attributes, EventLog, SpanData
from otel_eventlog.pairs import Pair
from otel_eventlog.rules import Match
from otel_eventlog.wire import WireRecord, from_record
from otel_eventlog_collector.limits import ATTRIBUTES_PER_RECORD_MAX, ATTRIBUTES_PER_REQUEST_MAX
from otel_eventlog_collector.otlp.records import (
    DecodedEventLogs,
    DecodedSpans,
    Reason,
    Recognise,
    RecordError,
    Rejections,
)
from otel_eventlog_collector.otlp.rejected import Rejected
from otel_eventlog_collector.otlp.walk import over


class AttributeBudget:
    """Counts the attributes of one request against ATTRIBUTES_PER_REQUEST_MAX."""

    def __init__(self) -> None:
        """Start with everything left."""
        self.left = ATTRIBUTES_PER_REQUEST_MAX

    def spend(self, count: int) -> None:
        """Take some; raises BodyTooLarge when none are left."""
        self.left -= count
        if self.left < 0:
            raise over("attributes", ATTRIBUTES_PER_REQUEST_MAX)

    def count(self, count: int) -> None:
        """Take those of one record; raises RecordError if one may not have so many."""
        if count > ATTRIBUTES_PER_RECORD_MAX:
            raise RecordError(Reason.TOO_MANY_ATTRIBUTES)
        self.spend(count)


class SpanBatch:
    """Collects the spans of one request."""

    def __init__(self, received: int, recognise: Recognise | None) -> None:
        """Start empty; `received` is the number of spans in the request."""
        self._received = received
        self._recognise = recognise
        self._spans: list[SpanData] = []
        self._matches: list[Match] = []
        self._pairs: list[Pair] = []
        self._unwanted = 0
        self._rejections = Rejections()
        self.add_pair = self._pairs.append

    def judge(
        self, kind: int, attributes: Attributes, scope_name: str
    ) -> tuple[bool, Match | None]:
        """Return whether somebody wants this span, and what it is as far as that was asked."""
        if self._recognise is None:
            return True, None
        match = self._recognise(kind, attributes, scope_name)
        return match is not None, match

    def add(self, span: SpanData, match: Match | None) -> None:
        """Keep a span, and what it is."""
        self._spans.append(span)
        if match is not None:
            self._matches.append(match)

    def leave_out(self, count: int) -> None:
        """Count spans that nobody wants."""
        self._unwanted += count

    def reject(self, error: Exception, tell: Callable[[str, str], Rejected]) -> None:
        """Count a span that cannot be one; `tell` says more of it, given reason and sentence."""
        self._rejections.add(_as_record_error(error), tell)

    def result(self) -> DecodedSpans:
        """Return what was collected."""
        return DecodedSpans(
            spans=self._spans,
            matches=self._matches,
            pairs=self._pairs,
            rejected=self._rejections.total,
            rejected_told=self._rejections.told,
            error_message=self._rejections.message("spans", self._received),
            received=self._received,
            unwanted=self._unwanted,
            reasons=self._rejections.counts,
        )


class LogBatch:
    """Collects the event logs of one request."""

    def __init__(self, received: int) -> None:
        """Start empty; `received` is the number of log records in the request."""
        self._received = received
        self._events: list[EventLog] = []
        self._foreign = 0
        self._rejections = Rejections()

    def add(self, event: EventLog | None) -> None:
        """Keep an event log, or count a log record that is none."""
        if event is None:
            self._foreign += 1
        else:
            self._events.append(event)

    def reject(self, error: Exception, tell: Callable[[str, str], Rejected]) -> None:
        """Count a record that calls itself an event log and cannot be one."""
        self._rejections.add(_as_record_error(error), tell)

    def result(self) -> DecodedEventLogs:
        """Return what was collected."""
        return DecodedEventLogs(
            events=self._events,
            rejected=self._rejections.total,
            rejected_told=self._rejections.told,
            error_message=self._rejections.message("log records", self._received),
            received=self._received,
            foreign=self._foreign,
            reasons=self._rejections.counts,
        )


def event_log_from(record: WireRecord, resource: Attributes) -> EventLog:
    """Return the event log that a record is.

    Raises:
        RecordError: it cannot be an event log; the detail says what to mend.

    """
    try:
        return from_record(record, resource)
    except WireError as error:
        raise RecordError(Reason.NOT_AN_EVENT_LOG, str(error)) from error


def _as_record_error(error: Exception) -> RecordError:
    """A parser's error says nothing a sender could use: it becomes `malformed`."""
    return error if isinstance(error, RecordError) else RecordError(Reason.MALFORMED)
