"""The walk over the protobuf wire counts and bounds before anything is parsed."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc

import pytest

from otel_eventlog_collector.errors import BodyTooLarge, PermanentError
from otel_eventlog_collector.limits import GROUPS_PER_REQUEST_MAX, RECORDS_PER_REQUEST_MAX
from otel_eventlog_collector.otlp.decode_json import decode_traces_json
from otel_eventlog_collector.otlp.decode_protobuf import decode_traces_protobuf
from otel_eventlog_collector.otlp.walk import count_fields, walk
from tests.support import otlp_requests as otlp

FOUR_MIB = 4 * 1024 * 1024
CPU_S_MAX = 5
"""No speed is meant: what these guard against takes minutes."""


def varint(value: int) -> bytes:
    """Return a protobuf varint of four bytes, as lengths of a few MiB need it."""
    return bytes(
        [value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14 & 0x7F | 0x80, value >> 21]
    )


def nested(data: bytes, *numbers: int) -> bytes:
    """Return data as the content of length-delimited fields, the outermost first."""
    for number in reversed(numbers):
        data = bytes([number << 3 | 2]) + varint(len(data)) + data
    return data


def test_offsets_point_at_the_records() -> None:
    """Each offset of the outline cuts out exactly one span's bytes."""
    spans = [otlp.span(number) for number in range(1, 300)]
    body = otlp.traces(spans).SerializeToString()
    outline = walk(body)
    records = outline.resources[0].scopes[0].records
    assert outline.records == len(spans)
    assert [body[start:end] for start, end in records] == [s.SerializeToString() for s in spans]


