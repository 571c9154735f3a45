"""The lines of a spool segment: whatever is in the file, reading it ends and never raises."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_eventlog.delivery.segment import (
    PIECE_BYTES_MAX,
    header_line,
    read_field_names,
    read_piece,
    record_lines,
)
from tests.support.builders import event_log


@pytest.mark.parametrize("is_closed", [False, True])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.binary(max_size=300), after=st.binary(max_size=300))
def test_reading_ends_and_finds_the_good_line(
    before: bytes,
    after: bytes,
    is_closed: bool,  # noqa: FBT001 - the parameter of a test
    tmp_path: Path,
) -> None:
    """Among any bytes the good record is found, and reading goes forward until nothing is left."""
    good = event_log(span_id=0x5EED)
    path = tmp_path / "00000001.seg"
    path.write_bytes(header_line() + before + b"\n" + record_lines([good]) + after)
    fd = os.open(path, os.O_RDONLY)
    try:
        names = read_field_names(fd)
        offset, found = 0, []
        while True:
            piece = read_piece(fd, offset, path.stat().st_size, names, is_closed=is_closed)
            found += piece.events
            if piece.end == offset:
                break
            offset = piece.end
    finally:
        os.close(fd)
    assert good in found
    tail = after.rpartition(b"\n")[2]
    assert offset == path.stat().st_size - (0 if is_closed else len(tail))


def test_a_line_that_could_not_be_read_back_is_refused() -> None:
    """An event log longer than one read is refused when written, not lost when read."""
    with pytest.raises(ValueError, match="longer than"):
        record_lines([event_log(attributes={"x": "y" * PIECE_BYTES_MAX})])


def test_an_odd_attribute_value_is_written_as_text() -> None:
    """Bytes and other values that JSON does not know do not keep the record from the disk."""
    lines = record_lines([event_log(attributes={"raw": b"\x00\xff", "many": ("a", "b")})])
    assert lines.count(b"\n") == 1
    assert lines.isascii()


def test_a_structure_that_contains_itself_does_not_take_the_process_down() -> None:
    """An attribute no JSON can hold is an error that the caller catches, like any other."""
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(RecursionError):
        record_lines([event_log(attributes={"endless": endless})])
