"""The collector's own log: one record cannot look like two, nor reach a terminal raw."""

from __future__ import annotations

import json
import logging
import re
import sys

import pytest

from otel_eventlog_collector.cli.log_lines import JsonLines, TextLines

FORGED = "x\r\n2026-11-27 10:00:00,000 INFO forged: all is well\x1b[2J\u202e\ud800"


def record(message: str, *arguments: object, with_error: bool = False) -> logging.LogRecord:
    """Return a record, with the error that is being handled if wanted."""
    error = sys.exc_info() if with_error else None
    return logging.LogRecord("here", logging.WARNING, "file", 1, message, arguments, error)


def test_a_record_cannot_look_like_two() -> None:
    """Only the first line of a record begins in the first column."""
    lines = TextLines().format(record("peer said %s", FORGED)).split("\n")
    assert [bool(re.match(r"\d{4}-", line)) for line in lines] == [True, False]
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", "".join(lines))


def test_json_is_one_line_a_record() -> None:
    """Whatever is in it, and read back it is what was said."""
    line = JsonLines().format(record("peer said %s", FORGED))
    assert line.isascii()
    assert line.isprintable()
    read = json.loads(line)
    assert set(read) == {"time", "level", "logger", "message"}
    assert (read["level"], read["logger"], read["message"]) == (
        "WARNING",
        "here",
        f"peer said {FORGED}",
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", read["time"])


def test_a_traceback_stays_with_its_record() -> None:
    """As a field of its own in JSON, indented as text."""
    with pytest.raises(ZeroDivisionError):
        1 / 0  # noqa: B018
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        failed = record("it failed", with_error=True)
    assert "ZeroDivisionError" in json.loads(JsonLines().format(failed))["traceback"]
    first, *further = TextLines().format(failed).split("\n")
    assert first.endswith("it failed")
    assert further
    assert all(line.startswith("    ") for line in further)
