"""The walk through docs/getting-started.md: its application, its rule file, its requests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.collector import serving
from tests.support.processes import BIN, free_port, plain_environment, running
from tests.support.repository import ROOT
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def listing(name: str) -> str:
    """Return the block of the page whose first line is a comment with a file's name."""
    page = (ROOT / "docs" / "getting-started.md").read_text(encoding="utf-8")
    blocks: list[str] = re.findall(r"^```\w+\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (found,) = (block for block in blocks if block.startswith(f"# {name}\n"))
    return found


def read(url: str, *filters: str) -> list[dict[str, Any]]:
    """Return what `otel-eventlog query` shows."""
    queried = subprocess.run(
        [BIN / "otel-eventlog", "query", "--url", url, "--json", *filters],
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in queried.stdout.splitlines()]


def test_the_walk_shows_what_the_page_says(tmp_path: Path) -> None:
    """The page's requests to its own application give the event logs that the page prints."""
    (tmp_path / "app.py").write_text(listing("app.py"))
    (tmp_path / "rules.toml").write_text(listing("rules.toml"))
    checked = subprocess.run(
        [BIN / "otel-eventlog", "rules", "check", tmp_path / "rules.toml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    port = free_port()
    flask = [sys.executable, "-m", "flask", "--app", tmp_path / "app.py", "run"]
    with serving(tmp_path / "data") as collector:
        environment = plain_environment(
            OTEL_SERVICE_NAME="my-app",
            OTEL_TRACES_EXPORTER="none",
            OTEL_METRICS_EXPORTER="none",
            OTEL_LOGS_EXPORTER="none",
            OTEL_EVENTLOG_ENDPOINT=collector.otlp_http,
            OTEL_EVENTLOG_RULES=str(tmp_path / "rules.toml"),
        )
        command = [BIN / "opentelemetry-instrument", *flask, "--port", str(port)]
        with (
            running(command, port, environment),
            httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
        ):
            ada = {"email": "ada@example.com"}
            first = {"X-Request-Id": "my-first-login"}
            client.post("/login", data=ada | {"password": "coffee"}, headers=first)
            right = client.post("/login", data=ada | {"password": "tea"})
            client.post("/vault/open", data={"code": "0000"})
            assert eventually(lambda: len(read(collector.http)) == 6)
        events = read(collector.http)
        mine = read(collector.http, "--correlation-id", "my-first-login")
    assert [(e["action"], e["status"], e["error_type"]) for e in events] == [
        ("VaultOpen", "error", "invalid_code"),
        ("VaultOpen", "start", None),
        ("PasswordsAuthenticate", "success", None),
        ("PasswordsAuthenticate", "start", None),
        ("PasswordsAuthenticate", "error", "unauthorized"),
        ("PasswordsAuthenticate", "start", None),
    ]
    assert right.headers["X-EventLog-Request-Id"] == events[2]["request_id"]
    assert [event["status"] for event in mine] == ["error", "start"]
