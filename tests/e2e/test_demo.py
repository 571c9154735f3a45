"""`otel-eventlog demo`: what simulated users wanted and got, against what the event log says."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

COMMAND = (sys.executable, "-c", "from otel_eventlog_collector.cli.main import run; run()")
DURATION_S = 8
TIMEOUT_S = 150
DASHBOARD = re.compile(r"^ *Dashboard +(http://127\.0\.0\.1:\d+)/$", re.MULTILINE)

EVERYTHING = {
    ("shop", "CreateUser", "success"),
    ("shop", "CreateUser", "error"),
    ("shop", "PasswordsAuthenticate", "success"),
    ("shop", "PasswordsAuthenticate", "error"),
    ("shop", "PasswordsEmailResetStart", "success"),
    ("shop", "MagicLinksEmailLoginOrCreate", "success"),
    ("shop", "MagicLinksAuthenticate", "success"),
    ("shop", "MagicLinksAuthenticate", "error"),
    ("shop", "OAuthGoogleStart", "success"),
    ("shop", "OAuthAuthenticate", "success"),
    ("shop", "OAuthAuthenticate", "error"),
    ("shop", "SSOAuthenticate", "success"),
    ("shop", "SSOAuthenticate", "error"),
    ("shop", "SSOAuthenticate", "crash"),
    ("shop", "SessionsAuthenticate", "success"),
    ("shop", "SessionsAuthenticate", "error"),
    ("shop", "SessionsRevoke", "success"),
    ("shop", None, None),
    ("mobile", "CreateUser", "success"),
    ("mobile", "CreateUser", "error"),
    ("mobile", "PasswordsAuthenticate", "success"),
    ("mobile", "PasswordsAuthenticate", "error"),
    ("mobile", "PasswordsEmailResetStart", "success"),
    ("mobile", "OTPsEmailLoginOrCreate", "success"),
    ("mobile", "OTPsAuthenticate", "success"),
    ("mobile", "OTPsAuthenticate", "error"),
    ("mobile", "SessionsAuthenticate", "success"),
    ("mobile", "SessionsAuthenticate", "error"),
    ("mobile", "SessionsRevoke", "success"),
    ("mobile", "SessionsRevoke", "error"),
    ("mobile", None, None),
}
"""What simulated users do in every demo, however short."""


@dataclass
class DemoRun:
    """One demo that ended by itself, and what was seen of it."""

    data: Path
    output: str
    exit_code: int
    ledger: list[dict[str, Any]]
    tailed: list[dict[str, Any]] = field(default_factory=list)
    """What `tail` had printed before the demo began to stop."""
    events: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """What `query` shows afterwards, by correlation id."""


def otel_eventlog(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


def wait_until(is_so: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + TIMEOUT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Running:
    """A demo in progress; its output is read while it runs."""

    def __init__(self, *arguments: str, temporary: Path | None = None) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "demo", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=os.environ | ({"TMPDIR": str(temporary)} if temporary else {}),
            text=True,
        )
        self.output = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line

    def wait_for(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Return the first match in the output, as soon as there is one."""
        wait_until(lambda: pattern.search(self.output) or self.process.poll() is not None)
        match = pattern.search(self.output)
        assert match is not None, self.output
        return match

    def end(self) -> int:
        """Wait until the demo has ended; return its exit code."""
        exit_code = self.process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return exit_code

    def kill(self) -> None:
        """Make sure that nothing is left when a test fails."""
        if self.process.poll() is None:
            self.process.terminate()
            self.end()


def is_listening(port: str) -> bool:
    """Tell whether somebody listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """Run one demo of a few seconds, tail it meanwhile, and read everything afterwards."""
    directory = tmp_path_factory.mktemp("demo")
    data, ledger, live = directory / "data", directory / "ledger.jsonl", directory / "tail.jsonl"
    with ExitStack() as stack:
        taken = stack.enter_context(socket.socket())
        if not is_listening("4329"):  # the demo has to do without its usual port
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", 4329))
            taken.listen()
        running = Running(
            "--duration", str(DURATION_S), "--data", str(data), "--ledger", str(ledger)
        )
        stack.callback(running.kill)
        url = running.wait_for(DASHBOARD)[1]
        with live.open("w") as output:
            tail = subprocess.Popen([*COMMAND, "tail", "--url", url, "--json"], stdout=output)
        stack.callback(tail.wait, TIMEOUT_S)
        stack.callback(tail.kill)
        running.wait_for(re.compile("^Stopping", re.MULTILINE))
        tailed = [json.loads(line) for line in live.read_text().split("\n")[:-1]]
        run = DemoRun(
            data=data,
            exit_code=running.end(),
            output=running.output,
            ledger=[json.loads(line) for line in ledger.read_text().splitlines()],
            tailed=tailed,
        )
    run.events = by_correlation_id(read_all(data))
    return run


def read_all(data: Path) -> list[dict[str, Any]]:
    """Return every event log in a data directory."""
    queried = otel_eventlog("query", "--data", str(data), "--json")
    assert queried.returncode == 0, queried.stderr
    return [json.loads(line) for line in queried.stdout.splitlines()]


def by_correlation_id(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return event logs by their correlation id, starts first."""
    found = defaultdict(list)
    for event in sorted(events, key=lambda event: event["phase"] != "start"):
        found[event["correlation_id"]].append(event)
    return dict(found)


