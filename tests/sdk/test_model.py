"""Ids: derived from the span, readable back, UUIDv7 by the book."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_eventlog.model import (
    TAG_END,
    TAG_REQUEST,
    TAG_START,
    Phase,
    Status,
    derived_id,
    parse_uuid,
    uuid_int,
    uuid_text,
)
from tests.support.builders import event_log

SPAN_IDS = st.integers(1, 2**64 - 1)
STARTS = st.integers(1, 2**63 - 1)


@given(STARTS, SPAN_IDS, st.sampled_from([TAG_REQUEST, TAG_START, TAG_END]))
def test_an_id_is_a_uuid_of_version_7(start: int, span_id: int, tag: int) -> None:
    """RFC 9562: version 7, variant 10, the first 48 bits are the milliseconds."""
    made = uuid.UUID(uuid_text(uuid_int(start, span_id, tag)))
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == start // 1_000_000
    assert derived_id(start, span_id, tag) == str(made)


@given(STARTS, SPAN_IDS, st.sampled_from([TAG_REQUEST, TAG_START, TAG_END]))
def test_span_id_and_start_can_be_read_back(start: int, span_id: int, tag: int) -> None:
    """Nothing of the span id is lost in an id, nor the millisecond of its start."""
    parts = parse_uuid(uuid_text(uuid_int(start, span_id, tag)))
    assert (parts.start_unix_ms, parts.span_id, parts.tag) == (start // 1_000_000, span_id, tag)


def test_the_layout_is_the_specified_one() -> None:
    """The bits stand where section 1 of the specification puts them."""
    made = uuid_int(0x0123456789AB * 1_000_000, 0xFEDCBA9876543210, TAG_END)
    assert (
        f"{made:032x}" == "0123456789ab" + "7fed" + f"{0b10 << 62 | 0xCBA9876543210 << 10 | 2:016x}"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "0" * 36,
        "01a2075c-cf66-4000-8000-000000000801",
        "01a2075c-cf66-7000-8000-00000000080f",
    ],
)
def test_an_id_that_is_none_of_ours_is_refused(text: str) -> None:
    """Other UUIDs, other tags and other text raise ValueError."""
    with pytest.raises(ValueError, match="UUID"):
        parse_uuid(text)


def test_the_two_halves_share_the_request_and_differ_in_the_event() -> None:
    """A start and its outcome have one request id and two event ids, in order of time."""
    start, end = event_log(Status.START), event_log(Status.ERROR)
    assert start.request_id == end.request_id
    assert start.request_id < start.event_id < end.event_id
    assert (start.phase, end.phase) == (Phase.START, Phase.END)
