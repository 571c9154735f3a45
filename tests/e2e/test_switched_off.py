"""Wrong settings and switches: the application starts, serves and is traced, without event logs."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from otel_eventlog.model import EventLog, Status
from tests.support.otlp_sink import OtlpSink
from tests.support.processes import free_port, running
from tests.support.waiting import eventually
from tests.support.ways_in import APPS, DEADLINE_S, RIGHT, SAMPLED, SERVERS, WAYS, Server, Way

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@dataclass
class Seen:
    """What was seen of one application.

    Attributes:
        answers: what the logins were answered.
        events: event logs at the collector.
        span_names: names of the exported server spans.
        lines: what the application's process said about us.
        awaited: event logs that have to come before the application is ended.

    """

    answers: list[httpx.Response]
    events: list[EventLog]
    span_names: list[str]
    lines: list[str]
    awaited: int = 0


@contextmanager
def served(server: Server, way: Way, **more: str) -> Iterator[tuple[httpx.Client, Seen]]:
    """Run an application; yield a client for it, and at the end what was seen of it."""
    port, seen = free_port(), Seen([], [], [], [])
    with (
        OtlpSink() as traces,
        OtlpSink() as collector,
        tempfile.TemporaryFile() as output,
    ):
        environment = way.environment(port, traces.url, collector.url) | more
        command = way.command(server, port)
        with (
            running(command, port, environment, end_with=way.ends_with, output=output),
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_S) as client,
        ):
            yield client, seen
            traces.wait_for_spans(lambda spans: len(spans) >= len(seen.answers), DEADLINE_S)
            eventually(lambda: len(collector.events) >= seen.awaited, within_s=DEADLINE_S)
        output.seek(0)
        text = output.read().decode(errors="replace")
        seen.lines = [line for line in text.splitlines() if "otel_eventlog" in line]
        seen.events = list(collector.events)
        seen.span_names = [span.name for span in traces.spans if span.kind == span.SPAN_KIND_SERVER]


def log_in(server: Server, way: Way, awaited: int = 0, **more: str) -> Seen:
    """Log in once, as a caller who wants to be traced, and return what was seen."""
    with served(server, way, **more) as (client, seen):
        seen.awaited = awaited
        seen.answers.append(client.post("/login", json=RIGHT, headers=SAMPLED))
    return seen


def expect_only_tracing(seen: Seen) -> None:
    """Expect that the login went well and was traced, and that nothing came of us."""
    (answer,) = seen.answers
    assert answer.status_code == 200, answer.text
    assert "X-EventLog-Request-Id" not in answer.headers
    assert seen.span_names == ["POST /login"]
    assert seen.events == []


PYTHON, UVICORN = SERVERS["python"], SERVERS["uvicorn"]

WRONG_SETTINGS = {
    "endpoint": {"OTEL_EVENTLOG_ENDPOINT": "collector:4328"},
    "rule file": {"OTEL_EVENTLOG_RULES": "/no/such/rules.toml"},
    "rule": {"OTEL_EVENTLOG_RULES": "FOLDER/wrong.toml"},
    "toml": {"OTEL_EVENTLOG_CONFIG": "FOLDER/broken.toml"},
    "pack": {"OTEL_EVENTLOG_PACKS": "no-such-pack"},
    "hash key": {"OTEL_EVENTLOG_HASH_KEY_FILE": "FOLDER/short.key"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a directory with files in which something is wrong."""
    (tmp_path / "wrong.toml").write_text('[[rule]]\nname = "x"\nacton = "X"\n')
    (tmp_path / "broken.toml").write_text("endpoint = http://localhost\n")
    (tmp_path / "short.key").write_text("abc")
    (tmp_path / "a-file").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("way", "what"),
    [
        *(("env", what) for what in WRONG_SETTINGS),
        *(("install", what) for what in ("endpoint", "rule file", "pack")),
        *(("file", what) for what in ("endpoint", "rule", "hash key")),
        ("file-and-env", "toml"),
    ],
)
def test_with_wrong_settings_the_application_runs_as_without_us(
    way: str, what: str, folder: Path
) -> None:
    """It starts, serves and is traced; one line says what to mend; there are no event logs."""
    wrong = {
        name: value.replace("FOLDER", str(folder)) for name, value in WRONG_SETTINGS[what].items()
    }
    if way == "file" and "OTEL_EVENTLOG_ENDPOINT" in wrong:
        wrong = {"EVENTLOG_URL": wrong["OTEL_EVENTLOG_ENDPOINT"]}  # as the file names it
    server = UVICORN if way == "install" else PYTHON
    seen = log_in(server, WAYS[way], **wrong)
    expect_only_tracing(seen)
    (line,) = seen.lines
    assert "otel_eventlog is off: " in line
    assert next(iter(wrong.values())) in line


