"""What both encodings share: why a record is rejected, what a value becomes, what a decoder gives.

A record (a span or a log record) that cannot be one is rejected and counted by reason; its
neighbours are kept. Values are made harmless here, once: what passes a parser may still explode at
a database (lone surrogates, integers beyond 64 bits) or in a browser (NaN).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from otel_eventlog.limits import INT64_MAX, INT64_MIN
from otel_eventlog.model import Attributes, AttributeValue, EventLog, SpanData
from otel_eventlog.pairs import Pair
from otel_eventlog.rules import Match
from otel_eventlog.scrubbing import clean_text
from otel_eventlog_collector.limits import (
    ARRAY_ITEMS_MAX,
    ATTRIBUTE_CHARS_MAX,
    ATTRIBUTES_PER_RECORD_MAX,
    VALUE_DEPTH_MAX,
)
from otel_eventlog_collector.otlp.rejected import REJECTED_TOLD_MAX, Rejected

Value: TypeAlias = "str | bool | int | float | list[Value] | dict[str, Value] | None"
"""Any OTLP value in plain Python; None stands for bytes and for no value at all."""

Recognise: TypeAlias = Callable[[int, Attributes, str], Match | None]
"""What a span of this kind, with these attributes, of this scope is; None if nobody wants it."""


class Reason(StrEnum):
    """Why a record was rejected; also the label of the metric."""

    MALFORMED = "malformed"
    TRACE_ID = "trace_id"
    SPAN_ID = "span_id"
    PARENT_SPAN_ID = "parent_span_id"
    START_TIME = "start_time"
    OUT_OF_RANGE = "out_of_range"
    TOO_DEEP = "too_deep"
    TOO_MANY_ATTRIBUTES = "too_many_attributes"
    TOO_LARGE = "too_large"
    NOT_AN_EVENT_LOG = "not_an_event_log"


SENTENCES: Mapping[Reason, str] = {
    Reason.MALFORMED: "it cannot be parsed (cut off, a wrong type, or text that is not UTF-8)",
    Reason.TRACE_ID: "the trace id is not 16 bytes, or all zero",
    Reason.SPAN_ID: "the span id is not 8 bytes, or all zero",
    Reason.PARENT_SPAN_ID: "the parent span id is not 8 bytes",
    Reason.START_TIME: "the start time is missing",
    Reason.OUT_OF_RANGE: "a number is out of range",
    Reason.TOO_DEEP: f"an attribute is nested deeper than {VALUE_DEPTH_MAX} levels",
    Reason.TOO_MANY_ATTRIBUTES: f"it has more than {ATTRIBUTES_PER_RECORD_MAX} attributes",
    Reason.TOO_LARGE: "it has too many fields",
    Reason.NOT_AN_EVENT_LOG: "it is named like an event log, but is none",
}


class RecordError(Exception):
    """One record is rejected; `detail` says more than the reason where there is more to say."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        """Keep the reason for the count, the detail for the message."""
        super().__init__(detail or SENTENCES[reason])
        self.reason = reason
        self.detail = detail


@dataclass(slots=True)
class Rejections:
    """Rejected records by reason, and the first detail of each reason."""

    counts: Counter[Reason] = field(default_factory=Counter)
    details: dict[Reason, str] = field(default_factory=dict)
    told: list[Rejected] = field(default_factory=list)

    def add(self, error: RecordError, tell: Callable[[str, str], Rejected]) -> None:
        """Count a rejected record; `tell` says more of it, given reason and sentence."""
        self.counts[error.reason] += 1
        if error.detail:
            self.details.setdefault(error.reason, error.detail)
        if len(self.told) < REJECTED_TOLD_MAX:
            self.told.append(tell(error.reason.value, str(error)))

    @property
    def total(self) -> int:
        """All rejected records."""
        return self.counts.total()

    def message(self, noun: str, received: int) -> str:
        """Return one English sentence for the sender, empty if nothing was rejected."""
        if not self.counts:
            return ""
        parts = [
            f"{count} because {self.details.get(reason) or SENTENCES[reason]}"
            for reason, count in self.counts.most_common()
        ]
        return f"{self.total} of {received} {noun} rejected: {'; '.join(parts)}"


@dataclass(frozen=True, slots=True)
class DecodedSpans:
    """A decoded trace request.

    Attributes:
        spans: the valid spans that are wanted, in the order of the request, but for those that
            became pairs at once.
        matches: what each of `spans` is; empty if nobody asked.
        pairs: what became of spans whose shape is known.
        rejected: number of spans that cannot be spans; the sender is told.
        rejected_told: the first of them, for inspection.
        error_message: why, in English; empty if none was rejected.
        received: number of all spans of the request.
        unwanted: number of spans left out that nobody wants.
        reasons: rejected spans by reason.

    """

    spans: Sequence[SpanData] = ()
    matches: Sequence[Match] = ()
    pairs: Sequence[Pair] = ()
    rejected: int = 0
    rejected_told: Sequence[Rejected] = ()
    error_message: str = ""
    received: int = 0
    unwanted: int = 0
    reasons: Mapping[Reason, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DecodedEventLogs:
    """A decoded logs request.

    Attributes:
        events: the event logs that applications made, in the order of the request.
        rejected: number of records named like event logs that are none; the sender is told.
        rejected_told: the first of them, for inspection.
        error_message: why, in English; empty if none was rejected.
        received: number of all log records of the request.
        foreign: number of log records that are no event logs: accepted and dropped.
        reasons: rejected records by reason.

    """

    events: Sequence[EventLog] = ()
    rejected: int = 0
    rejected_told: Sequence[Rejected] = ()
    error_message: str = ""
    received: int = 0
    foreign: int = 0
    reasons: Mapping[Reason, int] = field(default_factory=dict)


def text_value(text: str) -> str:
    """Return text cut to ATTRIBUTE_CHARS_MAX, NUL and lone surrogates replaced by U+FFFD."""
    return clean_text(text, ATTRIBUTE_CHARS_MAX) or ""


def integer_value(number: int) -> int | str:
    """Return a 64-bit integer as it is; one beyond becomes text: no database takes it."""
    return number if INT64_MIN <= number <= INT64_MAX else str(number)


def float_value(number: float) -> float | str:
    """Return a finite number as it is, the others in protobuf JSON's spelling."""
    if number - number == 0:
        return number
    if number != number:  # noqa: PLR0124 - only NaN differs from itself
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"


def attribute_value(value: Value) -> AttributeValue | None:
    """Return what a span or resource attribute may hold; None for maps, bytes and nothing.

    Arrays become tuples of their scalars, as the SDK has them.
    """
    if isinstance(value, list):
        scalars = (item for item in value[:ARRAY_ITEMS_MAX])
        return tuple(item for item in scalars if isinstance(item, (str, bool, int, float)))
    return None if isinstance(value, dict) else value


def check_times(start_unix_nano: int, end_unix_nano: int) -> tuple[int, int]:
    """Return start and end of a finished span.

    A span that was exported has ended: without an end time its start stands in.

    Raises:
        RecordError: there is no start time, or a time is beyond 64 bits with sign (the year 2262).

    """
    if start_unix_nano == 0:
        raise RecordError(Reason.START_TIME)
    if not (0 < start_unix_nano <= INT64_MAX and 0 <= end_unix_nano <= INT64_MAX):
        raise RecordError(Reason.OUT_OF_RANGE)
    return start_unix_nano, end_unix_nano or start_unix_nano


def known_number(number: int, highest: int) -> int:
    """Return an enum's number, or 0 for one that came after this program was written."""
    return number if 0 <= number <= highest else 0
