"""Imported lines: what `export` wrote comes back, and what others wrote is cleaned."""

from __future__ import annotations

import json

import pytest

from otel_eventlog.model import Status
from otel_eventlog_collector.admin.json_lines import event_from_json
from otel_eventlog_collector.event_json import event_json
from tests.support.builders import event_log


def test_an_exported_event_log_comes_back_as_it_was() -> None:
    """Cleaning what is clean already changes nothing."""
    event = event_log(
        Status.ERROR,
        user_id="user-test-16d9ba61-97a1-4ba4-9720-b03761dc50c6",
        http_route="/login/{step}",
        error_type="invalid_credentials",
        error_message="no mail to [redacted], code=[redacted]",
        session_token_hash="0f" * 16,
        attributes={"app.tenant": "acme"},
    )
    line = json.loads(json.dumps(event_json(event)))
    assert event_json(event_from_json(line)) == event_json(event)


def test_secrets_in_an_imported_line_are_not_stored() -> None:
    """A file that some other program wrote is cleaned like what comes over the wire."""
    line = json.loads(json.dumps(event_json(event_log())))
    line |= {
        "user_id": "Bearer abcdef",
        "http_route": "/reset/Ab3dE9",
        "session_token_hash": "raw",
        "attributes": {"password": "x", "note": "token=abc"},
    }
    event = event_from_json(line)
    assert (event.user_id, event.session_token_hash) == (None, None)
    assert event.http_route == "/reset/{redacted}"
    assert event.attributes == {"note": "token=[redacted]"}


def test_an_action_that_is_nothing_is_refused() -> None:
    """An empty action is no action, told as every wrong line is."""
    line = json.loads(json.dumps(event_json(event_log()))) | {"action": ""}
    with pytest.raises(ValueError, match="action"):
        event_from_json(line)