def test_wrong_settings_in_the_configuration_file_itself(folder: Path) -> None:
    """Mistakes in the YAML of the instrumentor are told like all others, all in one line."""
    text = (APPS / "eventlog.yaml").read_text()
    options = {"rules": ["/no/such/rules.toml"], "packs": ["no-such-pack"], "spool_dir": 5}
    lines = [f"      {name}: {json.dumps(value)}\n" for name, value in options.items()]
    file = folder / "wrong.yaml"
    file.write_text(text + "".join(lines))
    seen = log_in(PYTHON, WAYS["file"], OTEL_CONFIG_FILE=str(file))
    expect_only_tracing(seen)
    (line,) = seen.lines
    assert "otel_eventlog is off: " in line
    assert "'spool_dir'" in line


@pytest.mark.parametrize("way", ["env", "install", "file"])
def test_a_spool_that_cannot_be_written_costs_no_event_log(way: str, folder: Path) -> None:
    """Event logs wait in memory instead, and one line says why nothing is on disk."""
    toml = folder / "eventlog.toml"
    toml.write_text(f'spool_dir = "{folder}/a-file/spool"\n')
    seen = log_in(PYTHON, WAYS[way], awaited=2, OTEL_EVENTLOG_CONFIG=str(toml))
    assert seen.answers[0].status_code == 200
    assert [event.status for event in seen.events] == [Status.START, Status.SUCCESS]
    assert seen.span_names == ["POST /login"]


@pytest.mark.parametrize("way", ["env", "file-and-env", "file"])
@pytest.mark.parametrize("disabled", ["eventlog", "urllib3 , eventlog"])
def test_who_runs_the_application_can_switch_us_off(way: str, disabled: str) -> None:
    """OTEL_PYTHON_DISABLED_INSTRUMENTATIONS switches event logs off, and nothing else."""
    seen = log_in(PYTHON, WAYS[way], OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=disabled)
    expect_only_tracing(seen)
    assert seen.lines == []


@pytest.mark.parametrize(
    ("server", "way", "switch"),
    [
        # FastAPI makes spans by itself where contrib does not: here there must be none at all.
        (PYTHON, "env", {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}),
        (UVICORN, "env", {"OTEL_SDK_DISABLED": "true"}),
        (UVICORN, "install", {"OTEL_SDK_DISABLED": "true"}),
        (PYTHON, "file-and-env", {"OTEL_SDK_DISABLED": "true"}),
    ],
    ids=["all-disabled", "sdk-env", "sdk-install", "sdk-file"],
)
def test_where_nothing_is_traced_there_is_no_event_log(
    server: Server, way: str, switch: dict[str, str]
) -> None:
    """OTEL_SDK_DISABLED and `*` switch everything off, and us without a word."""
    with served(server, WAYS[way], **switch) as (client, seen):
        answer = client.post("/login", json=RIGHT, headers=SAMPLED)
        assert answer.status_code == 200
        assert "X-EventLog-Request-Id" not in answer.headers
    assert seen.events == []
    assert seen.span_names == []
    assert seen.lines == []
