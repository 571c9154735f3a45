"""Bytes become spans and event logs; what cannot be one is rejected alone."""

from __future__ import annotations

from typing import Any

import pytest

from otel_eventlog.model import SpanData, SpanEvent, Status
from otel_eventlog.rules import Match
from otel_eventlog_collector.limits import (
    ARRAY_ITEMS_MAX,
    ATTRIBUTE_CHARS_MAX,
    ATTRIBUTES_PER_RECORD_MAX,
    VALUE_DEPTH_MAX,
)
from otel_eventlog_collector.otlp.decode_json import decode_logs_json, decode_traces_json
from otel_eventlog_collector.otlp.decode_protobuf import (
    decode_logs_protobuf,
    decode_traces_protobuf,
)
from tests.support import otlp_requests as otlp
from tests.support.builders import event_log
from tests.support.otlp_requests import json_body, json_span


def both(*spans: Any) -> list[SpanData]:
    """Decode spans in both encodings, which must agree, and return them."""
    request = otlp.traces(spans)
    decoded = decode_traces_protobuf(request.SerializeToString())
    from_json = decode_traces_json(otlp.as_json(request))
    assert list(decoded.spans) == list(from_json.spans)
    assert decoded.reasons == from_json.reasons
    return list(decoded.spans)


def test_every_field_of_a_span_arrives() -> None:
    """A span's ids, times, kind, status, scope, resource and exception events are all there."""
    events = [
        {"name": "message", "time_unix_nano": 5},
        {"name": "exception", "attributes": otlp.key_values({"exception.type": "KeyError"})},
    ]
    (decoded,) = both(
        otlp.span(
            7,
            parent_span_id=(8).to_bytes(8),
            events=events,
            status={"code": 2, "message": "boom"},
            attributes=otlp.key_values(
                {"text": "täxt", "yes": True, "n": -5, "x": 0.5, "list": ["a", 1, False]}
            ),
        )
    )
    assert decoded == SpanData(
        trace_id=otlp.TRACE_ID,
        span_id=7,
        parent_span_id=8,
        name="POST /login",
        kind=2,
        start_unix_nano=otlp.NOW,
        end_unix_nano=otlp.NOW + 5_000_000,
        attributes={"text": "täxt", "yes": True, "n": -5, "x": 0.5, "list": ("a", 1, False)},
        resource={"service.name": "shop"},
        scope_name="tests",
        span_status=2,
        span_status_message="boom",
        events=(SpanEvent("exception", {"exception.type": "KeyError"}),),
        trace_sampled=True,
    )


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("trace_id", {"trace_id": b"\1" * 15}),
        ("trace_id", {"trace_id": bytes(16)}),
        ("trace_id", {"trace_id": b""}),
        ("span_id", {"span_id": b"\1" * 12}),
        ("span_id", {"span_id": bytes(8)}),
        ("parent_span_id", {"parent_span_id": b"\1" * 7}),
        ("start_time", {"start_time_unix_nano": 0}),
        ("out_of_range", {"start_time_unix_nano": 2**63}),
        ("out_of_range", {"end_time_unix_nano": 2**64 - 1}),
        (
            "too_many_attributes",
            {
                "attributes": otlp.key_values(
                    {str(n): n for n in range(1 + ATTRIBUTES_PER_RECORD_MAX)}
                )
            },
        ),
    ],
)
def test_a_bad_span_is_rejected_and_its_neighbours_are_kept(
    reason: str, changes: dict[str, Any]
) -> None:
    """One span that cannot be one costs only itself, in both encodings, and is counted."""
    request = otlp.traces([otlp.span(1), otlp.span(2, **changes), otlp.span(3)])
    for decoded in (
        decode_traces_protobuf(request.SerializeToString()),
        decode_traces_json(otlp.as_json(request)),
    ):
        assert [span.span_id for span in decoded.spans] == [1, 3]
        assert decoded.reasons == {reason: 1}
        assert (decoded.rejected, decoded.received) == (1, 3)
        assert decoded.error_message.startswith("1 of 3 spans rejected: 1 because ")


def test_wrong_utf8_costs_one_span() -> None:
    """One invalid byte in one span's text rejects that span, in both encodings."""
    good, bad = otlp.span(1).SerializeToString(), otlp.span(2).SerializeToString()
    bad = bad.replace(b"/login", b"/\xff\xfein")
    decoded = decode_traces_protobuf(otlp.traces_of_slices([good, bad, good]))
    assert (len(decoded.spans), decoded.reasons) == (2, {"malformed": 1})
    text = json_body(json_span(), json_span(name="/login"), json_span())
    decoded = decode_traces_json(text.replace(b"/login", b"/\xff\xfein"))
    assert (len(decoded.spans), decoded.reasons) == (2, {"malformed": 1})


@pytest.mark.parametrize("depth", [VALUE_DEPTH_MAX + 1, 49, 1_000, 100_000])
def test_too_deep_nesting_costs_one_span(depth: int) -> None:
    """A value nested beyond the limit rejects its span, without a RecursionError, at any depth."""
    good = otlp.span(1).SerializeToString()
    value = b"\x0a\x01a"
    for _ in range(min(depth, 2_000)):
        array = b"\x0a" + _varint(len(value)) + value
        value = b"\x2a" + _varint(len(array)) + array
    pair = b"\x0a\x01k\x12" + _varint(len(value)) + value
    bad = good + b"\x4a" + _varint(len(pair)) + pair
    decoded = decode_traces_protobuf(otlp.traces_of_slices([good, bad, good]))
    assert (len(decoded.spans), decoded.rejected) == (2, 1)

    deep = '{"arrayValue":{"values":[' * depth + '{"stringValue":"a"}' + "]}}" * depth
    attributes = '"attributes":[{"key":"k","value":' + deep + "}],"
    whole = json_body(json_span(), json_span(name="deep"), json_span()).decode()
    whole = whole.replace('"name": "deep"', attributes + '"name":"deep"')
    decoded = decode_traces_json(whole.encode())
    assert (len(decoded.spans), decoded.reasons) == (2, {"too_deep": 1})


