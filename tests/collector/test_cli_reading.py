"""The reading commands as users run them: real processes, on a directory and on a collector."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from otel_eventlog.model import EventLog, OutcomeSource, Status
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.store import open_store
from tests.support.builders import event_log
from tests.support.collector import COMMAND, Collector, clean_environment, query, serving
from tests.support.command import command
from tests.support.crowd import some_requests
from tests.support.waiting import eventually

REQUESTS = 600
EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202eevil\u2066\x7f"


@dataclass(frozen=True)
class Filled:
    """A directory with event logs, and a collector that serves it.

    Attributes:
        events: what was stored, newest first, as the JSON that must come out.
        collector: the collector.
        outcome: a failed login with attributes, in a trace of its own.
        evil: a request whose texts are full of terminal escapes.

    """

    events: list[dict[str, object]]
    collector: Collector
    outcome: EventLog
    evil: EventLog

    @property
    def both(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """The two ways to say where to read."""
        return ("--data", str(self.collector.data)), ("--url", self.collector.http)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A collector on a directory that was filled before it started."""
    data = tmp_path_factory.mktemp("cli") / "data"
    now = time.time_ns()
    begin = now - 3_000 * 10**9
    crowd = some_requests(REQUESTS, begin_unix_nano=begin)
    ours = {"start_unix_nano": begin, "span_id": 4711, "trace_id": 0xFEED}
    start = event_log(Status.START, time_unix_nano=begin, **ours)
    outcome = event_log(
        Status.ERROR,
        **ours,
        time_unix_nano=begin + 12_345_678,
        duration_ns=12_345_678,
        user_id="pair",
        outcome_source=OutcomeSource.RULE,
        error_type="invalid_credentials",
        http_status_code=200,
        attributes={"tenant": "acme"},
    )
    evil = event_log(
        span_id=4712,
        trace_id=0xFEED,
        start_unix_nano=begin + 10**9,
        time_unix_nano=begin + 2 * 10**9,
        action="Evil" + EVIL,
        user_id="evil" + EVIL,
        error_type=EVIL,
        error_message=EVIL,
        user_agent=EVIL,
        service=EVIL,
        attributes={"key" + EVIL: EVIL},
    )
    store = open_store(data)
    store.write([*crowd, start, outcome, evil]).result()
    rows = [event_json(event) for event in [*crowd, start, outcome, evil]]
    store.close()
    rows.sort(key=lambda row: (row["time_unix_nano"], row["event_id"]), reverse=True)
    with serving(data) as collector:
        yield Filled(rows, collector, outcome, evil)