def test_it_ends_by_itself(demo: DemoRun) -> None:
    """With --duration the demo exits with 0, and every answer was what the user should get."""
    assert demo.exit_code == 0, demo.output
    assert "warning" not in demo.output, demo.output
    assert [entry for entry in demo.ledger if not entry["as_intended"]] == []
    assert "Traceback" not in demo.output, demo.output


def test_a_taken_port_is_no_obstacle(demo: DemoRun) -> None:
    """When the dashboard's port is taken, the demo says so and takes another one."""
    assert re.search(r"^note: port 4329 is taken", demo.output, re.MULTILINE), demo.output
    assert "http://127.0.0.1:4329/" not in demo.output


def test_simulated_users_do_everything(demo: DemoRun) -> None:
    """Every kind of auth call, in success and in error, a crash and page views took place."""
    done = {(entry["service"], entry["action"], entry["expected"]) for entry in demo.ledger}
    assert done == EVERYTHING


def test_every_request_has_its_pair(demo: DemoRun) -> None:
    """Each finished auth request has one start and one outcome: right action, right status."""
    wrong = []
    for entry in demo.ledger:
        if entry["expected"] not in ("success", "error"):
            continue
        seen = [
            (event["phase"], event["status"], event["action"], event["service"])
            for event in demo.events.get(entry["correlation_id"], [])
        ]
        of = (entry["action"], entry["service"])
        if seen != [("start", "start", *of), ("end", entry["expected"], *of)]:
            wrong.append((entry, seen))
        elif len({e["request_id"] for e in demo.events[entry["correlation_id"]]}) != 1:
            wrong.append((entry, "two request ids"))
    assert wrong == []


def test_a_crashed_request_has_only_its_start(demo: DemoRun) -> None:
    """Of the request whose worker was killed in the middle, the start is there and nothing else."""
    crashed = [entry for entry in demo.ledger if entry["expected"] == "crash"]
    assert crashed
    for entry in crashed:
        (start,) = demo.events[entry["correlation_id"]]
        assert (start["status"], start["action"]) == ("start", entry["action"])
        assert entry["status_code"] is None


def test_nothing_beyond_the_auth_requests(demo: DemoRun) -> None:
    """Page views yield no event log, nor does anything that no simulated user did."""
    auth = {entry["correlation_id"] for entry in demo.ledger if entry["action"]}
    assert {entry["correlation_id"] for entry in demo.ledger} - auth, "there were page views"
    assert set(demo.events) == auth


def test_what_is_known_of_a_request_is_right(demo: DemoRun) -> None:
    """User, reason, next step, status code, trace and time agree with what users saw over HTTP."""
    wrong = []
    for entry in demo.ledger:
        if entry["expected"] not in ("success", "error"):
            continue
        start, outcome = demo.events[entry["correlation_id"]]
        expected = {
            "http_status_code": entry["status_code"],
            "http_method": entry["method"],
            "next_step": entry["next_step"],
            **{
                name: entry[name]
                for name in ("user_id", "error_type", "trace_id", "trace_sampled")
                if entry[name] is not None
            },
        }
        found = {name: outcome[name] for name in expected}
        in_time = entry["before_unix_nano"] <= start["time_unix_nano"] <= entry["after_unix_nano"]
        if found != expected or not in_time or outcome["duration_ns"] < 0:
            wrong.append((entry["action"], entry["path"], expected, found, in_time))
    assert wrong == []


def test_callers_cannot_hide_by_not_sampling(demo: DemoRun) -> None:
    """Requests that came with an unsampled trace context are there, marked as not sampled."""
    hidden = [e for e in demo.ledger if e["action"] and e["trace_sampled"] is False]
    assert hidden
    for entry in hidden:
        assert {e["trace_sampled"] for e in demo.events[entry["correlation_id"]]} == {False}


