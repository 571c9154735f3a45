"""OTLP JSON → spans and event logs; the same rows as from protobuf.

Rules of the encoding (OTLP specification, "JSON Protobuf Encoding"): ids are hex of either case,
64-bit integers strings or numbers, enums integers (names are taken too), unknown keys ignored.
`google.protobuf.json_format` is not used on input: it reads hex ids as base64 without an error and
recurses without a bound.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from otel_eventlog.limits import INT64_MAX, INT64_MIN
from otel_eventlog.model import Attributes, AttributeValue, EventLog, SpanData, SpanEvent
from otel_eventlog.semconv import EVENT_NAMES, EXCEPTION_EVENT
from otel_eventlog.wire import WireRecord
from otel_eventlog_collector.limits import (
    ATTRIBUTES_PER_RECORD_MAX,
    EVENTS_PER_SPAN_MAX,
    EXCEPTIONS_PER_SPAN_MAX,
    VALUE_DEPTH_MAX,
)
from otel_eventlog_collector.otlp.assemble import (
    AttributeBudget,
    LogBatch,
    SpanBatch,
    event_log_from,
)
from otel_eventlog_collector.otlp.json_walk import LOG_NAMES, TRACE_NAMES, JsonSlice, walk_json
from otel_eventlog_collector.otlp.records import (
    DecodedEventLogs,
    DecodedSpans,
    Reason,
    Recognise,
    RecordError,
    Value,
    attribute_value,
    check_times,
    float_value,
    integer_value,
    known_number,
    text_value,
)
from otel_eventlog_collector.otlp.rejected import Rejected, rejected_json

_TRACE_ID_DIGITS = 32
_SPAN_ID_DIGITS = 16
_INT32_MAX = 2**31 - 1
_UINT64_MAX = 2**64 - 1
_UINT32_MAX = 2**32 - 1
_INTEGER_DIGITS_MAX = 20
_KIND_MAX = 5
_STATUS_MAX = 2
_INTEGER = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_DIGITS = re.compile(r"-?[0-9]+", re.ASCII)
_HEX = re.compile(r"[0-9a-fA-F]+", re.ASCII)
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_KINDS = {
    f"SPAN_KIND_{name}": number
    for number, name in enumerate(
        ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
    )
}
_STATUSES = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}


def _parse_int(digits: str) -> int | str:
    """Longer than any 64-bit integer stays text: Python refuses to parse 5,000 digits."""
    return int(digits) if len(digits) <= _INTEGER_DIGITS_MAX else digits


_DECODER = json.JSONDecoder(parse_int=_parse_int)


def decode_traces_json(body: bytes, recognise: Recognise | None = None) -> DecodedSpans:
    """Return the spans of an ExportTraceServiceRequest in JSON.

    Args:
        body: the text in UTF-8, decompressed.
        recognise: leave out (accepted, not rejected) the spans for which this is None.

    Raises:
        PermanentError: the body is no such request, or over a limit.

    """
    reader = _Reader(body)
    outline = walk_json(reader.text, TRACE_NAMES)
    batch = SpanBatch(outline.records, recognise)
    for group in outline.resources:
        resource = reader.resource(group.resource)
        for scope in group.scopes:
            name = reader.scope_name(scope.scope)
            for record in scope.records:
                try:
                    if resource is None or name is None:
                        raise RecordError(Reason.MALFORMED)  # noqa: TRY301 - one place counts
                    reader.span(record, resource, name, batch)
                except RecordError as error:
                    batch.reject(error, partial(reader.rejected, record, resource))
    return batch.result()


def decode_logs_json(body: bytes) -> DecodedEventLogs:
    """Return the event logs of an ExportLogsServiceRequest in JSON.

    Raises:
        PermanentError: the body is no such request, or over a limit.

    """
    reader = _Reader(body)
    outline = walk_json(reader.text, LOG_NAMES)
    batch = LogBatch(outline.records)
    for group in outline.resources:
        resource = reader.resource(group.resource)
        for scope in group.scopes:
            for record in scope.records:
                try:
                    batch.add(reader.event_log(record, resource))
                except RecordError as error:
                    batch.reject(error, partial(reader.rejected, record, resource))
    return batch.result()


class _Reader:
    """Builds single values of one request's text."""

    def __init__(self, body: bytes) -> None:
        try:
            self.text = body.decode("utf-8-sig")
            self.all_utf8 = True
        except UnicodeDecodeError:
            # Only the records with the wrong bytes are rejected: those show as surrogates, which
            # no correct UTF-8 text contains.
            self.text = body.decode("utf-8-sig", "surrogateescape")
            self.all_utf8 = False
        self.budget = AttributeBudget()

    def build(self, where: JsonSlice | None) -> Mapping[str, Any]:
        """Return the object at a place of the text; an empty one for none."""
        if where is None:
            return {}
        if where.problem is not None:
            raise RecordError(where.problem)
        text = self.text[where.start : where.end]
        if not self.all_utf8 and _NOT_UTF8.search(text):
            raise RecordError(Reason.MALFORMED)
        try:
            value = _DECODER.decode(text)
        except (ValueError, RecursionError):
            raise RecordError(Reason.MALFORMED) from None
        return _object(value)

    def resource(self, where: JsonSlice | None) -> Attributes | None:
        """Return a resource's attributes, None if it is malformed."""
        try:
            return self.attributes(self.build(where))
        except RecordError:
            return None

    def scope_name(self, where: JsonSlice | None) -> str | None:
        try:
            return _text(self.build(where), "name")
        except RecordError:
            return None

    def span(
        self, where: JsonSlice, resource: Attributes, scope_name: str, batch: SpanBatch
    ) -> None:
        """Read one span into a batch."""
        span = self.build(where)
        trace_id = _id(span, "traceId", _TRACE_ID_DIGITS, Reason.TRACE_ID)
        span_id = _id(span, "spanId", _SPAN_ID_DIGITS, Reason.SPAN_ID)
        parent = _id(span, "parentSpanId", _SPAN_ID_DIGITS, Reason.PARENT_SPAN_ID, optional=True)
        start, end = check_times(_time(span, "startTimeUnixNano"), _time(span, "endTimeUnixNano"))
        kind = known_number(_enum(span, "kind", _KINDS), _KIND_MAX)
        name, status = _text(span, "name"), _object(span.get("status"))
        attributes = self.attributes(span)
        is_wanted, match = batch.judge(kind, attributes, scope_name)
        if not is_wanted:
            batch.leave_out(1)
            return
        found = SpanData(
            trace_id,
            span_id,
            parent,
            name=name,
            kind=kind,
            start_unix_nano=start,
            end_unix_nano=end,
            attributes=attributes,
            resource=resource,
            scope_name=scope_name,
            span_status=known_number(_enum(status, "code", _STATUSES), _STATUS_MAX),
            span_status_message=_text(status, "message"),
            events=self.exceptions(span),
            trace_sampled=True,
        )
        batch.add(found, match)

    def event_log(self, where: JsonSlice, resource: Attributes | None) -> EventLog | None:
        """Return one event log, None for a log record that is none of ours."""
        record = self.build(where)
        event_name = record.get("eventName")
        if not isinstance(event_name, str) or event_name not in EVENT_NAMES:
            return None
        if resource is None:
            raise RecordError(Reason.MALFORMED)
        observed = _time(record, "observedTimeUnixNano")
        body = _value(record.get("body"), 1)
        wire_record = WireRecord(
            event_name=event_name,
            time_unix_nano=_time(record, "timeUnixNano") or observed,
            observed_unix_nano=observed,
            trace_id=_id(record, "traceId", _TRACE_ID_DIGITS, Reason.TRACE_ID, optional=True),
            span_id=_id(record, "spanId", _SPAN_ID_DIGITS, Reason.SPAN_ID),
            flags=_integer(record.get("flags"), 0, _UINT32_MAX) & 0xFF,
            severity_number=_enum(record, "severityNumber", {}),
            severity_text=_text(record, "severityText"),
            body=body if isinstance(body, str) else "",
            attributes=dict(self.values(record)),
        )
        return event_log_from(wire_record, resource)

    def rejected(
        self, where: JsonSlice, resource: Attributes | None, reason: str, sentence: str
    ) -> Rejected:
        """Tell of a rejected record, as far as it can be read."""
        try:
            record = self.build(where)
        except RecordError:
            record = {}
        return rejected_json(reason, sentence, record, resource)

    def exceptions(self, span: Mapping[str, Any]) -> tuple[SpanEvent, ...]:
        """Return the exception events among the last events of a span."""
        events = [_object(event) for event in _array(span, "events")[-EVENTS_PER_SPAN_MAX:]]
        found = [event for event in events if event.get("name") == EXCEPTION_EVENT]
        return tuple(
            SpanEvent(EXCEPTION_EVENT, self.attributes(event))
            for event in found[-EXCEPTIONS_PER_SPAN_MAX:]
        )

    def attributes(self, owner: Mapping[str, Any]) -> dict[str, AttributeValue]:
        """Return scalar and array attributes; of a repeated key the last one holds."""
        attributes: dict[str, AttributeValue] = {}
        for key, value in self.values(owner):
            kept = attribute_value(value)
            if kept is not None:
                attributes[key] = kept
        return attributes

    def values(self, owner: Mapping[str, Any]) -> list[tuple[str, Value]]:
        pairs = _array(owner, "attributes")
        if len(pairs) > ATTRIBUTES_PER_RECORD_MAX:
            raise RecordError(Reason.TOO_MANY_ATTRIBUTES)
        self.budget.spend(len(pairs))
        objects = [_object(pair) for pair in pairs]
        return [(_text(pair, "key"), _value(pair.get("value"), 1)) for pair in objects]


