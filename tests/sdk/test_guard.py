"""`guard`: our own faults are counted and logged now and then, and never reach the application."""

from __future__ import annotations

import logging
import re
import subprocess
import sys

import pytest

from otel_eventlog import guard
from tests.support.processes import plain_environment


def fail_once() -> None:
    """Let one fault be caught."""
    try:
        raise ValueError("ours")  # noqa: TRY301 - the point is to catch it
    except ValueError:
        guard.caught("a test")


def test_faults_are_counted_and_logged_once_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Three faults in a row are three in the count and one in the log."""
    monkeypatch.delenv("OTEL_EVENTLOG_RAISE", raising=False)
    monkeypatch.setattr(guard, "_next_log_s", 0.0)
    before = guard.faults()
    with caplog.at_level(logging.WARNING, "otel_eventlog"):
        for _ in range(3):
            fail_once()
    assert guard.faults() == before + 3
    assert len(caplog.records) == 1
    assert "a test" in caplog.text


def test_under_the_test_switch_faults_come_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_EVENTLOG_RAISE=1 lets tests see what would be hidden."""
    monkeypatch.setenv("OTEL_EVENTLOG_RAISE", "1")
    with pytest.raises(ValueError, match="ours"):
        fail_once()


def test_a_fault_is_logged_without_its_message(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Type and place are told; the message may quote what was being worked on."""
    monkeypatch.delenv("OTEL_EVENTLOG_RAISE", raising=False)
    monkeypatch.setattr(guard, "_next_log_s", 0.0)
    secret = "s3cr3t"
    with caplog.at_level(logging.WARNING, "otel_eventlog"):
        try:
            raise LookupError(secret)  # noqa: TRY301 - the point is to catch it
        except LookupError:
            guard.caught("a test")
    assert "builtins.LookupError" in caplog.text
    assert "test_guard.py" in caplog.text
    assert secret not in caplog.text


def test_a_fault_is_named_without_its_message() -> None:
    """One word and one place, for log lines that have no room for a traceback."""
    with pytest.raises(ValueError, match="s3cr3t") as caught:
        int("s3cr3t")
    assert re.fullmatch(r"ValueError \(test_guard\.py:\d+\)", guard.named(caught.value))
    assert guard.named(ValueError("s3cr3t")) == "ValueError"


def test_what_is_wrong_with_the_settings_is_told_where_nobody_set_logging_up() -> None:
    """Then it goes to standard error, once, as Python does it; faults of ours stay silent."""
    program = (
        "from otel_eventlog import guard, delivery\n"
        "import otel_eventlog.delivery.tally\n"
        "for _ in range(2):\n"
        "    guard.say_once('otel_eventlog is off: because')\n"
        "    try:\n"
        "        1 / 0\n"
        "    except ZeroDivisionError:\n"
        "        guard.caught('a test')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=plain_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == "otel_eventlog is off: because\n"
    assert done.stdout == ""


def test_who_sets_logging_up_gets_it_there(caplog: pytest.LogCaptureFixture) -> None:
    """With a handler in place, that handler has it, and standard error does not."""
    guard.say_once("otel_eventlog is off: because of a test of the guard")
    (record,) = caplog.records
    assert record.name == "otel_eventlog"
    assert record.levelno == logging.ERROR
