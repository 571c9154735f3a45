"""The examples: each runs with its one command, and leaves the event logs its README promises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from otel_eventlog.model import EventLog
from tests.support.otlp_sink import OtlpSink
from tests.support.processes import free_port, plain_environment, running
from tests.support.repository import ROOT

EXAMPLES = ROOT / "examples"
PASSWORD = "correct horse battery staple"

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@contextmanager
def example(name: str, collector: OtlpSink) -> Iterator[httpx.Client]:
    """Run an example by its own command; yield a client for it."""
    port = free_port()
    environment = plain_environment(PORT=str(port), OTEL_EVENTLOG_ENDPOINT=collector.url)
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
    with OtlpSink() as collector, example("flask", collector) as client:
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
    with OtlpSink() as collector, example("fastapi", collector) as client:
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
        ("EmailDelivery", "success", None),
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


@pytest.mark.parametrize("name", ["flask", "fastapi"])
def test_the_readme_names_the_command(name: str) -> None:
    """Who opens an example reads how to run it."""
    assert "    ./run\n" in Path(EXAMPLES / name / "README.md").read_text(encoding="utf-8")
