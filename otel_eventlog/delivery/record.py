"""One event log → the bytes of its OTLP log record, as `wire.to_record` describes it.

Most fields of an event log take few different values together: action, route, outcome, service.
What they are encoded to is remembered as one piece; only ids, times and persons are written anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from struct import Struct
from typing import Any, NamedTuple, TypeAlias

from otel_eventlog.delivery.protobuf import (
    FIXED32,
    FIXED64,
    LENGTH,
    VARINT,
    any_value,
    fixed32,
    key,
    key_value_name,
    sized,
    utf8,
    varint,
)
from otel_eventlog.limits import INT64_MAX, INT64_MIN
from otel_eventlog.model import TAG_REQUEST, Attributes, EventLog, Status, derived_id
from otel_eventlog.pairs import HALF_TEXTS, OWN_FIELDS, Half, HalfTemplate
from otel_eventlog.semconv import EVENTLOG_ATTRIBUTES, EVENTLOG_REQUEST_ID, EVENTLOG_START_TIME
from otel_eventlog.wire import (
    DURATION,
    EVENT_ID,
    FEW_VALUED,
    PARENT_SPAN_ID,
    RESOURCE_ATTRIBUTES,
    TEXT_ATTRIBUTES,
    duration_words,
    resource_of,
    to_record,
)

SHAPES_MAX = 1024
"""Shapes remembered; a full memory starts over."""
SHAPE_CHARS_MAX = 1024
"""A shape with more text than this is encoded each time."""

Resource: TypeAlias = tuple[tuple[str, str], ...]
"""Attributes of a resource."""

# opentelemetry.proto.logs.v1.LogRecord, by field number
_TIME, _OBSERVED_TIME = key(1, FIXED64), key(11, FIXED64)
_SEVERITY_NUMBER, _SEVERITY_TEXT = key(2, VARINT), key(3, LENGTH)
_BODY, _ATTRIBUTES = key(5, LENGTH), key(6, LENGTH)
_FLAGS, _EVENT_NAME = key(8, FIXED32), key(12, LENGTH)
_TRACE_ID_BYTES, _SPAN_ID_BYTES = 16, 8
_TRACE_ID = key(9, LENGTH) + varint(_TRACE_ID_BYTES)
_SPAN_ID = key(10, LENGTH) + varint(_SPAN_ID_BYTES)
_UUID_CHARS = 36
_FRAME_BYTES = 16
"""At most what protobuf adds around an attribute of a resource."""
_TEXT_BYTES_MAX = 127
"""Up to here each length is one byte."""

_few_of = attrgetter(
    *("status", "outcome_source", "http_status_code", "trace_sampled"),
    *FEW_VALUED,
    *RESOURCE_ATTRIBUTES,
)
_many_of = attrgetter(*HALF_TEXTS)
_own_of = attrgetter(*OWN_FIELDS)
_times = Struct("<cQcQ").pack
_UINT64 = (1 << 64) - 1


class Shape(NamedTuple):
    """What event logs share that differ in their ids, times and persons only.

    Attributes:
        resource: the service they are of.
        resource_bytes: at most what it takes in a request.
        fields: everything of their records that is the same.
        sentence: how their bodies begin.

    """

    resource: Resource
    resource_bytes: int
    fields: bytes
    sentence: str


def encode_record(event: EventLog | Half) -> tuple[Shape, bytes]:
    """Return what an event log shares with others, and its LogRecord without length."""
    if isinstance(event, EventLog):
        shape = _shape_of(event)
        own, texts = _own_of(event), _many_of(event)
        return shape, shape.fields + _own(shape.sentence, own, texts, event.attributes)
    template = event.template
    known = _shape_of_template.get(template)
    if known is None:
        known = _shape_of(template.event)
        if len(_shape_of_template) >= SHAPES_MAX:
            _shape_of_template.clear()
        _shape_of_template[template] = known
    return known, known.fields + _own(known.sentence, event.own, event.texts, {})


_shapes: dict[tuple[Any, ...], Shape] = {}
_shape_of_template: dict[HalfTemplate, Shape] = {}


def _shape_of(event: EventLog) -> Shape:
    few = _few_of(event)
    return _shapes.get(few) or _learn(few)


def _learn(few: tuple[Any, ...]) -> Shape:
    """Encode, once, what will come again."""
    status, outcome_source, http_status_code, trace_sampled, *texts = few
    named = dict(zip((*FEW_VALUED, *RESOURCE_ATTRIBUTES), texts, strict=True))
    alike = EventLog(
        status=status,
        outcome_source=outcome_source,
        http_status_code=http_status_code,
        trace_sampled=trace_sampled,
        span_id=0,
        start_unix_nano=0,
        time_unix_nano=0,
        **named,
    )
    record = to_record(alike)
    pieces = [
        *(_SEVERITY_NUMBER, varint(record.severity_number)),
        *(_SEVERITY_TEXT, sized(utf8(record.severity_text))),
        *(_EVENT_NAME, sized(utf8(record.event_name))),
    ]
    pieces += [
        _ATTRIBUTES + sized(key_value_name(name) + sized(any_value(value)))
        for name, value in record.attributes.items()
        if name not in _ALWAYS_OWN
    ]
    if record.flags:
        pieces += (_FLAGS, fixed32(record.flags))
    resource = tuple(sorted(resource_of(alike).items()))
    resource_bytes = sum(len(name) + len(value) + _FRAME_BYTES for name, value in resource)
    shape = Shape(resource, resource_bytes, b"".join(pieces), record.body)
    if sum(len(text) for text in texts if text) <= SHAPE_CHARS_MAX:
        if len(_shapes) >= SHAPES_MAX:
            _shapes.clear()
        _shapes[few] = shape
    return shape


_ALWAYS_OWN = (EVENT_ID, EVENTLOG_REQUEST_ID, EVENTLOG_START_TIME)
"""Attributes that every record has, with a value of its own."""


def _own(
    sentence: str, own: tuple[Any, ...], texts: Sequence[str | None], kept: Attributes
) -> bytes:
    """Return the fields of a record that no other record has."""
    status, time, observed, start, span_id, trace_id, parent_span_id, duration_ns = own
    request_id = derived_id(start, span_id, TAG_REQUEST).encode()
    # The id of a half is that of its request but for the last digit (`model.uuid_int`).
    pieces = [
        _times(_TIME, time & _UINT64, _OBSERVED_TIME, (observed or time) & _UINT64),
        _EVENT_ID,
        request_id[:-1],
        b"1" if status is Status.START else b"2",
        _REQUEST_ID,
        request_id,
        _number(_START_TIME, start),
    ]
    append = pieces.append
    for name, value in zip(_MANY_NAMES, texts, strict=True):
        if value:
            append(_text(name, value))
    if parent_span_id:
        append(_text(_PARENT_SPAN_ID, f"{parent_span_id:016x}"))
    if duration_ns is not None:
        append(_number(_DURATION, duration_ns))
        sentence += duration_words(duration_ns)
    if kept:
        append(_ATTRIBUTES + sized(_KEPT + sized(any_value(dict(kept)))))
    append(_BODY + sized(any_value(sentence)))
    # An id of zero means that there is none, and OTLP writes that as no bytes.
    if trace_id:
        pieces += (_TRACE_ID, trace_id.to_bytes(_TRACE_ID_BYTES, "big"))
    if span_id:
        pieces += (_SPAN_ID, span_id.to_bytes(_SPAN_ID_BYTES, "big"))
    return b"".join(pieces)


_START_TIME, _DURATION = key_value_name(EVENTLOG_START_TIME), key_value_name(DURATION)
_PARENT_SPAN_ID, _KEPT = key_value_name(PARENT_SPAN_ID), key_value_name(EVENTLOG_ATTRIBUTES)
_MANY_NAMES = tuple(key_value_name(TEXT_ATTRIBUTES[name]) for name in HALF_TEXTS)


def _text(name: bytes, value: str) -> bytes:
    """Return an attribute whose value is text."""
    text = utf8(value)
    length = len(text)
    total = len(name) + 3 + length
    if total > _TEXT_BYTES_MAX:
        return _ATTRIBUTES + sized(name + sized(any_value(value)))
    # As above, with the four lengths and keys written in one step.
    return b"2%c%b%c\n%c%b" % (total, name, length + 2, length, text)


def _number(name: bytes, value: int) -> bytes:
    """Return an attribute whose value is a whole number."""
    if not INT64_MIN <= value <= INT64_MAX:
        return _ATTRIBUTES + sized(name + sized(any_value(value)))
    written = varint(value)
    # As above, in one step as well.
    return b"2%c%b%c\x18%b" % (len(name) + len(written) + 2, name, len(written) + 1, written)


def _before_id(name: str) -> bytes:
    """Return all of an attribute but the text of the UUID that is its value."""
    whole = _text(key_value_name(name), "0" * _UUID_CHARS)
    return whole[:-_UUID_CHARS]


_EVENT_ID, _REQUEST_ID = _before_id(EVENT_ID), _before_id(EVENTLOG_REQUEST_ID)
