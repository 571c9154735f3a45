"""OTLP requests as senders make them: protobuf built with the official classes, JSON from those."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_eventlog.model import EventLog
from otel_eventlog.wire import WireRecord, resource_of, to_record

NOW = 1_795_419_852_646_225_529
TRACE_ID = 0x0123456789ABCDEF0123456789ABCDEF
_ID_KEYS = ("traceId", "spanId", "parentSpanId")


def any_value(value: Any) -> AnyValue:
    """Return a Python value as OTLP's."""
    if value is None:
        return AnyValue()
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=key_values(value)))
    if isinstance(value, (list, tuple)):
        return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
    # bool before int: each of Python's truths is an integer too.
    for kind in (bool, int, float, bytes, str):
        if isinstance(value, kind):
            return AnyValue(**{_FIELD_OF_TYPE[kind]: value})
    raise TypeError(value)


_FIELD_OF_TYPE = {
    bool: "bool_value",
    int: "int_value",
    float: "double_value",
    bytes: "bytes_value",
    str: "string_value",
}


def key_values(attributes: dict[str, Any]) -> list[KeyValue]:
    """Return attributes as OTLP's pairs."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def span(number: int = 1, **changes: Any) -> Span:
    """Return one finished server span; `changes` are fields of the message."""
    fields: dict[str, Any] = {
        "trace_id": TRACE_ID.to_bytes(16),
        "span_id": number.to_bytes(8),
        "name": "POST /login",
        "kind": 2,
        "start_time_unix_nano": NOW,
        "end_time_unix_nano": NOW + 5_000_000,
        "attributes": key_values(
            {"http.request.method": "POST", "http.route": "/login", "user.id": f"u-{number}"}
        ),
    }
    return Span(**(fields | changes))


def traces(
    spans: Iterable[Span], service: str = "shop", scope: str = "tests"
) -> ExportTraceServiceRequest:
    """Return a request with one resource and one scope."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(key_values({"service.name": service}))
    scoped = group.scope_spans.add()
    scoped.scope.name = scope
    scoped.spans.extend(spans)
    return request


def traces_of_slices(spans: Sequence[bytes]) -> bytes:
    """Return a request whose spans are arbitrary bytes."""
    return _field(1, _field(2, b"".join(_field(2, data) for data in spans)))


def logs(records: Iterable[LogRecord], service: str = "shop") -> ExportLogsServiceRequest:
    """Return a request with one resource and one scope."""
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.extend(key_values({"service.name": service}))
    group.scope_logs.add().log_records.extend(records)
    return request


def logs_of(events: Iterable[EventLog]) -> ExportLogsServiceRequest:
    """Return event logs as an application sends them, a resource each."""
    request = ExportLogsServiceRequest()
    for event in events:
        group = request.resource_logs.add()
        group.resource.attributes.extend(key_values(dict(resource_of(event))))
        group.scope_logs.add().log_records.append(log_record(to_record(event)))
    return request


def log_record(record: WireRecord) -> LogRecord:
    """Return a record of ours as OTLP's."""
    return LogRecord(
        event_name=record.event_name,
        time_unix_nano=record.time_unix_nano,
        observed_time_unix_nano=record.observed_unix_nano,
        trace_id=record.trace_id.to_bytes(16) if record.trace_id else b"",
        span_id=record.span_id.to_bytes(8),
        flags=record.flags,
        severity_number=record.severity_number,
        severity_text=record.severity_text,
        body=any_value(record.body),
        attributes=key_values(record.attributes),
    )


def as_json(request: Message, change_id: Callable[[str], str] = str) -> bytes:
    """Return a request as OTLP JSON: ids in hex, 64-bit integers as strings, enums as integers."""
    document = MessageToDict(request, use_integers_for_enums=True)
    return json.dumps(_with_hex_ids(document, change_id)).encode()


def json_span(**changes: Any) -> dict[str, Any]:
    """Return one valid span as a JSON object."""
    span = {
        "traceId": f"{TRACE_ID:032x}",
        "spanId": "0000000000000001",
        "startTimeUnixNano": str(NOW),
        "endTimeUnixNano": str(NOW + 1),
        "kind": 2,
    }
    return span | changes


def json_body(*spans: Any) -> bytes:
    """Return a JSON request of span objects."""
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}).encode()


def _with_hex_ids(value: Any, change_id: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_with_hex_ids(item, change_id) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: change_id(base64.b64decode(item).hex())
        if key in _ID_KEYS and isinstance(item, str)
        else _with_hex_ids(item, change_id)
        for key, item in value.items()
    }


def _field(number: int, data: bytes) -> bytes:
    """Return a length-delimited protobuf field."""
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
