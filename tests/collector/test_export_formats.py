"""Exports as other programs read them: CSV, OCSF and ECS."""

from __future__ import annotations

import csv
import io
import ipaddress
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_eventlog.actions import catalogue
from otel_eventlog.model import EventLog, OutcomeSource, Status
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.insight.ecs import ecs_document
from otel_eventlog_collector.insight.export import FORMATS
from otel_eventlog_collector.insight.ocsf import LOGOFF, LOGON, OTHER, PREAUTH, activity_of
from tests.contracts.store_harness import FULL
from tests.support import ocsf
from tests.support.builders import NOW, event_log

texts = (
    st.none() | st.text(max_size=30) | st.sampled_from(["=1+1", "-2", "@x", '"', "a\r\nb", "\0"])
)


@st.composite
def event_logs(draw: st.DrawFn) -> EventLog:
    """Draw an event log with anything in its texts."""
    status = draw(st.sampled_from(list(Status)))
    fields = ("user_id", "organization_id", "service", "error_type", "error_message", "user_agent")
    return event_log(
        status,
        action=draw(st.sampled_from(sorted(catalogue())) | st.text(min_size=1, max_size=20)),
        category=draw(st.sampled_from(sorted({info.category for info in catalogue().values()}))),
        outcome_source=None if status == "start" else draw(st.sampled_from(list(OutcomeSource))),
        client_address=draw(texts | st.ip_addresses().map(str)),
        auth_method=draw(st.none() | st.sampled_from(["password", "oidc", "saml", "oauth_google"])),
        auth_factor=draw(st.none() | st.sampled_from(["primary", "secondary"])),
        http_status_code=draw(st.none() | st.integers(100, 599)),
        session_token_hash=draw(st.none() | st.just("5e" * 16)),
        attributes=draw(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2)),
        **{name: draw(texts) or ("" if name == "service" else None) for name in fields},
    )


@given(event_logs())
def test_csv_is_rfc_4180_and_runs_nothing(event: EventLog) -> None:
    """Any values come out as one row of the header's width; none begins like a formula."""
    form = FORMATS["csv"]
    fields = event_json(event)
    text = form.head + form.text(fields)
    assert text.endswith("\r\n")
    header, row = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert header == list(fields)
    for name, cell in zip(header, row, strict=True):
        assert not cell.startswith(tuple("=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")), name
        value = fields[name]
        expected = "" if value is None else str(value).lower() if value in (True, False) else value
        if isinstance(value, dict):
            assert json.loads(cell) == value
        else:
            assert cell in (str(expected), f"'{expected}")


@given(event_logs())
def test_every_event_log_is_a_valid_ocsf_event(event: EventLog) -> None:
    """All that the class requires is there, and nothing that it does not have."""
    line = FORMATS["ocsf"].text(event_json(event))
    assert line.isascii()
    assert line.count("\n") == 1
    found = json.loads(line)
    assert ocsf.mistakes(found) == []
    assert found["metadata"]["uid"] == event.event_id
    assert found["metadata"]["correlation_uid"] == event.request_id


def test_the_judge_of_ocsf_finds_mistakes() -> None:
    """The check above can fail: each thing left out or changed is found."""
    good = json.loads(FORMATS["ocsf"].text(event_json(event_log(**FULL))))
    assert ocsf.mistakes(good) == []
    for name in ocsf.REQUIRED:
        assert ocsf.mistakes({key: value for key, value in good.items() if key != name})
    for change in (
        {"class_uid": 3001},
        {"type_uid": 1},
        {"status": "Fine"},
        {"severity_id": 7},
        {"time": NOW},
        {"user": {}},
        {"user": {"uid": "u", "shoe_size": 44}},
        {"colour": "red"},
        {"metadata": {**good["metadata"], "version": "0.1"}},
        {"src_endpoint": {}},
    ):
        assert ocsf.mistakes(good | change), change
    del good["service"]
    assert ocsf.mistakes(good)