def _object(value: object) -> Mapping[str, Any]:
    """Return an object; null stands for an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RecordError(Reason.MALFORMED)
    return value


def _array(owner: Mapping[str, Any], key: str) -> list[Any]:
    value = owner.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise RecordError(Reason.MALFORMED)
    return value


def _text(owner: Mapping[str, Any], key: str) -> str:
    value = owner.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RecordError(Reason.MALFORMED)
    return text_value(value)


def _id(
    owner: Mapping[str, Any], key: str, digits: int, reason: Reason, *, optional: bool = False
) -> int:
    """Return a hex id; an optional one may be absent or zero."""
    value = owner.get(key)
    if optional and value in (None, ""):
        return 0
    if not isinstance(value, str) or len(value) != digits or not _HEX.fullmatch(value):
        raise RecordError(reason)
    number = int(value, 16)
    if number == 0 and not optional:
        raise RecordError(reason)
    return number


def _integer(value: object, lowest: int, highest: int) -> int:
    """Return a 64-bit or smaller integer, given as number or as string."""
    if value is None:
        return 0
    if isinstance(value, str):
        if not _INTEGER.fullmatch(value):
            raise RecordError(Reason.OUT_OF_RANGE if value.isdigit() else Reason.MALFORMED)
        value = int(value)
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise RecordError(Reason.MALFORMED)
    if not lowest <= value <= highest:
        raise RecordError(Reason.OUT_OF_RANGE)
    return value


def _time(owner: Mapping[str, Any], key: str) -> int:
    return _integer(owner.get(key), 0, _UINT64_MAX)


def _enum(owner: Mapping[str, Any], key: str, names: Mapping[str, int]) -> int:
    """Return an enum's number, 0 for a name that is not known."""
    value = owner.get(key)
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        return names.get(value, 0)
    return _integer(value, -_INT32_MAX - 1, _INT32_MAX)


