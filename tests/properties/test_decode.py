"""Whatever comes in: only PermanentError goes out, and both encodings give equal rows."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_eventlog.limits import INT64_MAX, INT64_MIN
from otel_eventlog.model import EventLog, SpanData
from otel_eventlog_collector.errors import PermanentError
from otel_eventlog_collector.otlp.decode_json import decode_logs_json, decode_traces_json
from otel_eventlog_collector.otlp.decode_protobuf import (
    decode_logs_protobuf,
    decode_traces_protobuf,
)
from tests.support import otlp_requests as otlp

DECODERS = (decode_traces_protobuf, decode_traces_json, decode_logs_protobuf, decode_logs_json)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
int64 = st.integers(INT64_MIN, INT64_MAX)
scalars = st.one_of(text, st.booleans(), int64, st.floats(), st.none(), st.binary(max_size=4))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(text, inner, max_size=3)),
    max_leaves=6,
)
attributes = st.dictionaries(text, values, max_size=5).map(otlp.key_values)
ids8 = st.one_of(st.binary(min_size=8, max_size=8), st.binary(max_size=9))
ids16 = st.one_of(st.binary(min_size=16, max_size=16), st.binary(max_size=17))
times = st.one_of(st.integers(0, 2**64 - 1), st.integers(otlp.NOW, otlp.NOW + 10**10))
spans = st.builds(
    Span,
    trace_id=ids16,
    span_id=ids8,
    parent_span_id=ids8,
    name=text,
    kind=st.integers(0, 5),
    start_time_unix_nano=times,
    end_time_unix_nano=times,
    attributes=attributes,
    events=st.lists(
        st.builds(
            Span.Event,
            name=st.one_of(st.just("exception"), text),
            attributes=attributes,
        ),
        max_size=3,
    ),
    flags=st.integers(0, 2**32 - 1),
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    *("resourceSpans", "scopeSpans", "spans", "resource", "scope", "attributes"),
                    *("resourceLogs", "scopeLogs", "logRecords", "eventName", "key", "value"),
                    *("traceId", "spanId", "startTimeUnixNano", "kind", "status", "events"),
                    *("stringValue", "intValue", "arrayValue", "kvlistValue", "values", "name"),
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=20,
)


def assert_harmless(span: SpanData) -> None:
    """A decoded span holds nothing that a database or a JSON writer would choke on."""
    plain = [span.name, span.scope_name, span.span_status_message, dict(span.attributes)]
    plain.append(dict(span.resource))
    json.dumps(plain, allow_nan=False, ensure_ascii=False).encode()
    assert 0 < span.start_unix_nano <= INT64_MAX
    assert 0 < span.end_unix_nano <= INT64_MAX
    assert span.trace_id
    assert span.span_id
    for value in span.attributes.values():
        items = value if isinstance(value, tuple) else (value,)
        assert all(not isinstance(v, int) or INT64_MIN <= v <= INT64_MAX for v in items)


@given(st.binary(max_size=300))
@settings(max_examples=150)
@pytest.mark.parametrize("decode", DECODERS)
def test_arbitrary_bytes_raise_only_permanent_errors(decode: Any, data: bytes) -> None:
    """Garbage is a permanent error or an empty request, never anything else."""
    with suppress(PermanentError):
        decode(data)


@given(st.lists(st.binary(max_size=80), max_size=4))
def test_arbitrary_spans_are_rejected_one_by_one(slices: list[bytes]) -> None:
    """Garbage in place of spans never fails the request."""
    decoded = decode_traces_protobuf(otlp.traces_of_slices(slices))
    assert decoded.received == len(slices)
    assert decoded.rejected + len(decoded.spans) == len(slices)


@given(spans, st.data())
def test_a_damaged_span_is_rejected_or_still_harmless(span: Span, data: st.DataObject) -> None:
    """Flipping any byte of a span yields a rejected span or a harmless one."""
    wire = bytearray(span.SerializeToString())
    for _ in range(3):
        if wire:
            position = data.draw(st.integers(0, len(wire) - 1))
            wire[position] = data.draw(st.integers(0, 255))
    decoded = decode_traces_protobuf(otlp.traces_of_slices([bytes(wire)]))
    for kept in decoded.spans:
        assert_harmless(kept)


@given(st.lists(spans, max_size=3), text, text)
@settings(max_examples=80)
def test_protobuf_and_json_give_equal_spans(found: list[Span], service: str, scope: str) -> None:
    """The encoding never shows in what is decoded, nor in what is rejected and why."""
    request = otlp.traces(found, service, scope)
    from_protobuf = decode_traces_protobuf(request.SerializeToString())
    from_json = decode_traces_json(otlp.as_json(request))
    assert list(from_protobuf.spans) == list(from_json.spans)
    assert from_protobuf.reasons == from_json.reasons
    assert from_protobuf.error_message == from_json.error_message
    for span in from_protobuf.spans:
        assert_harmless(span)


@given(json_values)
@settings(max_examples=150)
@pytest.mark.parametrize("decode", [decode_traces_json, decode_logs_json])
def test_arbitrary_json_raises_only_permanent_errors(decode: Any, document: Any) -> None:
    """Any JSON at all, with our keys in wrong places, is decoded, rejected or refused."""
    with suppress(PermanentError):
        decode(json.dumps(document).encode("utf-8", "surrogatepass"))


records = st.builds(
    otlp.LogRecord,
    event_name=st.sampled_from(["eventlog.start", "eventlog.success", "eventlog.error", "x"]),
    time_unix_nano=times,
    observed_time_unix_nano=times,
    trace_id=ids16,
    span_id=ids8,
    flags=st.integers(0, 2**32 - 1),
    body=values.map(otlp.any_value),
    attributes=st.dictionaries(
        st.one_of(
            st.sampled_from(
                [
                    *("eventlog.action", "eventlog.start_time_unix_nano", "eventlog.attributes"),
                    *("http.response.status_code", "eventlog.outcome_source", "user.id"),
                    *("eventlog.request_id", "eventlog.duration_ns", "eventlog.parent_span_id"),
                ]
            ),
            text,
        ),
        values,
        max_size=6,
    ).map(otlp.key_values),
)


@given(st.lists(records, max_size=3))
@settings(max_examples=80)
def test_protobuf_and_json_give_equal_event_logs(found: list[otlp.LogRecord]) -> None:
    """The encoding never shows in event logs either, however odd their attributes."""
    request = otlp.logs(found)
    from_protobuf = decode_logs_protobuf(request.SerializeToString())
    from_json = decode_logs_json(otlp.as_json(request))
    assert list(from_protobuf.events) == list(from_json.events)
    assert from_protobuf.reasons == from_json.reasons
    assert from_protobuf.foreign == from_json.foreign
    assert all(isinstance(event, EventLog) for event in from_protobuf.events)
