"""OTLP JSON: its own notation of ids and numbers, and everything that text can do to a parser."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_eventlog.limits import INT64_MAX
from otel_eventlog_collector.errors import PermanentError
from otel_eventlog_collector.otlp.decode_json import decode_traces_json
from otel_eventlog_collector.otlp.decode_protobuf import decode_traces_protobuf
from tests.support import otlp_requests as otlp
from tests.support.otlp_requests import json_body, json_span


def json_attribute(value: Any) -> Any:
    """Return what one JSON attribute value is decoded to."""
    span = json_span(attributes=[{"key": "a", "value": value}])
    (decoded,) = decode_traces_json(json_body(span)).spans
    return decoded.attributes.get("a")


def test_deep_nesting_in_unknown_places_is_no_error() -> None:
    """What would be ignored anyway is ignored at any depth; at the top it is a clear 400."""
    deep = "[" * 100_000 + "]" * 100_000
    body = json_body(json_span()).decode()
    assert len(decode_traces_json(f'{{"new":{deep},{body[1:]}'.encode()).spans) == 1
    with pytest.raises(PermanentError):
        decode_traces_json(deep.encode())


@pytest.mark.parametrize("change", [str.upper, str.lower])
def test_json_ids_are_hex_of_either_case(change: Any) -> None:
    """Upper-case and lower-case hex ids are the same ids."""
    request = otlp.traces([otlp.span(0xABCDEF)])
    (decoded,) = decode_traces_json(otlp.as_json(request, change)).spans
    assert (decoded.trace_id, decoded.span_id) == (otlp.TRACE_ID, 0xABCDEF)


@pytest.mark.parametrize(
    "trace_id",
    [
        "ASNFZ4mrze8BI0VniavN7w==",
        "0x23456789abcdef0123456789abcdef",
        " 123456789abcdef0123456789abcde ",
        "0123_456789abcdef0123456789abcde",
        "\N{ARABIC-INDIC DIGIT ZERO}123456789abcdef0123456789abcdef",
        5,
        ["a"],
    ],
)
def test_json_ids_in_another_notation_are_rejected(trace_id: Any) -> None:
    """Base64 and everything else that is not 32 hex digits is a wrong trace id, not another one."""
    decoded = decode_traces_json(json_body(json_span(traceId=trace_id)))
    assert decoded.reasons == {"trace_id": 1}


@pytest.mark.parametrize("time", [otlp.NOW, str(otlp.NOW), float(2**60)])
def test_json_times_are_strings_or_numbers(time: Any) -> None:
    """64-bit integers come as strings from most senders, as numbers from some."""
    (decoded,) = decode_traces_json(json_body(json_span(startTimeUnixNano=time))).spans
    assert decoded.start_unix_nano == int(time)


@pytest.mark.parametrize(
    "time", ["soon", "1e9", "\N{ARABIC-INDIC DIGIT ONE}", -1, True, 1.5, {}, "9" * 30, 10**30]
)
def test_json_times_that_are_none_are_rejected(time: Any) -> None:
    """Text, fractions, booleans and numbers out of range are no times."""
    decoded = decode_traces_json(json_body(json_span(startTimeUnixNano=time), json_span()))
    assert (len(decoded.spans), decoded.rejected) == (1, 1)


def test_json_of_tomorrow_is_understood_today() -> None:
    """Unknown keys, unknown enum values, nulls and unknown kinds of values are ignored."""
    span = json_span(
        kind=99,
        status={"code": 17, "novel": {}},
        novel=[{"a": [1, None]}],
        parentSpanId=None,
        attributes=[
            {"key": "a", "value": {"stringValue": "x", "novel": 1}},
            {"key": "b", "value": {"novelValue": 1}},
            {"key": "c", "value": None},
        ],
    )
    (decoded,) = decode_traces_json(json_body(span)).spans
    assert (decoded.kind, decoded.span_status, decoded.attributes) == (0, 0, {"a": "x"})


def test_json_enum_names_are_taken() -> None:
    """Protobuf's own JSON writers give enums as names."""
    span = json_span(kind="SPAN_KIND_CLIENT", status={"code": "STATUS_CODE_ERROR"})
    (decoded,) = decode_traces_json(json_body(span)).spans
    assert (decoded.kind, decoded.span_status) == (3, 2)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"stringValue": "a\0b"}, "a\ufffdb"),
        ({"intValue": "9223372036854775807"}, INT64_MAX),
        ({"intValue": 9223372036854775808}, "9223372036854775808"),
        ({"intValue": "9223372036854775808"}, "9223372036854775808"),
        ({"intValue": -5}, -5),
        ({"intValue": "-5"}, -5),
        ({"doubleValue": "NaN"}, "NaN"),
        ({"doubleValue": "-Infinity"}, "-Infinity"),
        ({"doubleValue": 1}, 1.0),
        ({"doubleValue": "1.5"}, 1.5),
        ({"bytesValue": "AAAA"}, None),
        ({"kvlistValue": {"values": [{"key": "a"}]}}, None),
        ({"arrayValue": {}}, ()),
        ({}, None),
    ],
)
def test_json_values_are_made_harmless(value: Any, kept: Any) -> None:
    """What a database or a browser cannot take becomes text; maps and bytes are left out."""
    decoded = json_attribute(value)
    assert (decoded, type(decoded)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("literal", "kept"),
    [
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("1e999", "Infinity"),
        ("9" * 5_000, "Infinity"),
    ],
)
def test_json_numbers_no_database_takes_become_text(literal: str, kept: str) -> None:
    """Bare NaN, overflowing floats and 5,000-digit integers pass, as text."""
    body = json_body(json_span(attributes=[{"key": "a", "value": {"doubleValue": 7777}}]))
    (decoded,) = decode_traces_json(body.replace(b"7777", literal.encode())).spans
    assert decoded.attributes == {"a": kept}


