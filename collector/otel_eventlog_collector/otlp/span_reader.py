"""One encoded span after the other → pairs, spans, and counts of what nobody wants."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from struct import Struct, error

from google.protobuf.message import DecodeError

from otel_eventlog.limits import INT64_MAX
from otel_eventlog.model import SpanData, SpanEvent
from otel_eventlog.pairs import Pair
from otel_eventlog.semconv import EXCEPTION_EVENT
from otel_eventlog_collector.limits import (
    EVENTS_PER_SPAN_MAX,
    EXCEPTIONS_PER_SPAN_MAX,
    RECORD_BYTES_UNCOUNTED_MAX,
)
from otel_eventlog_collector.otlp import shallow
from otel_eventlog_collector.otlp.assemble import AttributeBudget, SpanBatch
from otel_eventlog_collector.otlp.express import Express, Resource, Unknown
from otel_eventlog_collector.otlp.outline import Scope
from otel_eventlog_collector.otlp.protobuf_parts import (
    attributes_of,
    ids,
    parse,
    resource_attributes,
    scope_name,
)
from otel_eventlog_collector.otlp.records import (
    Reason,
    RecordError,
    check_times,
    known_number,
    text_value,
)
from otel_eventlog_collector.otlp.rejected import Rejected, rejected_protobuf
from otel_eventlog_collector.otlp.shapes import NOTHING

_KINDS = range(6)
_STATUS_MAX = 2
_TRACE_ID_BYTES = 16
_SPAN_ID_BYTES = 8
_PARENT_SIZES = (0, _SPAN_ID_BYTES)
_NO_TRACE = bytes(_TRACE_ID_BYTES)
_number = int.from_bytes
_STATUSES_REMEMBERED_MAX = 256
_STATUS_BYTES_MAX = 128
_EXCEPTION_BYTES = EXCEPTION_EVENT.encode()
_SAMPLE = 16
"""Spans of a scope that are put through the gate before it is known whether that is worth it."""


_SAMPLED_BYTES = 7
_BYTES_PER_TAG_MIN = 8
"""Denser than this no span is whose attributes have values; the gate stops at each such byte."""


def _is_dense(data: bytes) -> bool:
    """Whether bytes look made to keep the gate busy; those are bounded on the longer way.

    A sample of the bytes has to do: counting in all of them takes as long as the gate itself.
    """
    sample = data[::_SAMPLED_BYTES]
    return sample.count(b"\n") * _BYTES_PER_TAG_MIN > len(sample)


class SpanReader:
    """Reads the spans of one request into a batch, those of a known shape on the express way."""

    def __init__(self, batch: SpanBatch, express: Express | None) -> None:
        """Start with nothing read."""
        self._batch = batch
        self._express = express
        self._budget = AttributeBudget()

    def resource(self, data: bytes) -> Resource | None:
        """Return a resource, None if it is malformed: its spans are rejected then."""
        known = self._express.resource(data) if self._express is not None else None
        if known is not None:
            self._budget.spend(known.count)
            return known
        left = self._budget.left
        attributes = resource_attributes(data, self._budget)
        if attributes is None:
            return None
        resource = Resource(attributes, left - self._budget.left)
        if self._express is not None:
            self._express.remember_resource(data, resource)
        return resource

    def scope(self, scope: Scope, resource: Resource | None) -> None:
        """Read the spans of one scope; reject those that cannot be one."""
        name = scope_name(scope.header)
        if resource is None or name is None:
            for data in scope.records:
                self._reject(RecordError(Reason.MALFORMED), data, resource)
            return
        for data in self._gated(scope):
            try:
                self.span(data, resource, name)
            except (DecodeError, RecordError) as wrong:
                self._reject(wrong, data, resource)

    def _reject(self, error: Exception, data: bytes, resource: Resource | None) -> None:
        attributes = resource.attributes if resource is not None else None

        def tell(reason: str, sentence: str) -> Rejected:
            return rejected_protobuf(reason, sentence, data, shallow.Span, attributes)

        self._batch.reject(error, tell)

    def _gated(self, scope: Scope) -> Iterable[bytes]:
        """Return the spans that have to be looked at; count those that no rule can want."""
        suspects = self._express.suspects if self._express is not None else None
        if suspects is None or (scope.message is not None and _is_dense(scope.message)):
            return scope.records
        if scope.message is not None and not suspects(scope.message):
            rest = [data for data in scope.records if not _is_sound(data)]
        else:

            def is_suspect(data: bytes) -> bool:
                return _is_dense(data) or suspects(data) is not None

            sample = list(islice(scope.records, _SAMPLE))
            if 2 * sum(map(is_suspect, sample)) >= len(sample):
                return scope.records  # mostly auth calls: the gate would only cost
            rest = [data for data in scope.records if is_suspect(data) or not _is_sound(data)]
        self._batch.leave_out(len(scope.records) - len(rest))
        return rest

    def span(self, data: bytes, resource: Resource, scope_name: str) -> None:
        """Read one span.

        Raises:
            DecodeError, RecordError: it cannot be one.

        """
        is_small = len(data) <= RECORD_BYTES_UNCOUNTED_MAX
        span = _parse_span(data) if is_small else parse(shallow.Span, data)
        trace_id, span_id, parent_span_id = span.trace_id, span.span_id, span.parent_span_id
        number, parent = _number(span_id), _number(parent_span_id)
        are_ids = len(trace_id) == _TRACE_ID_BYTES and trace_id != _NO_TRACE and number
        if (
            not are_ids
            or len(span_id) != _SPAN_ID_BYTES
            or len(parent_span_id) not in _PARENT_SIZES
        ):
            ids(trace_id, span_id, parent_span_id)  # says which one is wrong
        start, end = span.start_time_unix_nano, span.end_time_unix_nano
        if not 0 < start <= end <= INT64_MAX:
            start, end = check_times(start, end)
        kind = span.kind
        if kind not in _KINDS:
            kind = 0
        slices = span.attributes[:]
        self._budget.count(len(slices))
        status, events = span.status, span.events
        code, message = _span_status(status) if status else (0, "")
        exceptions = _exception_slices(events) if events else ()
        unknown: Unknown | None = None
        if self._express is not None and not exceptions:
            # The wall clock may step back while a request runs; its halves may not.
            own = (start, max(start, end), number, trace_id, parent)
            told = self._express.tell(kind, code, message, resource, scope_name, slices, own)
            if type(told) is Pair:
                self._batch.add_pair(told)
                return
            if told is NOTHING:
                self._batch.leave_out(1)
                return
            if type(told) is Unknown:
                unknown = told
        found = SpanData(
            int.from_bytes(trace_id),
            number,
            parent,
            name=text_value(span.name),
            kind=kind,
            start_unix_nano=start,
            end_unix_nano=end,
            attributes=attributes_of(slices),
            resource=resource.attributes,
            scope_name=scope_name,
            span_status=code,
            span_status_message=message,
            trace_sampled=True,
        )
        is_wanted, match = self._batch.judge(kind, found.attributes, scope_name)
        if is_wanted:
            found.events = _exceptions(exceptions, self._budget)
            self._batch.add(found, match)
        else:
            self._batch.leave_out(1)
        if unknown is not None and self._express is not None:
            self._express.learn(unknown, found, own)


_parse_span = shallow.Span.FromString


def _status_of(data: bytes) -> tuple[int, str]:
    status = shallow.SpanStatus.FromString(data)
    return known_number(status.code, _STATUS_MAX), text_value(status.message)


_remembered_status = lru_cache(_STATUSES_REMEMBERED_MAX)(_status_of)


def _span_status(data: bytes) -> tuple[int, str]:
    """Return code and message of a span status."""
    return _remembered_status(data) if len(data) <= _STATUS_BYTES_MAX else _status_of(data)


def _exception_slices(events: Sequence[bytes]) -> Sequence[bytes]:
    """Return those of a span's last events that may be exceptions."""
    found = [data for data in events[-EVENTS_PER_SPAN_MAX:] if _EXCEPTION_BYTES in data]
    return found[-EXCEPTIONS_PER_SPAN_MAX:]