def test_nothing_is_lost_on_the_way_to_ocsf() -> None:
    """Every value of an event log is somewhere in the OCSF event, under a name of either."""
    fields = event_json(event_log(Status.ERROR, **FULL))
    line = FORMATS["ocsf"].text(fields)
    translated = {"status": "Failure", "error_message": fields["error_message"]}
    for name, value in fields.items():
        if value is not None:
            assert json.dumps(translated.get(name, value)) in line or str(value) in line, name


@pytest.mark.parametrize(
    ("action", "activity"),
    [
        ("PasswordsAuthenticate", LOGON),
        ("SessionsAuthenticate", LOGON),
        ("MagicLinksAuthenticate", LOGON),
        ("SSOAuthenticate", LOGON),
        ("MagicLinksEmailLoginOrCreate", PREAUTH),
        ("OTPsSMSSend", PREAUTH),
        ("OAuthGoogleStart", PREAUTH),
        ("SessionsRevoke", LOGOFF),
        ("MultiTenantSessionsRevoke", LOGOFF),
        ("CreateUser", OTHER),
        ("EmailDelivery", OTHER),
        ("Whatever", OTHER),
    ],
)
def test_what_an_action_is_in_ocsf(action: str, activity: int) -> None:
    """A step before the login is no login, and what is neither says its own name."""
    assert activity_of(action) == activity


ECS_TYPES = {
    # category: the types that the schema expects for it
    # (https://www.elastic.co/docs/reference/ecs/ecs-allowed-values-event-category)
    "authentication": {"start", "end", "info"},
    "configuration": {"access", "change", "creation", "deletion", "info"},
    "email": {"info"},
    "iam": {"admin", "change", "creation", "deletion", "group", "info", "user"},
}
ECS_FIELDS = {
    # Top level field sets of ECS that we use; `otel_eventlog` is our own.
    *("@timestamp", "ecs", "message", "event", "service", "trace", "span", "user", "organization"),
    *("http", "error", "user_agent", "client", "source", "related", "otel_eventlog"),
}


@given(event_logs())
def test_every_event_log_is_a_valid_ecs_document(event: EventLog) -> None:
    """Categorization fields have allowed values only, addresses are addresses, nothing is empty."""
    found = json.loads(FORMATS["ecs"].text(event_json(event)))
    assert set(found) <= ECS_FIELDS
    about = found["event"]
    (category,) = about["category"]
    assert set(about["type"]) <= ECS_TYPES[category]
    assert about["kind"] == "event"
    assert about["outcome"] in ("success", "failure", "unknown")
    assert about["id"] == event.event_id
    assert about.get("duration", 0) >= 0
    for side in ("client", "source"):
        if "ip" in found.get(side, {}):
            ipaddress.ip_address(found[side]["ip"])
    assert not list(empties(found))


def empties(found: Mapping[str, Any]) -> Any:
    """Yield what is empty or absent."""
    for name, value in found.items():
        if value is None or value == {}:
            yield name
        elif isinstance(value, Mapping) and name != "attributes":
            yield from empties(value)


def test_an_ecs_document_as_people_expect_it() -> None:
    """A failed login, field by field."""
    event = event_log(
        Status.ERROR,
        user_id="u-1",
        client_address="192.0.2.7",
        error_type="invalid_credentials",
        duration_ns=5,
        http_status_code=401,
        correlation_id="c-1",
    )
    found = ecs_document(event_json(event))
    assert found["event"]["category"] == ["authentication"]
    assert found["event"]["type"] == ["end"]
    assert found["event"]["outcome"] == "failure"
    assert found["event"]["reason"] == "invalid_credentials"
    assert found["user"] == {"id": "u-1"}
    assert found["source"] == {"address": "192.0.2.7", "ip": "192.0.2.7"}
    assert found["related"] == {"user": ["u-1"], "ip": ["192.0.2.7"]}
    assert found["http"]["response"] == {"status_code": 401}
    assert found["http"]["request"]["id"] == "c-1"
    assert found["trace"]["id"] == event_json(event)["trace_id"]
