"""`otel-eventlog hash`: what to search for where a value is kept as a keyed hash."""

from __future__ import annotations

import os
import pty
import subprocess
import termios
from pathlib import Path

import pytest

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from tests.support.builders import span_data
from tests.support.collector import COMMAND, clean_environment
from tests.support.command import command
from tests.support.waiting import eventually

NEW, OLD = "n" * 32, "o" * 32


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """Return a key file after one rotation."""
    path = tmp_path / "hash.key"
    path.write_text(f"{NEW}\n{OLD}\n")
    return path


def test_it_prints_what_event_logs_hold_under_every_key(key_file: Path) -> None:
    """For an e-mail address, a phone number, an address and a token, current key first."""
    span = span_data(
        attributes={
            "user.id": "Ada@Example.com",
            "eventlog.client_id": "+49 170 1234567",
            "eventlog.session_token_hash": "t0ken",
        }
    )
    for line, key in enumerate((NEW, OLD)):
        privacy = Privacy(key.encode(), hash_client_address=True, hash_identifiers=True)
        event = Mapper(load_rule_set(), privacy, Rank.APP).map_span(span)[1]
        for value, held in (
            ("ada@example.com", event.user_id),
            ("+491701234567", event.client_id),
            ("192.0.2.7", event.client_address),
            ("t0ken", event.session_token_hash),
        ):
            done = command("hash", value, "--hash-key-file", key_file)
            assert (done.code, done.stdout.split()[line]) == (0, held)


def test_a_value_is_read_from_standard_input(key_file: Path) -> None:
    """A line that is piped in stays out of the shell's history; its end does not count."""
    piped = subprocess.run(
        [COMMAND, "hash"],
        input="ada@example.com\n",
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment(OTEL_EVENTLOG_HASH_KEY_FILE=str(key_file)),
        check=True,
    )
    assert piped.stdout == command("hash", "ada@example.com", "--hash-key-file", key_file).stdout


def test_at_a_terminal_it_asks_and_shows_nothing(key_file: Path) -> None:
    """What is typed is not echoed, and standard output holds the hashes alone."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, "hash", "--hash-key-file", key_file],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env=clean_environment(),
        start_new_session=True,  # or it would ask at the terminal of whoever runs the tests
    )
    try:
        assert eventually(lambda: not termios.tcgetattr(ours)[3] & termios.ECHO, within_s=60)
        os.write(ours, b"ada@example.com\n")
        printed, _ = process.communicate(timeout=60)
        os.write(theirs, b"END")
        shown = b""
        while b"END" not in shown:
            shown += os.read(ours, 1024)
    finally:
        process.kill()
        process.communicate()
        os.close(ours)
        os.close(theirs)
    assert printed == command("hash", "ada@example.com", "--hash-key-file", key_file).stdout
    assert b"ada@example.com" not in shown


def test_without_a_key_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, a missing file and a short key are mistakes of the user: exit code 2, with a hint."""
    for name in ("OTEL_EVENTLOG_HASH_KEY_FILE", "OTEL_EVENTLOG_COLLECTOR_HASH_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    short = tmp_path / "short"
    short.write_text("tiny")
    for words, told in (
        ((), "hashes need a key; give --hash-key-file FILE"),
        (("--hash-key-file", tmp_path / "gone"), "cannot be read"),
        (("--hash-key-file", short), "openssl rand -hex 32"),
    ):
        done = command("hash", "x", *words)
        assert done.code == 2
        assert told in done.stderr
