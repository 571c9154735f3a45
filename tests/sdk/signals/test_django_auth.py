"""Django's own log-in views, forms and signals, compared with what really happened."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.repository import ROOT

PAIR = ["PasswordsAuthenticate start", "PasswordsAuthenticate error"]
BLANK = """
[[rule]]
name = "form"
action = "PasswordsAuthenticate"
method = "POST"
route = "/accounts/login/"
[[rule.outcome]]
when = { status = 200, content_type = "text/html" }
status = "error"
error_type = "form"
"""


def run(directory: Path, *rules: str) -> dict[str, Any]:
    """Run the Django project in a process of its own; return what each request left."""
    finished = subprocess.run(
        [sys.executable, "-m", "tests.support.django_app", str(directory / "db"), *rules],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    told: dict[str, Any] = json.loads(finished.stdout)
    return told


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each request of the project left, with the default rules."""
    return run(tmp_path_factory.mktemp("django"))


def test_a_wrong_password_is_an_error_by_signal(told: dict[str, Any]) -> None:
    """Django answers it with 200 and the form; it does not say who, and neither do we."""
    for label in ("wrong", "nobody"):
        assert told[label]["status"] == 200
        assert told[label]["events"] == PAIR
        assert told[label]["outcome"] == [["error", "signal", "invalid_credentials", None]]


def test_a_right_password_is_a_success_with_its_user(told: dict[str, Any]) -> None:
    """By signal, with the key of the user and not the name."""
    assert told["right"]["status"] == 302
    assert told["right"]["outcome"] == [["success", "signal", None, "2"]]


def test_a_log_out_names_who(told: dict[str, Any]) -> None:
    """The signal comes before the session ends."""
    assert told["logout"]["events"] == ["SessionsRevoke start", "SessionsRevoke success"]
    assert told["logout"]["outcome"] == [["success", "signal", None, "2"]]


def test_asynchronous_views(told: dict[str, Any]) -> None:
    """Signals sent by `asend` arrive in another thread, in the same context."""
    assert told["async wrong"]["outcome"] == [["error", "signal", "invalid_credentials", None]]
    assert told["async right"]["outcome"] == [["success", "signal", None, "2"]]


def test_nothing_of_the_credentials_is_anywhere(told: dict[str, Any]) -> None:
    """Neither password nor user name, although the signals carry the name."""
    for label in told:
        for secret in ("hunter2", "battery", "ada", "nobody"):
            assert secret not in told[label]["all"], label


def test_the_response_propagator_that_was_set_before_goes_on(told: dict[str, Any]) -> None:
    """Both write their header, on Django's response object."""
    for label in ("wrong", "right"):
        headers = told[label]["headers"]
        assert headers["traceresponse"].startswith("00-")
        assert [headers["x-eventlog-request-id"]] == told[label]["request_ids"]


def test_an_incomplete_form_needs_a_rule(told: dict[str, Any], tmp_path: Path) -> None:
    """Django sends no signal where nothing was checked; content type and status tell it apart."""
    assert told["blank"]["outcome"] == [["success", "http", None, None]]
    rules = tmp_path / "rules.toml"
    rules.write_text(BLANK)
    again = run(tmp_path, str(rules))
    assert again["blank"]["outcome"] == [["error", "rule", "form", None]]
    assert again["wrong"]["outcome"] == [["error", "signal", "invalid_credentials", None]]
    assert again["right"]["outcome"] == [["success", "signal", None, "2"]]