def _value(any_value: object, depth: int) -> Value:
    if depth > VALUE_DEPTH_MAX:
        raise RecordError(Reason.TOO_DEEP)
    for key, value in _object(any_value).items():
        read = _VALUES.get(key)
        if read is not None and value is not None:
            return read(value, depth)
    return None


def _string_value(value: object, _depth: int) -> Value:
    return _text({"": value}, "")


def _bool_value(value: object, _depth: int) -> Value:
    if not isinstance(value, bool):
        raise RecordError(Reason.MALFORMED)
    return value


def _int_value(value: object, _depth: int) -> Value:
    """An integer beyond 64 bits becomes text: the span is fine, only the number is odd."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        exact = _parse_int(value)
        return integer_value(exact) if isinstance(exact, int) else text_value(exact)
    if isinstance(value, int) and not isinstance(value, bool):
        return integer_value(value)
    return _integer(value, INT64_MIN, INT64_MAX)


def _double_value(value: object, _depth: int) -> Value:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise RecordError(Reason.MALFORMED)
    try:
        return float_value(float(value))
    except ValueError:
        raise RecordError(Reason.MALFORMED) from None


def _array_value(value: object, depth: int) -> Value:
    return [_value(item, depth + 1) for item in _array(_object(value), "values")]


def _kvlist_value(value: object, depth: int) -> Value:
    pairs = [_object(pair) for pair in _array(_object(value), "values")]
    return {_text(pair, "key"): _value(pair.get("value"), depth + 1) for pair in pairs}


def _bytes_value(value: object, _depth: int) -> Value:
    if not isinstance(value, str):
        raise RecordError(Reason.MALFORMED)
    return None


_VALUES = {
    "stringValue": _string_value,
    "boolValue": _bool_value,
    "intValue": _int_value,
    "doubleValue": _double_value,
    "arrayValue": _array_value,
    "kvlistValue": _kvlist_value,
    "bytesValue": _bytes_value,
}