def test_a_value_at_the_deepest_level_is_kept() -> None:
    """Nesting up to the limit is legal, in both encodings."""
    value: Any = "leaf"
    for _ in range(VALUE_DEPTH_MAX - 1):
        value = {"k": value}
    (decoded,) = both(otlp.span(1, attributes=otlp.key_values({"deep": value, "a": 1})))
    assert decoded.attributes == {"a": 1}


def test_unknown_enum_values_are_ignored_in_protobuf_too() -> None:
    """A kind or status that came later counts as unspecified."""
    pair = otlp.span().SerializeToString() + b"\x30\x63" + b"\x7a\x02\x18\x11"
    (decoded,) = decode_traces_protobuf(otlp.traces_of_slices([pair])).spans
    assert (decoded.kind, decoded.span_status) == (0, 0)


def test_doubles_in_protobuf_are_made_harmless() -> None:
    """NaN and infinities become the same text as from JSON."""
    attributes = otlp.key_values({"nan": float("nan"), "inf": float("inf"), "z": -0.0})
    (decoded,) = both(otlp.span(1, attributes=attributes))
    assert decoded.attributes == {"nan": "NaN", "inf": "Infinity", "z": 0.0}


def test_long_values_are_cut() -> None:
    """Long text and long arrays are cut, large values that are no text left out."""
    attributes = {
        "long": "x" * (ATTRIBUTE_CHARS_MAX + 1),
        "huge": "é" * 70_000,
        "list": list(range(ARRAY_ITEMS_MAX + 1)),
        "bytes": bytes(70_000),
    }
    (decoded,) = both(otlp.span(1, attributes=otlp.key_values(attributes)))
    assert decoded.attributes == {
        "long": "x" * ATTRIBUTE_CHARS_MAX,
        "huge": "é" * ATTRIBUTE_CHARS_MAX,
        "list": tuple(range(ARRAY_ITEMS_MAX)),
    }


def test_of_a_repeated_attribute_the_last_one_holds() -> None:
    """Duplicate keys are decided the same way in both encodings."""
    pairs = otlp.key_values({"a": 1}) + otlp.key_values({"a": 2})
    (decoded,) = both(otlp.span(1, attributes=pairs))
    assert decoded.attributes == {"a": 2}


def test_a_span_without_end_time_ends_at_its_start() -> None:
    """An exported span has ended, even where its sender left out when."""
    (decoded,) = both(otlp.span(1, end_time_unix_nano=0))
    assert decoded.end_unix_nano == decoded.start_unix_nano


def test_unwanted_spans_are_counted_and_not_built() -> None:
    """The rules see kind, attributes and scope; what they refuse is accepted, not rejected."""
    request = otlp.traces([otlp.span(1), otlp.span(2, kind=1), otlp.span(3)])
    login = Match("Login", None)

    def recognise(kind: int, attributes: Any, scope: str) -> Match | None:
        is_one = kind == 2 and attributes["user.id"] != "u-3" and scope == "tests"
        return login if is_one else None

    for decoded in (
        decode_traces_protobuf(request.SerializeToString(), recognise),
        decode_traces_json(otlp.as_json(request), recognise),
    ):
        assert [span.span_id for span in decoded.spans] == [1]
        assert list(decoded.matches) == [login]
        assert (decoded.unwanted, decoded.rejected, decoded.received) == (2, 0, 3)


def test_event_logs_round_trip_through_both_encodings() -> None:
    """What an application sends is the same event log whichever way it comes."""
    events = [
        event_log(Status.START, span_id=5),
        event_log(
            Status.ERROR,
            span_id=5,
            error_type="invalid_credentials",
            user_id="u-1",
            attributes={"plan": "pro", "n": 5},
        ),
        event_log(Status.SUCCESS, span_id=6, trace_id=0),
    ]
    request = otlp.logs_of(events)
    decoded = decode_logs_protobuf(request.SerializeToString())
    assert [event.event_id for event in decoded.events] == [event.event_id for event in events]
    assert [event.attributes for event in decoded.events] == [{}, {"plan": "pro", "n": 5}, {}]
    assert decoded.rejected == 0
    assert list(decode_logs_json(otlp.as_json(request)).events) == list(decoded.events)


def test_log_records_that_are_no_event_logs_are_accepted_and_dropped() -> None:
    """Anybody's log records may come; they are counted, not rejected."""
    foreign = otlp.LogRecord(body=otlp.any_value("hello"), span_id=b"\1", event_name="other")
    request = otlp.logs([foreign, otlp.LogRecord()])
    for decoded in (
        decode_logs_protobuf(request.SerializeToString()),
        decode_logs_json(otlp.as_json(request)),
    ):
        assert (len(decoded.events), decoded.foreign, decoded.rejected) == (0, 2, 0)


def test_an_event_log_with_a_wrong_request_id_is_rejected() -> None:
    """A request id that does not follow from span id and start time is refused, with the reason."""
    request = otlp.logs_of([event_log(), event_log(span_id=9)])
    record = request.resource_logs[0].scope_logs[0].log_records[0]
    record.span_id = (77).to_bytes(8)
    for decoded in (
        decode_logs_protobuf(request.SerializeToString()),
        decode_logs_json(otlp.as_json(request)),
    ):
        assert [event.span_id for event in decoded.events] == [9]
        assert decoded.reasons == {"not_an_event_log": 1}
        assert "eventlog.request_id" in decoded.error_message


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