def test_resource_and_scope_may_come_in_parts_and_last() -> None:
    """Parts of one resource are merged and hold for spans written before them (protobuf rules)."""
    whole = otlp.traces([otlp.span()])
    group = whole.resource_spans[0]
    scope_spans = group.scope_spans[0]
    scoped = nested(scope_spans.spans[0].SerializeToString(), 2) + nested(
        scope_spans.scope.SerializeToString(), 1
    )
    first = nested(otlp.key_values({"service.name": "shop"})[0].SerializeToString(), 1)
    second = nested(otlp.key_values({"service.version": "2"})[0].SerializeToString(), 1)
    body = nested(nested(scoped, 2) + nested(first, 1) + nested(second, 1), 1)
    (decoded,) = decode_traces_protobuf(body).spans
    assert decoded.resource == {"service.name": "shop", "service.version": "2"}
    assert decoded.scope_name == "tests"


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("spans", nested(b"\x12\x00" * (FOUR_MIB // 2), 1, 2)),
        ("scopes", nested(b"\x12\x00" * (FOUR_MIB // 2), 1)),
        ("resources", b"\x0a\x00" * (FOUR_MIB // 2)),
        ("unknown fields", b"\x78\x00" * (FOUR_MIB // 2)),
        ("spans with long tags", nested(b"\x92\x80\x00\x00" * (FOUR_MIB // 4), 1, 2)),
    ],
)
def test_a_bomb_of_empty_records_is_refused_before_it_is_built(name: str, body: bytes) -> None:
    """Four KiB of gzip that unfold to millions of records are refused before parsing."""
    assert len(gzip.compress(body)) < 8 * 1024
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge, match="more than"):
            decode_traces_protobuf(body)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 4 * FOUR_MIB, "built, it takes a hundred times its own size"


@pytest.mark.parametrize(
    "body",
    [
        b'{"resourceSpans":[' + b"{}," * 1_400_000 + b"{}]}",
        b'{"x":[' + b'"ab",' * 3_100_000 + b'""]}',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + b"{}," * 1_000_000 + b"{}]}]}]}",
        b'{"resourceSpans":[{"scopeSpans":[' + b"{}," * 1_000_000 + b"{}]}]}",
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"x":[' + b"{}," * 900_000 + b"{}]}]}]}]}",
    ],
)
def test_a_json_bomb_is_refused_before_it_is_built(body: bytes) -> None:
    """Millions of values in JSON are counted and refused."""
    begun = time.process_time()
    with pytest.raises(BodyTooLarge, match="more than"):
        decode_traces_json(body)
    assert time.process_time() - begun < CPU_S_MAX


def test_a_json_record_of_very_many_values_costs_only_itself() -> None:
    """A record with too many values is rejected unbuilt; commas in text are no values."""
    request = json.loads(otlp.as_json(otlp.traces([otlp.span(1), otlp.span(2), otlp.span(3)])))
    spans = request["resourceSpans"][0]["scopeSpans"][0]["spans"]
    spans[0]["novel"] = ["ab"] * 30_000
    spans[1]["name"] = '\\",{[' * 30_000
    decoded = decode_traces_json(json.dumps(request).encode())
    assert [span.span_id for span in decoded.spans] == [2, 3]
    assert decoded.reasons == {"too_large": 1}


def test_strings_that_never_end_cost_no_square_of_time() -> None:
    """Half a million escaped quotes without an end are scanned once."""
    begun = time.process_time()
    for tail in (b'\\"' * 500_000, b'"' * 500_001, b"\\" * 500_001, b'["' * 200_001):
        with pytest.raises(PermanentError):
            decode_traces_json(b'{"x":["' + tail)
    assert time.process_time() - begun < 2


def test_a_resource_in_a_hundred_thousand_parts_costs_no_square_of_time() -> None:
    """Parts of a resource are joined once, however many there are."""
    part = nested(bytes(300), 1)
    begun = time.process_time()
    walk(nested(part * 100_000, 1))
    assert time.process_time() - begun < CPU_S_MAX


def test_a_bomb_of_empty_attributes_costs_one_span() -> None:
    """A span of a million empty attributes is rejected; its neighbour is kept."""
    good = otlp.span().SerializeToString()
    bomb = good + b"\x4a\x00" * 1_000_000
    begun = time.process_time()
    decoded = decode_traces_protobuf(otlp.traces_of_slices([bomb, good]))
    assert time.process_time() - begun < CPU_S_MAX
    assert (len(decoded.spans), decoded.rejected) == (1, 1)


def test_a_full_collector_batch_is_accepted() -> None:
    """The 8,192 spans of a stock OpenTelemetry Collector batch are within the limits."""
    one = otlp.span().SerializeToString()
    decoded = decode_traces_protobuf(otlp.traces_of_slices([one] * 8192))
    assert (len(decoded.spans), decoded.rejected) == (8192, 0)


def test_the_limits_themselves_are_accepted() -> None:
    """Exactly as many records and groups as the limits say pass; one more does not."""
    assert walk(nested(b"\x12\x00" * RECORDS_PER_REQUEST_MAX, 1, 2)).records
    with pytest.raises(BodyTooLarge):
        walk(nested(b"\x12\x00" * (RECORDS_PER_REQUEST_MAX + 1), 1, 2))
    assert walk(b"\x0a\x00" * GROUPS_PER_REQUEST_MAX).records == 0
    with pytest.raises(BodyTooLarge):
        walk(b"\x0a\x00" * (GROUPS_PER_REQUEST_MAX + 1))


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a",
        b"\x0a\x05\x12",
        b"\x0b",
        b"\x00\x00",
        b"\x80" * 11,
        b"\x0a" + b"\xff" * 9 + b"\x7f",
        b"hello, world",
        b'{"resourceSpans":[]}',
    ],
)
def test_what_is_no_protobuf_is_refused(body: bytes) -> None:
    """Truncated fields, wrong wire types, field number zero and endless numbers are permanent."""
    with pytest.raises(PermanentError, match="not an OTLP protobuf message"):
        walk(body)


def test_fields_of_a_large_message_are_counted_up_to_the_limit() -> None:
    """Counting says yes at the limit, no above it, and refuses what is no message."""
    assert count_fields(b"\x4a\x00" * 10, 10)
    assert not count_fields(b"\x4a\x00" * 11, 10)
    with pytest.raises(PermanentError):
        count_fields(b"\x4a", 10)
