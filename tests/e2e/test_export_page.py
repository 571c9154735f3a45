"""The commands of docs/export.md, run as they stand there."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_eventlog.model import Status
from otel_eventlog_collector.store import open_store
from tests.support import otlp_requests as otlp
from tests.support.builders import event_log
from tests.support.collector import COMMAND, Collector, clean_environment, query, serving
from tests.support.repository import ROOT

LOCAL = "http://127.0.0.1:4329"
PAGE = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ ")
]
ERASURE = "erase user-1"


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    """Run a collector on a directory with event logs of two users."""
    now = time.time_ns() - 3600 * 10**9
    store = open_store(tmp_path / "served")
    store.write(
        [
            event_log(
                status=Status.ERROR if number % 2 else Status.SUCCESS,
                span_id=number,
                start_unix_nano=now + number,
                time_unix_nano=now + number + 5,
                user_id=f"user-{number % 2}",
            )
            for number in range(1, 41)
        ]
    ).result(timeout=30)
    store.close()
    with serving(tmp_path / "served") as running:
        yield running


def run(line: str, collector: Collector, folder: Path) -> str:
    """Run a command of the page in a folder, as if the collector were at the default address.

    Nobody is there to confirm the erasure, so that is said beforehand.
    """
    directory = folder / "DIR"
    shown = line.replace(LOCAL, collector.http).replace("--data DIR", f"--data {directory}")
    shown = shown.replace(ERASURE, f"{ERASURE} --yes").replace("otel-eventlog", str(COMMAND))
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", shown],
        cwd=folder,
        env={**clean_environment(), "OTEL_EVENTLOG_COLLECTOR_URL": collector.http},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    return done.stdout


def test_every_command_does_what_the_page_says(collector: Collector, tmp_path: Path) -> None:
    """What is exported is imported again, files of a Collector too, and erased in the end."""
    start = time.time_ns() - 10**10
    times = {"start_time_unix_nano": start, "end_time_unix_nano": start + 10**6}
    spans = gzip.compress(otlp.as_json(otlp.traces([otlp.span(900, **times)])) + b"\n")
    (tmp_path / "traces.json.gz").write_bytes(spans)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "traces.json.gz").write_bytes(spans)
    assert len(COMMANDS) == 8
    for line in COMMANDS:
        shown = run(line, collector, tmp_path)
        if ERASURE in line:
            users = {row["user_id"] for row in query("--data", tmp_path / "DIR")}
            assert "user-0" in users
            assert "user-1" not in users
    assert "ImportEvents" in shown, "the last one shows what was done"
    week = [json.loads(line) for line in (tmp_path / "week.jsonl").read_text().splitlines()]
    assert {row["user_id"] for row in week} == {"user-0", "user-1"}
    errors = (tmp_path / "errors.csv").read_text().splitlines()
    assert len(errors) == 1 + 20
    classes = {
        json.loads(line)["class_uid"]
        for line in (tmp_path / "events.ocsf.jsonl").read_text().splitlines()
    }
    assert classes == {3002}
