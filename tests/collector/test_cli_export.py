"""`otel-eventlog export`: every format from either place, and what was cut short goes on."""

from __future__ import annotations

import os
import pty
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_eventlog.model import EventLog
from otel_eventlog_collector.cli.resuming import end_of_export
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.insight.export import FORMATS
from otel_eventlog_collector.store import open_store
from tests.support.builders import event_log
from tests.support.collector import COMMAND, Collector, clean_environment, ready, serving, start
from tests.support.command import command
from tests.support.crowd import some_requests

REQUESTS = 700


def nasty(events: list[EventLog]) -> list[EventLog]:
    """Give some of them texts with line ends, quotes and things that look like the next row."""
    for number, event in enumerate(events):
        if number % 5 == 0:
            event.error_message = f'"\r\n{event.event_id},"x"\n,{number}"'
    return events


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A collector on a directory with more than one page of event logs."""
    import time

    data = tmp_path_factory.mktemp("export") / "data"
    store = open_store(data)
    store.write(
        nasty(some_requests(REQUESTS, begin_unix_nano=time.time_ns() - 3 * 10**12))
    ).result()
    store.close()
    with serving(data) as collector:
        yield collector


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_every_format_is_the_same_from_either_place(
    filled: Collector, tmp_path: Path, form: str
) -> None:
    """To a file or a pipe, over the network or from disk."""
    printed = command("export", "--format", form, "--url", filled.http)
    assert printed.code == 0, printed.stderr
    file = tmp_path / "file"
    assert command("export", "--format", form, "--data", filled.data, "-o", file).code == 0
    assert file.read_bytes().decode() == printed.stdout
    assert len(printed.stdout.splitlines()) >= 2 * REQUESTS


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_an_export_that_was_cut_short_goes_on(filled: Collector, tmp_path: Path, form: str) -> None:
    """Cut anywhere, in the head, in a row, in a value: the file ends up the same."""
    whole = tmp_path / "whole"
    words = ("export", "--format", form, "--data", filled.data)
    assert command(*words, "-o", whole).code == 0
    content = whole.read_bytes()
    for cut in (0, 3, len(content) // 3, len(content) * 2 // 3, len(content) - 1, len(content)):
        part = tmp_path / f"part-{cut}"
        part.write_bytes(content[:cut])
        done = command(*words, "-o", part, "--resume")
        assert done.code == 0, done.stderr
        assert part.read_bytes() == content, cut


def test_every_place_to_cut_is_a_good_one(tmp_path: Path) -> None:
    """Wherever a file ends, what counts as whole is the rows before."""
    events = nasty(some_requests(6))
    for form in FORMATS.values():
        rows = [form.text(event_json(event)).encode() for event in events]
        content = form.head.encode() + b"".join(rows)
        ends = {0: None}
        size = len(form.head.encode())
        for row, event in zip(rows, events, strict=True):
            size += len(row)
            ends[size] = event.event_id
        file = tmp_path / "file"
        for cut in range(0, len(content) + 1, 31):
            file.write_bytes(content[:cut])
            whole = max(end for end in ends if end <= cut)
            assert end_of_export(file, form) == (whole, ends[whole])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--resume",), "--output FILE"),
        (("--resume", "-o", "missing"), "cannot be read"),
        (("--resume", "-o", "other"), "no export in this format"),
        (("-o", "other"), "--resume"),
    ],
)
def test_what_cannot_be_resumed_is_told(
    filled: Collector, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    """Exit code 2, and the file is as it was."""
    other = tmp_path / "other"
    other.write_text("something else\nentirely\n")
    placed = [tmp_path / word if word in ("missing", "other") else word for word in words]
    done = command("export", "--data", filled.data, *placed)
    assert done.code == 2
    assert told in done.stderr
    assert other.read_text() == "something else\nentirely\n"


def test_a_bar_is_shown_on_a_terminal_only(filled: Collector, tmp_path: Path) -> None:
    """People see how far it is; a log file sees the last line only."""
    main, side = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, "export", "--data", filled.data, "-o", tmp_path / "file"],
        stderr=side,
        env=clean_environment(TERM="xterm-256color", COLUMNS="100"),
    )
    os.close(side)
    shown = b""
    while part := _read(main):
        shown += part
    assert process.wait(20) == 0
    os.close(main)
    assert b"Exporting" in shown
    assert b"event logs" in shown
    quiet = command("export", "--data", filled.data, "-o", tmp_path / "other")
    assert "Exporting" not in quiet.stderr
    assert len(quiet.stderr.splitlines()) == 1


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def test_an_export_that_breaks_is_no_success(filled: Collector, tmp_path: Path) -> None:
    """If the collector dies in the middle, the exit code says so and the file can be resumed."""
    data = tmp_path / "data"
    store = open_store(data)
    begin = time.time_ns() - 3 * 10**12
    many = [
        event_log(
            span_id=n,
            start_unix_nano=begin + n,
            time_unix_nano=begin + n,
            attributes={"note": "x" * 4000},
        )
        for n in range(1, 6001)
    ]
    for at in range(0, len(many), 1000):
        store.write(many[at : at + 1000]).result()
    store.close()
    file = tmp_path / "file"
    collector = ready(start(data), data)
    with subprocess.Popen(
        [COMMAND, "export", "--url", collector.http],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=clean_environment(),
    ) as process:
        assert process.stdout is not None
        first = process.stdout.read(500_000)
        collector.process.kill()
        file.write_bytes(first + process.stdout.read())
    collector.process.communicate()
    assert process.returncode == 1
    assert 0 < len(file.read_text().splitlines()) < len(many)
    done = command("export", "--data", data, "-o", file, "--resume")
    assert done.code == 0, done.stderr
    assert len(file.read_text().splitlines()) == len(many)
