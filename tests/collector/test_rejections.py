"""What was rejected can be looked at: who sent it, what was wrong, and no value of it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from otel_eventlog_collector.otlp.decode_json import decode_logs_json, decode_traces_json
from otel_eventlog_collector.otlp.decode_protobuf import (
    decode_logs_protobuf,
    decode_traces_protobuf,
)
from otel_eventlog_collector.otlp.rejected import (
    ATTRIBUTES_TOLD_MAX,
    REJECTED_TOLD_MAX,
    Rejected,
)
from otel_eventlog_collector.rejections import REJECTIONS_KEPT_MAX, RecentRejections
from tests.support import otlp_requests as otlp
from tests.support.receiving import post_traces, receiving

SECRET = "correct-horse-battery-staple"


def bad_span(**changes: Any) -> otlp.Span:
    """Return a span without a start time, whose attributes hold a secret."""
    told = {"http.route": "/login", "app.password": SECRET}
    return otlp.span(
        7, **({"start_time_unix_nano": 0, "attributes": otlp.key_values(told)} | changes)
    )


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
def test_a_rejected_span_is_told_without_its_values(encoding: str) -> None:
    """Reason, service, ids, names and sizes of attributes: enough to find who sent it."""
    request = otlp.traces([bad_span(), otlp.span(8)], service="shop")
    if encoding == "json":
        decoded = decode_traces_json(otlp.as_json(request))
    else:
        decoded = decode_traces_protobuf(request.SerializeToString())
    (told,) = decoded.rejected_told
    assert (told.reason, told.service) == ("start_time", "shop")
    assert "start time" in told.sentence
    assert (told.trace_id, told.span_id) == (f"{otlp.TRACE_ID:032x}", f"{7:016x}")
    assert set(told.attribute_bytes) == {"http.route", "app.password"}
    assert told.attribute_bytes["app.password"] >= len(SECRET)
    assert SECRET not in repr(decoded.rejected_told)


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
def test_a_rejected_event_log_is_told_what_to_mend(encoding: str) -> None:
    """A log record named like an event log, and none, says what it lacks."""
    record = otlp.LogRecord(
        event_name="eventlog.success",
        time_unix_nano=otlp.NOW,
        trace_id=otlp.TRACE_ID.to_bytes(16),
        span_id=(9).to_bytes(8),
        attributes=otlp.key_values({"app.password": SECRET}),
    )
    request = otlp.logs([record])
    if encoding == "json":
        decoded = decode_logs_json(otlp.as_json(request))
    else:
        decoded = decode_logs_protobuf(request.SerializeToString())
    (told,) = decoded.rejected_told
    assert (told.reason, told.service) == ("not_an_event_log", "shop")
    assert told.sentence
    assert told.span_id == f"{9:016x}"
    assert SECRET not in repr(told)


def test_what_cannot_be_parsed_is_told_as_far_as_it_can_be_read() -> None:
    """Bytes that are no span have a reason; those with wrong ids show what was sent."""
    short = otlp.span(1, trace_id=b"\1\2").SerializeToString()
    broken = b"\x0a\x10abc"
    huge = b"\x4a\x00" * 20_000
    body = otlp.traces_of_slices([broken, short, huge])
    decoded = decode_traces_protobuf(body)
    told = {each.reason: each for each in decoded.rejected_told}
    assert told["malformed"].span_id == ""
    assert told["trace_id"].trace_id == "0102"
    assert told["too_large"].attribute_bytes == {}


def test_hostile_records_are_told_in_bounds() -> None:
    """Thousands of bad records, or attributes, or ids of any length, take bounded room."""
    many = {f"name-{number}": number for number in range(900)}
    spans = [bad_span(span_id=b"\xff" * 400, attributes=otlp.key_values(many)) for _ in range(100)]
    body = otlp.traces(spans).SerializeToString()
    decoded = decode_traces_protobuf(body)
    assert decoded.rejected == 100
    assert len(decoded.rejected_told) == REJECTED_TOLD_MAX
    assert all(len(told.attribute_bytes) <= ATTRIBUTES_TOLD_MAX for told in decoded.rejected_told)
    assert all(len(told.span_id) <= 32 for told in decoded.rejected_told)
    odd = otlp.json_span(startTimeUnixNano="0", attributes=[7, {"key": [1]}, {"key": "a" * 9000}])
    (told,) = decode_traces_json(otlp.json_body({**odd, "traceId": {"x": 1}})).rejected_told
    assert told.trace_id == ""
    assert all(len(name) <= 128 for name in told.attribute_bytes)


def test_a_secret_in_an_attributes_name_is_not_kept() -> None:
    """Even a name may hold what must not be kept."""
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
    request = otlp.traces([bad_span(attributes=otlp.key_values({f"x {token}": 1}))])
    assert "eyJzdWIi" not in repr(decode_traces_protobuf(request.SerializeToString()).rejected_told)


def test_the_last_rejections_are_kept_newest_first() -> None:
    """Two hundred, whoever adds them at the same time; the time is the collector's."""
    rejections = RecentRejections(lambda: 42)
    threads = [
        threading.Thread(
            target=lambda: [
                rejections.add("grpc", "traces", [Rejected("malformed", str(number))])
                for number in range(150)
            ]
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rejections.add("http", "logs", [Rejected("too_deep", "last")])
    kept = rejections.recent()
    assert len(kept) == REJECTIONS_KEPT_MAX
    newest = kept[0]
    assert (newest.transport, newest.signal, newest.time_unix_nano) == ("http", "logs", 42)
    assert newest.record.sentence == "last"


def test_receivers_keep_what_they_reject() -> None:
    """A span refused over HTTP shows up, with its transport and signal."""
    body = otlp.traces([bad_span()]).SerializeToString()
    with receiving() as running:
        assert post_traces(running, body).status == 200
        (kept,) = running.intake.rejections.recent()
    assert (kept.transport, kept.signal, kept.record.reason) == ("http", "traces", "start_time")