def found_by(*words: object) -> list[dict[str, object]]:
    """Return the event logs that `query --json` prints."""
    done = command("query", "--json", *words)
    assert done.code == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def without_observed(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Leave out when the collector received them, which these never were."""
    return [{k: v for k, v in row.items() if k != "observed_time"} for row in rows]


def test_query_json_prints_everything(filled: Filled) -> None:
    """Without --limit every stored event log comes out, newest first, from either place."""
    for where in filled.both:
        assert without_observed(query(*where)) == without_observed(filled.events)


def test_query_takes_the_filters_of_the_api(filled: Filled) -> None:
    """Filters are options: repeated for OR, star for a prefix, != for not; q and times beside."""
    options = ("--action", "Passwords*", "--user-id", "u-1", "--user-id", "u-2", "--status!=error")
    expected = [
        row
        for row in filled.events
        if str(row["action"]).startswith("Passwords")
        and row["user_id"] in ("u-1", "u-2")
        and row["status"] != "error"
    ]
    for where in filled.both:
        found = found_by(*where, *options, "--since", "-2h", "--q", "-status:start")
        assert without_observed(found) == without_observed(expected)
    assert found_by(*filled.both[0], "--until", "-2h") == []
    oldest = found_by(*filled.both[0], "--order", "asc", "--limit", "3")
    assert [row["event_id"] for row in oldest] == [
        row["event_id"] for row in reversed(filled.events[-3:])
    ]


def test_the_table_is_plain_when_piped_and_the_same_from_either_place(filled: Filled) -> None:
    """A hundred lines by default, a heading, and not one escape sequence."""
    tables = [command("query", *where).stdout for where in filled.both]
    assert tables[0] == tables[1]
    lines = tables[0].splitlines()
    assert lines[0].split()[:3] == ["TIME", "STATUS", "ACTION"]
    assert len(lines) == 101
    assert all(
        row["request_id"] in line
        for row, line in zip(filled.events[:100], lines[1:], strict=True)
        for row in [{k: str(v) for k, v in row.items()}]
    )
    assert len(command("query", *filled.both[0], "--all").stdout.splitlines()) == 1 + len(
        filled.events
    )


@pytest.mark.parametrize(
    "typed",
    [
        ("query", "--user-id", "evil*"),
        ("query", "--user-id", "evil*", "--json"),
        ("show", "ID"),
        ("show", "ID", "--json"),
        ("stats", "--user-id", "evil*"),
        ("actions", "--user-id", "evil*"),
        ("export", "--user-id", "evil*"),
    ],
    ids=" ".join,
)
def test_no_stored_control_character_reaches_the_terminal(
    filled: Filled, typed: tuple[str, ...]
) -> None:
    """Escapes, bells, returns and writing-direction marks are spelled out in every output."""
    words = [filled.evil.request_id if word == "ID" else word for word in typed]
    done = command(*words, *filled.both[0])
    assert done.code == 0, done.stderr
    assert "evil" in done.stdout
    bad = {letter for letter in done.stdout if letter in EVIL and not letter.isalnum()}
    assert bad - set(";[]") == set()
    assert not [c for c in done.stdout if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0]


def test_colours_are_for_terminals(filled: Filled) -> None:
    """On a terminal the status is coloured, and still nothing that was stored can act on it."""
    leader, follower = pty.openpty()
    done = subprocess.run(
        [COMMAND, "query", *filled.both[0], "--user-id", "evil*"],
        stdout=follower,
        stderr=subprocess.DEVNULL,
        env=clean_environment(TERM="xterm-256color", COLUMNS="200"),
        check=True,
        timeout=60,
    )
    os.close(follower)
    shown = os.read(leader, 65_536).decode()
    os.close(leader)
    assert done.returncode == 0
    assert "\x1b[32msuccess" in shown
    assert "\x1b]0;" not in shown
    assert "\x07" not in shown


def test_show_tells_the_whole_request(filled: Filled) -> None:
    """The pair, its duration, why it ended so, the trace's link and the trace's other requests."""
    shown = [command("show", filled.outcome.request_id, *where).stdout for where in filled.both]
    assert shown[0] == shown[1]
    for wanted in (
        filled.outcome.request_id,
        filled.outcome.event_id,
        "start ",
        "error ",
        "12.3 ms",
        "because a condition of the matching rule",
        "invalid_credentials",
        f"http://localhost:16686/trace/{0xFEED:032x}",
        "attributes.tenant",
        "Other requests of the same trace",
        filled.evil.request_id,
    ):
        assert wanted in shown[0]


def test_show_takes_a_trace_url_and_prints_json(filled: Filled) -> None:
    """The link's template is an option; with --json the two halves come out as lines."""
    template = "https://tempo.example/{trace_id}"
    for where in filled.both:
        shown = command("show", filled.outcome.request_id, *where, "--trace-url", template).stdout
        assert f"https://tempo.example/{0xFEED:032x}" in shown
        lines = command("show", filled.outcome.request_id, *where, "--json").stdout.splitlines()
        assert [json.loads(line)["status"] for line in lines] == ["start", "error"]


def test_stats_and_actions_are_the_same_from_either_place(filled: Filled) -> None:
    """Counts read from disk equal those that the collector answers."""
    for words in (("actions",), ("actions", "--json"), ("actions", "--seen")):
        outputs = [command(*words, *where) for where in filled.both]
        assert [done.code for done in outputs] == [0, 0]
        assert outputs[0].stdout == outputs[1].stdout
        assert "PasswordsAuthenticate" in outputs[0].stdout
    (line,) = command("stats", *filled.both[1], "--json").stdout.splitlines()
    found = json.loads(line)
    assert found["store"]["events"] == len(filled.events)
    counted = [sum(bucket["counts"].values()) for bucket in found["histogram"]["buckets"]]
    assert sum(counted) == len(filled.events)
    assert f"{len(filled.events):,} event logs" in command("stats", *filled.both[0]).stdout


def test_export_and_import_round_trip(filled: Filled, tmp_path: Path) -> None:
    """What is exported and imported into an empty directory exports as the same bytes."""
    exported = [command("export", *where).stdout for where in filled.both]
    assert exported[0] == exported[1]
    assert len(exported[0].splitlines()) == len(filled.events)
    file = tmp_path / "all.jsonl"
    assert command("export", *filled.both[0], "-o", file).code == 0
    assert file.read_text() == exported[0]
    assert command("export", *filled.both[0], "-o", file).code == 2
    copy = tmp_path / "copy"
    done = command("import", file, "--data", copy)
    assert done.code == 0, done.stderr
    # The import itself is recorded, as everything that an admin does.
    assert command("export", "--data", copy, "--action!=ImportEvents").stdout == exported[0]
    assert [each["status"] for each in found_by("--data", copy, "--category", "dashboard")] == [
        "success",
        "start",
    ]
    assert "0 event logs stored" in command("import", file, "--data", copy).stderr
    as_csv = command("export", "--format", "csv", *filled.both[1]).stdout
    rows = list(csv.DictReader(io.StringIO(as_csv)))
    assert len(rows) == len(filled.events)


def test_a_reader_that_leaves_early_is_no_error(filled: Filled) -> None:
    """`otel-eventlog query | head` ends quietly."""
    process = subprocess.Popen(
        [COMMAND, "query", "--json", *filled.both[0]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(30) == 0
    told = process.stderr.read()
    process.stderr.close()
    assert told == ""


@pytest.mark.parametrize("place", [0, 1], ids=["data", "url"])
def test_tail_shows_what_is_committed_from_now_on(
    tmp_path: Path, place: int, request: pytest.FixtureRequest
) -> None:
    """Tail prints each event log once, as it is committed, and Ctrl-C ends it with 0."""
    import httpx

    with serving(tmp_path / "data") as collector:
        where = (("--data", str(collector.data)), ("--url", collector.http))[place]
        process = subprocess.Popen(
            [COMMAND, "tail", "--json", *where],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean_environment(),
        )
        request.addfinalizer(process.kill)
        assert process.stdout is not None
        assert process.stderr is not None
        assert "Waiting" in process.stderr.readline()
        now = time.time_ns()
        for number in range(3):
            span = {
                "traceId": f"{number + 1:032x}",
                "spanId": f"{number + 1:016x}",
                "name": "POST /login",
                "kind": 2,
                "startTimeUnixNano": str(now),
                "endTimeUnixNano": str(now + 10**6),
                "attributes": [
                    {"key": "http.request.method", "value": {"stringValue": "POST"}},
                    {"key": "http.route", "value": {"stringValue": "/login"}},
                    {"key": "http.response.status_code", "value": {"intValue": "401"}},
                ],
            }
            body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
            answer = httpx.post(f"{collector.otlp_http}/v1/traces", json=body, trust_env=False)
            assert answer.status_code == 200
            halves = [json.loads(process.stdout.readline()) for _ in range(2)]
            assert [half["status"] for half in halves] == ["start", "error"]
            assert {half["span_id"] for half in halves} == {f"{number + 1:016x}"}
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        process.stdout.close()
        process.stderr.close()


def test_tail_goes_on_after_a_restart(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """When the collector comes back, tail shows what was committed in between, once."""
    between = some_requests(4, begin_unix_nano=time.time_ns() - 10**10)
    with serving(tmp_path / "data") as collector:
        port = collector.http
        process = subprocess.Popen(
            [COMMAND, "tail", "--json", "--url", port],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean_environment(),
        )
        request.addfinalizer(process.kill)
        assert process.stdout is not None
        assert process.stderr is not None
        assert "Waiting" in process.stderr.readline()
    assert "trying again" in process.stderr.readline()
    store = open_store(tmp_path / "data")
    store.write(between).result()
    store.close()
    with serving(tmp_path / "data", "--http", port.removeprefix("http://")):
        found = [json.loads(process.stdout.readline())["event_id"] for _ in between]
        assert sorted(found) == sorted(event.event_id for event in between)
    process.kill()
    assert eventually(lambda: process.poll() is not None)
    process.stdout.close()
    process.stderr.close()
