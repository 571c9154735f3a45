"""The wire: one table for both directions; what cannot be an event log is told why."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_eventlog import semconv
from otel_eventlog.errors import WireError
from otel_eventlog.model import EventLog, OutcomeSource, Rank, Status
from otel_eventlog.privacy import clean_event
from otel_eventlog.wire import (
    RESOURCE_ATTRIBUTES,
    TEXT_ATTRIBUTES,
    WireRecord,
    from_record,
    resource_of,
    to_record,
)
from tests.support.builders import NOW, event_log

WORDS = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=20)
HASHES = st.text("0123456789abcdef", min_size=32, max_size=64)
MAYBE = st.none() | WORDS


@st.composite
def event_logs(draw: st.DrawFn) -> EventLog:
    """Any event log as an application makes it."""
    status = draw(st.sampled_from(Status))
    start = draw(st.integers(1, 2**62))
    event = event_log(
        status,
        span_id=draw(st.integers(1, 2**64 - 1)),
        trace_id=draw(st.integers(1, 2**128 - 1)),
        parent_span_id=draw(st.integers(0, 2**64 - 1)),
        trace_sampled=draw(st.booleans()),
        start_unix_nano=start,
        time_unix_nano=start,
    )
    for name in TEXT_ATTRIBUTES:
        setattr(event, name, draw(WORDS if name in {"action", "category"} else MAYBE))
    event.session_token_hash = draw(st.none() | HASHES)
    for name in RESOURCE_ATTRIBUTES:
        setattr(event, name, draw(st.just("") | WORDS))
    if status is not Status.START:
        event.duration_ns = draw(st.integers(0, 2**60))
        event.time_unix_nano = start + event.duration_ns
        event.outcome_source = draw(st.sampled_from(OutcomeSource))
        event.http_status_code = draw(st.none() | st.integers(100, 599))
        event.attributes = draw(st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)))
    return clean_event(event)


@given(event_logs())
def test_an_event_log_survives_the_wire(event: EventLog) -> None:
    """What is written is what is read, field by field."""
    assert from_record(to_record(event), resource_of(event)) == event


def test_every_field_travels() -> None:
    """A field added to the model and forgotten on the wire fails here."""
    written = {
        "status",
        "span_id",
        "trace_id",
        "start_unix_nano",
        "time_unix_nano",
        "duration_ns",
        "parent_span_id",
        "trace_sampled",
        "outcome_source",
        "http_status_code",
        "attributes",
        *TEXT_ATTRIBUTES,
        *RESOURCE_ATTRIBUTES,
    }
    made_by_the_collector = {"observed_unix_nano", "clock_skewed", "rank"}
    assert {field.name for field in fields(EventLog)} == written | made_by_the_collector


def test_the_record_is_what_the_specification_says() -> None:
    """Event names, severities, conventions, and the ids that let an outcome stand alone."""
    error = to_record(event_log(Status.ERROR, error_type="expired", duration_ns=12_000_000))
    assert (error.event_name, error.severity_text) == ("eventlog.error", "WARN")
    assert to_record(event_log(Status.START)).severity_text == "INFO"
    assert error.attributes["eventlog.request_id"] == event_log().request_id
    assert error.attributes["eventlog.start_time_unix_nano"] == NOW
    assert error.attributes["error.type"] == "expired"
    assert error.body == "PasswordsAuthenticate error: expired (12.0 ms)"
    assert error.flags & 1
    assert {"eventlog.start", "eventlog.success", "eventlog.error"} == set(semconv.EVENT_NAMES)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"event_name": "other"}, "event name 'other'"),
        ({"span_id": 0}, "span id is missing"),
        ({"attributes": {"eventlog.action": None}}, "'eventlog.action' is missing"),
        ({"attributes": {"eventlog.start_time_unix_nano": None}}, "start of its request"),
        ({"attributes": {"eventlog.start_time_unix_nano": True}}, "is True"),
        ({"attributes": {"eventlog.start_time_unix_nano": 2**63}}, "integer of nanoseconds"),
        ({"attributes": {"eventlog.request_id": "x"}}, "make it"),
        ({"time_unix_nano": 2**64 - 1}, "beyond the year 2262"),
    ],
)
def test_what_cannot_be_an_event_log_is_told_why(changes: dict[str, Any], told: str) -> None:
    """Each refusal names the attribute and what belongs there."""
    record = to_record(event_log())
    attributes = {**record.attributes, **changes.pop("attributes", {})}
    record = replace(
        record, attributes={k: v for k, v in attributes.items() if v is not None}, **changes
    )
    with pytest.raises(WireError, match=told):
        from_record(record, {})


def test_a_start_may_leave_out_its_start_time() -> None:
    """Other programs write event logs too; a start's own time is its start."""
    record = to_record(event_log(Status.START))
    record.attributes = {"eventlog.action": "GetUser"}
    event = from_record(record, {})
    assert (event.start_unix_nano, event.category, event.rank) == (NOW, "users", Rank.APP)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *TEXT_ATTRIBUTES.values(),
                "eventlog.attributes",
                "eventlog.outcome_source",
                "eventlog.parent_span_id",
                "http.response.status_code",
            ]
        ),
        st.one_of(
            st.text(st.characters(codec=None)),
            st.integers(),
            st.floats(),
            st.lists(st.text()),
            st.dictionaries(st.text(), st.text()),
        ),
    )
)
def test_reading_is_total(attributes: dict[str, Any]) -> None:
    """Hostile attributes yield a bounded event log or WireError, never anything else."""
    base: dict[str, Any] = {"eventlog.start_time_unix_nano": NOW, **attributes}
    record = WireRecord("eventlog.error", NOW, 0, 1, 2, 0, 0, "", "", base)
    try:
        event = from_record(record, {})
    except WireError:
        return
    assert len(event.action) <= 512


def test_wrong_values_are_told_without_what_they_hold() -> None:
    """A refusal is logged and sent back: it quotes no secret, and no more than a few words."""
    record = to_record(event_log())
    for name in ("eventlog.request_id", "eventlog.start_time_unix_nano"):
        for value in (f"Bearer {'x' * 30}", ["s3cret"], {"a": "s3cret"}, "y" * 1000):
            changed = replace(record, attributes={**record.attributes, name: value})
            with pytest.raises(WireError) as caught:
                from_record(changed, {})
            assert "s3cret" not in str(caught.value)
            assert "xxx" not in str(caught.value)
            assert len(str(caught.value)) < 400
