"""The examples: each runs with its one command, and leaves the event logs its README promises."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from otel_eventlog.model import EventLog
from tests.support.collector import query, serving
from tests.support.otlp_sink import OtlpSink
from tests.support.processes import free_port, plain_environment, running
from tests.support.repository import ROOT

EXAMPLES = ROOT / "examples"
PASSWORD = "correct horse battery staple"

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@contextmanager
def example(name: str, collector_url: str) -> Iterator[httpx.Client]:
    """Run an example by its own command; yield a client for it."""
    port = free_port()
    environment = plain_environment(PORT=str(port), OTEL_EVENTLOG_ENDPOINT=collector_url)
    with (
        running([EXAMPLES / name / "run"], port, environment),
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client


def story(events: list[EventLog]) -> list[tuple[str, str, str | None]]:
    """Return action, status and reason of each event log, in order of time."""
    ordered = sorted(events, key=lambda event: event.time_unix_nano)
    return [(event.action, str(event.status), event.error_type) for event in ordered]


def test_flask() -> None:
    """A wrong password answered with 200 is an error; right password and logout succeed."""
    with OtlpSink() as collector, example("flask", collector.url) as client:
        wrong = client.post("/login", data={"user": "ada", "password": "hunter2"})
        assert wrong.status_code == 200
        assert wrong.headers["X-EventLog-Request-Id"]
        right = client.post("/login", data={"user": "ada", "password": PASSWORD})
        assert right.status_code == 302
        assert "Welcome, ada" in client.get("/").text
        assert client.post("/logout").status_code == 302
        events = collector.wait_for_events(6)
    assert story(events) == [
        ("PasswordsAuthenticate", "start", None),
        ("PasswordsAuthenticate", "error", "invalid_credentials"),
        ("PasswordsAuthenticate", "start", None),
        ("PasswordsAuthenticate", "success", None),
        ("SessionsRevoke", "start", None),
        ("SessionsRevoke", "success", None),
    ]


def test_fastapi() -> None:
    """Who it was, why it failed, what is due next, and a bounced message are all told."""
    with OtlpSink() as collector, example("fastapi", collector.url) as client:
        client.post("/login", json={"user": "eve", "password": "x"})
        client.post("/login", json={"user": "ada", "password": "hunter2"})
        code = client.post("/login", json={"user": "ada", "password": PASSWORD}).json()["code"]
        assert client.post("/verify", json={"user": "ada", "code": code}).is_success
        assert client.post("/verify", json={"user": "ada", "code": code}).status_code == 401
        for happened in ("delivered", "bounced", "opened"):
            client.post("/webhooks/mail", json={"recipient": "ada", "event": happened})
        events = collector.wait_for_events(13)
    assert story(events) == [
        ("PasswordsAuthenticate", "start", None),
        ("PasswordsAuthenticate", "error", "user_not_found"),
        ("PasswordsAuthenticate", "start", None),
        ("PasswordsAuthenticate", "error", "invalid_credentials"),
        ("PasswordsAuthenticate", "start", None),
        ("PasswordsAuthenticate", "success", None),
        ("OTPsAuthenticate", "start", None),
        ("OTPsAuthenticate", "success", None),
        ("OTPsAuthenticate", "start", None),
        ("OTPsAuthenticate", "error", "invalid_code"),
        ("EmailDelivery", "success", None),
        ("EmailDelivery", "error", "bounced"),
        ("EmailDelivery", "success", None),
    ]
    assert [event.message_status for event in events if event.message_status] == [
        "delivered",
        "bounced",
        "opened",
    ]
    assert [event.next_step for event in events if event.next_step] == ["second_factor"]
    assert {event.user_id for event in events if event.status == "success"} == {"u-1"}
    assert not any(code in repr(event.attributes) for event in events)


def test_mail_webhook(tmp_path: Path) -> None:
    """What the provider reports is recorded once, with the user's id and without an address."""
    provider = EXAMPLES / "mail_webhook" / "provider.py"
    with (
        serving(tmp_path / "data") as collector,
        example("mail_webhook", collector.otlp_http) as client,
    ):
        environment = plain_environment(PORT=str(client.base_url.port))
        for _ in range(2):  # The second time it is all new: it happens at another time.
            subprocess.run([sys.executable, provider], env=environment, check=True, timeout=60)
        assert client.post("/webhooks/mail", json={"events": []}).status_code == 401
        rows = wait_for_rows(collector.data, 6)
    told = [(r["status"], r["message_status"], r["user_id"], r["error_type"]) for r in rows]
    assert sorted(told, key=str) == sorted(
        2
        * [
            ("success", "delivered", "u-1", None),
            ("error", "bounced", "u-2", "mailbox_full"),
            ("success", "opened", "u-1", None),
        ],
        key=str,
    )
    assert {row["action"] for row in rows} == {"EmailDelivery"}
    assert "example.com" not in repr(rows)


def wait_for_rows(data: Path, count: int) -> list[dict[str, Any]]:
    """Return the stored event logs once there are so many, or after a while those there are."""
    deadline = time.monotonic() + 30
    while len(rows := query("--data", data)) < count and time.monotonic() < deadline:
        time.sleep(0.2)  # between two looks at what another process stores
    return rows


def test_pytest(tmp_path: Path) -> None:
    """The example's tests pass, all of them, in a pytest of their own."""
    report = tmp_path / "report.xml"
    command = [EXAMPLES / "pytest" / "run", f"--junitxml={report}"]
    finished = subprocess.run(
        command, env=plain_environment(), capture_output=True, text=True, check=False, timeout=120
    )
    assert finished.returncode == 0, finished.stdout
    suite = ET.parse(report).getroot()[0]  # noqa: S314 - pytest's own file
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == [
        "5",
        "0",
        "0",
        "0",
    ]


@pytest.mark.parametrize("name", ["flask", "fastapi", "mail_webhook", "pytest"])
def test_the_readme_names_the_command(name: str) -> None:
    """Who opens an example reads how to run it."""
    assert "    ./run\n" in Path(EXAMPLES / name / "README.md").read_text(encoding="utf-8")