def _exceptions(events: Sequence[bytes], budget: AttributeBudget) -> tuple[SpanEvent, ...]:
    """Return the exception events among encoded events."""
    found = []
    for event in [parse(shallow.SpanEvent, data) for data in events]:
        budget.count(len(event.attributes))
        attributes = attributes_of(event.attributes)
        if event.name == EXCEPTION_EVENT:
            found.append(SpanEvent(EXCEPTION_EVENT, attributes))
    return tuple(found)


_IDS = Struct("<HQQHQB").unpack_from
_KIND_AND_TIMES = Struct("<BBBQBQ").unpack_from
_TRACE_ID_FIELD = 0x100A
_SPAN_ID_FIELD = 0x0812
_PARENT = 0x22
_PARENT_BYTES = 8
_NAME = 0x2A
_KIND, _START, _END = 0x30, 0x39, 0x41
_ONE_BYTE_MAX = 0x7F


def _is_sound(data: bytes) -> bool:
    """Whether a span has ids and times, encoded as every encoder does it; else one looks closer.

    Fields come in the order of their numbers: trace id, span id, parent, name, kind, start, end.
    """
    try:
        trace_tag, high, low, span_tag, span_id, tag = _IDS(data)
        are_ids = trace_tag == _TRACE_ID_FIELD and span_tag == _SPAN_ID_FIELD
        if not are_ids or not span_id or not (high or low):
            return False
        at = 29
        if tag == _PARENT:
            if data[at] != _PARENT_BYTES:
                return False
            tag, at = data[at + 9], at + 10
        name_bytes = data[at]
        if tag != _NAME or name_bytes > _ONE_BYTE_MAX:
            return False
        kind, _, start, start_time, end, end_time = _KIND_AND_TIMES(data, at + 1 + name_bytes)
    except (error, IndexError):
        return False
    are_times = start == _START and end == _END and kind == _KIND
    return bool(are_times and 0 < start_time <= INT64_MAX and 0 < end_time <= INT64_MAX)
