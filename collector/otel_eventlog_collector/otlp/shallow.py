"""Protobuf messages that read one level of OTLP and leave what is below as bytes.

The generated classes build an object for every attribute of every span. These, described at run
time over the same wire format, keep attributes and events as slices: nothing is built of a span
that nobody wants, a repeated attribute is looked up instead of parsed, and a message made of a
million empty attributes costs sixteen bytes each instead of a hundred.

Field numbers: opentelemetry/proto/{trace,logs,resource,common}/v1, OTLP 1.x.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "otel_eventlog_collector.shallow"

_MESSAGES: dict[str, tuple[tuple[str, int, int, bool], ...]] = {
    # name, number, type, repeated
    "Groups": (("children", 1, _Field.TYPE_BYTES, True),),
    "Group": (
        ("header", 1, _Field.TYPE_BYTES, True),
        ("children", 2, _Field.TYPE_BYTES, True),
    ),
    "Status": (
        ("message", 2, _Field.TYPE_STRING, False),
        ("code", 3, _Field.TYPE_INT32, False),
    ),
    "Span": (
        ("trace_id", 1, _Field.TYPE_BYTES, False),
        ("span_id", 2, _Field.TYPE_BYTES, False),
        ("parent_span_id", 4, _Field.TYPE_BYTES, False),
        ("name", 5, _Field.TYPE_STRING, False),
        ("kind", 6, _Field.TYPE_INT32, False),
        ("start_time_unix_nano", 7, _Field.TYPE_FIXED64, False),
        ("end_time_unix_nano", 8, _Field.TYPE_FIXED64, False),
        ("attributes", 9, _Field.TYPE_BYTES, True),
        ("events", 11, _Field.TYPE_BYTES, True),
        ("status", 15, _Field.TYPE_BYTES, False),
    ),
    "SpanEvent": (
        ("name", 2, _Field.TYPE_STRING, False),
        ("attributes", 3, _Field.TYPE_BYTES, True),
    ),
    "Resource": (("attributes", 1, _Field.TYPE_BYTES, True),),
    "Scope": (("name", 1, _Field.TYPE_STRING, False),),
    "LogRecord": (
        ("time_unix_nano", 1, _Field.TYPE_FIXED64, False),
        ("severity_number", 2, _Field.TYPE_INT32, False),
        ("severity_text", 3, _Field.TYPE_STRING, False),
        ("body", 5, _Field.TYPE_BYTES, False),
        ("attributes", 6, _Field.TYPE_BYTES, True),
        ("flags", 8, _Field.TYPE_FIXED32, False),
        ("trace_id", 9, _Field.TYPE_BYTES, False),
        ("span_id", 10, _Field.TYPE_BYTES, False),
        ("observed_time_unix_nano", 11, _Field.TYPE_FIXED64, False),
        ("event_name", 12, _Field.TYPE_STRING, False),
    ),
    "KeyValue": (
        ("key", 1, _Field.TYPE_STRING, False),
        ("value", 2, _Field.TYPE_BYTES, False),
    ),
    # Only told apart here: text that is to be cut, or anything else, which is left out.
    "LargeValue": (("string_value", 1, _Field.TYPE_BYTES, False),),
}


def _message_classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="otel_eventlog_collector/shallow.proto", package=_PACKAGE, syntax="proto3"
    )
    for message_name, fields in _MESSAGES.items():
        message = file.message_type.add(name=message_name)
        for name, number, kind, repeated in fields:
            label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
            message.field.add(name=name, number=number, type=kind, label=label)
    # A pool of its own: a second import under another name must not clash with the first.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


_CLASSES = _message_classes()

Groups: Any = _CLASSES["Groups"]
"""A request of any signal: the groups of its resources."""

Group: Any = _CLASSES["Group"]
"""A resource and its scopes, or a scope and its records; a header may come in parts."""

Span: Any = _CLASSES["Span"]
SpanStatus: Any = _CLASSES["Status"]
SpanEvent: Any = _CLASSES["SpanEvent"]
Resource: Any = _CLASSES["Resource"]
Scope: Any = _CLASSES["Scope"]
LogRecord: Any = _CLASSES["LogRecord"]
KeyValue: Any = _CLASSES["KeyValue"]
LargeValue: Any = _CLASSES["LargeValue"]