def test_requests_that_belong_together_can_be_found(demo: DemoRun) -> None:
    """A session is one keyed hash, a login in two steps one flow, a company one organization."""
    outcomes = [e for events in demo.events.values() for e in events if e["status"] == "success"]
    sessions, flows = defaultdict(list), defaultdict(set)
    for event in outcomes:
        if event["session_token_hash"]:
            sessions[event["session_token_hash"]].append(event)
        if event["flow_id"]:
            flows[event["flow_id"]].add(event["action"])
    assert all(len({event["user_id"] for event in events}) == 1 for events in sessions.values())
    actions = [{event["action"] for event in events} for events in sessions.values()]
    assert {"PasswordsAuthenticate", "SessionsAuthenticate", "SessionsRevoke"} in actions
    assert {"PasswordsAuthenticate", "OTPsAuthenticate"} in flows.values()
    assert {"OTPsEmailLoginOrCreate", "OTPsAuthenticate"} in flows.values()
    assert {e["organization_id"] for e in outcomes if e["action"] == "SSOAuthenticate"} == {"acme"}


def test_no_secret_reached_the_collector(demo: DemoRun) -> None:
    """The OAuth codes and states that went through redirects are in no file of the collector."""
    redirects = [parse_qs(urlsplit(entry["location"] or "").query) for entry in demo.ledger]
    secrets = [query[key][0] for query in redirects for key in ("code", "state") if key in query]
    stored = b"".join(path.read_bytes() for path in demo.data.rglob("*") if path.is_file())
    assert len(secrets) > 1
    assert b"DemoBrowser" in stored, "nothing at all would be found this way"
    assert [secret for secret in secrets if secret.encode() in stored] == []


def test_show_prints_the_pair(demo: DemoRun) -> None:
    """`show` on the directory prints both halves, the duration and the link to Jaeger."""
    entry = next(e for e in demo.ledger if e["expected"] == "error" and e["trace_sampled"])
    start, outcome = demo.events[entry["correlation_id"]]
    shown = otel_eventlog("show", start["request_id"], "--data", str(demo.data))
    assert shown.returncode == 0, shown.stderr
    for text in (
        start["request_id"],
        entry["action"],
        "start",
        "error",
        f"http://localhost:16686/trace/{entry['trace_id']}",
    ):
        assert text in shown.stdout
    assert re.search(r"\d+(\.\d+)? ?(ns|µs|us|ms|s)\b", shown.stdout), "no duration"
    assert outcome["duration_ns"] > 0


def test_tail_shows_them_live(demo: DemoRun) -> None:
    """`tail` prints starts and outcomes while the demo still runs, the very same event logs."""
    stored = {e["event_id"]: e["status"] for events in demo.events.values() for e in events}
    seen = {event["event_id"]: event["status"] for event in demo.tailed}
    assert {"start", "success", "error"} <= set(seen.values())
    assert seen.items() <= stored.items()
    assert len(seen) == len(demo.tailed), "an event log was shown twice"


def processes_in(directory: Path) -> list[str]:
    """Return the ids of processes that work in a directory (nowhere but on Linux: none)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if process.joinpath("cwd").readlink().is_relative_to(directory):
                found.append(process.name)
    return found


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        pytest.param(signal.SIGINT, DASHBOARD, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, re.compile("^Starting", re.MULTILINE), id="at once"),
    ],
)
def test_a_signal_ends_it_and_nothing_is_left(
    tmp_path: Path, number: signal.Signals, moment: re.Pattern[str]
) -> None:
    """Ctrl-C and SIGTERM end the demo with 0; no process and no temporary directory remain."""
    running = Running(temporary=tmp_path)
    try:
        running.wait_for(moment)
        wait_until(lambda: len(processes_in(tmp_path)) > 0 or not Path("/proc").exists())
        running.process.send_signal(number)
        assert running.end() == 0, running.output
    finally:
        running.kill()
    assert processes_in(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_collector_that_cannot_start_is_explained(tmp_path: Path) -> None:
    """If the collector ends at once, the demo fails, with its last lines, and ends as well."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "holiday.jpg").write_text("not ours")
    failed = otel_eventlog("demo", "--duration", "1", "--data", str(tmp_path / "data"))
    assert failed.returncode != 0
    assert "collector ended with exit code" in failed.stdout + failed.stderr
    assert "Traceback" not in failed.stdout + failed.stderr
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["holiday.jpg"]