@pytest.mark.parametrize(
    "value",
    [
        {"intValue": "--5"},
        {"intValue": "-"},
        {"intValue": "five"},
        {"intValue": 1.5},
        {"intValue": True},
        {"boolValue": "true"},
        {"doubleValue": "x"},
        {"doubleValue": []},
        {"stringValue": 5},
        {"bytesValue": 5},
        {"arrayValue": []},
        {"arrayValue": {"values": {}}},
        {"kvlistValue": {"values": [5]}},
        5,
        "text",
        [],
    ],
)
def test_json_values_of_a_wrong_type_cost_their_span(value: Any) -> None:
    """A value that is not what its key says makes its span malformed, and only that one."""
    bad = json_span(attributes=[{"key": "a", "value": value}])
    decoded = decode_traces_json(json_body(json_span(), bad))
    assert (len(decoded.spans), decoded.reasons) == (1, {"malformed": 1})


def test_lone_surrogates_become_replacement_characters() -> None:
    """An escaped lone surrogate is legal JSON and would explode at the database."""
    body = json_body(json_span(name="XX")).replace(b"XX", rb"a\ud800b \ud83d\ude00")
    (decoded,) = decode_traces_json(body).spans
    assert decoded.name.encode()
    assert (decoded.name[0], "\ufffd" in decoded.name) == ("a", True)
    assert decoded.name.endswith("b \U0001f600")


def test_a_malformed_resource_costs_its_own_spans_only() -> None:
    """Spans of a resource that cannot be read are rejected, those of the next one kept."""
    good = json.loads(json_body(json_span()))["resourceSpans"][0]
    document = {"resourceSpans": [good | {"resource": {"attributes": 5}}, good]}
    decoded = decode_traces_json(json.dumps(document).encode())
    assert (len(decoded.spans), decoded.reasons) == (1, {"malformed": 1})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"5",
        b"{",
        b'{"resourceSpans":5}',
        b'{"resourceSpans":[5]}',
        b"\x0a\x00",
        b"{} x",
    ],
)
def test_what_is_no_request_in_json_is_refused(body: bytes) -> None:
    """A body of another shape is a permanent error that says where and what was expected."""
    with pytest.raises(PermanentError, match="expected at character"):
        decode_traces_json(body)


@pytest.mark.parametrize("body", [b"{}", b' {"resourceSpans":[]} ', b'{"resourceSpans":null}'])
def test_an_empty_request_is_no_error(body: bytes) -> None:
    """No spans at all is a success."""
    assert decode_traces_json(body).received == 0
    assert decode_traces_protobuf(b"").received == 0
