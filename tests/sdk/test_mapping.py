"""Mapping: one span, at most one pair; only what the allow-list names gets in."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import EventLog, Rank, SpanEvent, Status
from otel_eventlog.outcome import Annotations
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from tests.support.builders import INTERNAL, NOW, rule_set, span_data


def pair(span: Any, notes: Annotations | None = None, **privacy: Any) -> list[EventLog]:
    """Map a span by the default packs."""
    mapper = Mapper(load_rule_set(), Privacy(**privacy), Rank.DERIVED)
    return list(mapper.map_span(span, notes))


def test_a_login_becomes_a_start_and_an_outcome() -> None:
    """Times, ids, action and what the catalogue knows of it, on both halves."""
    start, outcome = pair(span_data(status=401))
    assert (start.status, outcome.status) == (Status.START, Status.ERROR)
    assert start.request_id == outcome.request_id
    assert (start.time_unix_nano, outcome.time_unix_nano) == (NOW, NOW + 12_000_000)
    assert (start.duration_ns, outcome.duration_ns) == (None, 12_000_000)
    for event in (start, outcome):
        assert (event.action, event.category) == ("PasswordsAuthenticate", "passwords")
        assert (event.auth_method, event.auth_factor) == ("password", "knowledge")
        assert (event.http_method, event.http_route) == ("POST", "/login")
        assert (event.service, event.project) == ("shop", "acme")
        assert (event.client_address, event.user_agent) == ("192.0.2.7", "tests/1.0")
    assert (outcome.http_status_code, outcome.error_type) == (401, "unauthorized")


def test_what_is_no_auth_call_yields_nothing() -> None:
    """Page views, INTERNAL children and other routes leave no event log."""
    assert pair(span_data("GET")) == []
    assert pair(span_data(kind=INTERNAL)) == []
    assert pair(span_data(route="/items")) == []
    assert pair(span_data(status=405)) == []


def test_a_405_is_no_attempt_unless_its_start_has_left() -> None:
    """The route is there, but not for this method; a request that was announced still ends."""
    mapper = Mapper(load_rule_set(), Privacy(), Rank.APP)
    refused = span_data(status=405)
    match = mapper.match(refused)
    assert match is not None
    assert mapper.pair(refused, match) == ()
    announced = mapper.outcome(refused, match)
    assert announced is not None
    assert (announced.status, announced.error_type) == (Status.ERROR, "method_not_allowed")


def test_the_start_holds_only_what_a_start_knows() -> None:
    """A start made from the finished span equals the one made live, before the outcome."""
    live = span_data(status=None, end_unix_nano=0)
    mapper = Mapper(load_rule_set(), Privacy(), Rank.DERIVED)
    match = mapper.match(live)
    assert match is not None
    finished = span_data(
        status=401, attributes={"user.id": "u-1"}, exceptions=[{"exception.message": "x"}]
    )
    assert mapper.start(live, match) == pair(finished)[0]


def test_a_clock_that_steps_back_makes_no_negative_duration() -> None:
    """An end before its start is clamped."""
    outcome = pair(span_data(end_unix_nano=NOW - 5_000_000_000))[1]
    assert (outcome.duration_ns, outcome.time_unix_nano) == (0, NOW)


def test_paths_and_queries_never_get_in() -> None:
    """Reset tokens in paths, codes in queries: the route's template stands for them."""
    text = '[[rule]]\nname = "r"\naction = "PasswordsEmailReset"\nroute = "/reset/{token}"\n'
    span = span_data(
        "GET",
        route=None,
        path="/reset/s3cr3t-t0ken",
        attributes={"url.query": "code=s3cr3t-t0ken", "http.target": "/reset/s3cr3t-t0ken?x=1"},
    )
    events = Mapper(rule_set(text), Privacy(), Rank.DERIVED).map_span(span)
    assert events[0].http_route == "/reset/{token}"
    assert "s3cr3t" not in repr(events)


SECRET = "s3cr3t-V4lue-0f-a-Us3r-xyz"


@pytest.mark.parametrize("keep", ["", 'keep = ["note", "app.tenant"]\n'])
def test_a_secret_in_any_attribute_never_gets_in(keep: str) -> None:
    """Planted in every place a span can hold one, it is in no field of any event log."""
    text = f'[[rule]]\nname = "r"\naction = "PasswordsAuthenticate"\nroute = "/login"\n{keep}'
    names = [
        "password",
        "http.request.header.authorization",
        "http.request.header.cookie",
        "form",
        "url.query",
        "url.full",
        "http.url",
        "http.target",
        "app.session",
        "note",
        "http.response.header.location",
        "http.response.header.set_cookie",
    ]
    span = span_data(
        status=500,
        attributes=dict.fromkeys(names, f"/x?token={SECRET}"),
        exceptions=[{"exception.message": f"bad token={SECRET}", "exception.stacktrace": SECRET}],
        span_status=2,
        span_status_message=f"password: {SECRET}",
        name=f"POST /login?{SECRET}",
    )
    events = Mapper(rule_set(text), Privacy(), Rank.DERIVED).map_span(span)
    assert len(events) == 2
    assert SECRET not in repr(events)


def test_what_the_application_says_beside_the_span_gets_in() -> None:
    """Annotations fill who, how and why, and keep only harmless attributes."""
    notes = Annotations(
        status=Status.ERROR,
        error_type="user_not_found",
        error_message="no such user",
        user_id="u-1",
        organization_id="o-1",
        client_id="c-1",
        correlation_id="req-1",
        flow_id="f-1",
        auth_factor="knowledge",
        session_token_hash="00ff" * 8,
        attributes={"app.tenant": "acme", "password": "x"},
    )
    start, outcome = pair(span_data(status=200), notes)
    assert (start.correlation_id, start.flow_id, start.user_id) == ("req-1", "f-1", None)
    assert (outcome.status, outcome.outcome_source) == (Status.ERROR, "app")
    assert (outcome.error_type, outcome.error_message) == ("user_not_found", "no such user")
    assert (outcome.user_id, outcome.organization_id, outcome.client_id) == ("u-1", "o-1", "c-1")
    assert (outcome.session_token_hash, outcome.attributes) == ("00ff" * 8, {"app.tenant": "acme"})


@pytest.mark.parametrize("name", ["eventlog.user_id", "user.id", "enduser.id"])
def test_the_user_is_read_from_the_span(name: str) -> None:
    """Any of the attributes that applications set today names the user."""
    assert pair(span_data(attributes={name: "u-42"}))[1].user_id == "u-42"


def test_what_the_span_itself_says_needs_no_rule() -> None:
    """`eventlog.*` attributes make an event log of any span, of any language."""
    said = {
        "action": "SessionsRevoke",
        "status": "error",
        "error_type": "expired",
        "flow_id": "f",
        "correlation_id": "c",
        "auth_method": "sso",
        "category": "mine",
        "message_status": "sent",
    }
    span = span_data(kind=INTERNAL, attributes={f"eventlog.{k}": v for k, v in said.items()})
    _, outcome = pair(span)
    for name, value in said.items():
        assert getattr(outcome, name) == value


BOUNDED = (
    "http.route",
    "user.id",
    "user_agent.original",
    "client.address",
    "eventlog.action",
    "eventlog.flow_id",
    "eventlog.category",
    "error.type",
)


def test_every_text_is_bounded() -> None:
    """No attribute of a span can make an event log large or unstorable."""
    long = "x\0\ud800" * 10_000
    span = span_data(
        attributes=dict.fromkeys(BOUNDED, long),
        resource={"service.name": long, "service.version": long},
        events=[SpanEvent("exception", {"exception.message": long, "exception.type": long})],
        span_status=2,
    )
    for event in pair(span):
        for field in fields(event):
            value = getattr(event, field.name)
            if isinstance(value, str):
                assert len(value) <= 512
                value.encode()


def test_attributes_are_allowed_by_rule_by_action_and_for_all() -> None:
    """All three lists count together, in every file; what none of them names is left out."""
    rules = rule_set(
        '[keep]\n"*" = ["app.region"]\n[[rule]]\nname = "r"\naction = "PasswordsAuthenticate"\n'
        'route = "/login"\nkeep = ["app.page"]\n',
        '[keep]\nPasswordsAuthenticate = ["app.tenant"]\nGetUser = ["app.other"]\n',
    )
    mapper = Mapper(rules, Privacy(), Rank.DERIVED)
    names = ("app.region", "app.page", "app.tenant", "app.other", "app.unlisted")
    attributes = dict.fromkeys(names, "x")
    by_rule = mapper.map_span(span_data(attributes=attributes))[1]
    assert set(by_rule.attributes) == {"app.region", "app.page", "app.tenant"}
    said = span_data(route="/me", attributes={**attributes, "eventlog.action": "GetUser"})
    assert set(mapper.map_span(said)[1].attributes) == {"app.region", "app.other"}
    other = span_data(route="/me", attributes={**attributes, "eventlog.action": "Other"})
    assert set(mapper.map_span(other)[1].attributes) == {"app.region"}


@pytest.mark.parametrize(
    ("route", "shown"),
    [
        ("/reset/<token>", "/reset/<token>"),
        ("/reset/abcdef", "/reset/{token}"),
        ("/reset", "/reset/{token}"),
        ("/app", "/reset/{token}"),
        (None, "/reset/{token}"),
    ],
)
def test_a_path_given_as_the_route_is_not_taken(route: str | None, shown: str) -> None:
    """Where the rule has a placeholder and the span's route none, the rule's template stands."""
    text = '[[rule]]\nname = "r"\naction = "PasswordsEmailReset"\nroute = "/reset/{token}"\n'
    span = span_data("GET", route=route, path="/reset/abcdef")
    events = Mapper(rule_set(text), Privacy(), Rank.DERIVED).map_span(span)
    assert [event.http_route for event in events] == [shown, shown]


def test_a_session_given_as_its_hash_is_hashed_or_left_out() -> None:
    """A hexadecimal hash stays; a token becomes a keyed hash, and nothing without a key."""
    names = ("eventlog.session_token_hash", "eventlog.session_jwt_hash")
    span = span_data(attributes=dict(zip(names, ("s3cr3t-token", "0f" * 32), strict=True)))
    without_key = pair(span)[1]
    assert (without_key.session_token_hash, without_key.session_jwt_hash) == (None, "0f" * 32)
    with_key = pair(span, hash_key=b"k")[1]
    assert with_key.session_token_hash == Privacy(b"k").keyed_hash("s3cr3t-token")
    assert with_key.session_jwt_hash == "0f" * 32


def test_contacts_are_hashed_wherever_an_id_stands() -> None:
    """With `hash_identifiers` no id and no kept attribute shows an e-mail address or phone."""
    text = '[keep]\n"*" = ["app.m"]\n[[rule]]\nname = "r"\naction = "GetUser"\nroute = "/login"\n'
    names = ("user_id", "organization_id", "client_id", "flow_id", "correlation_id")
    attributes = {f"eventlog.{name}": "Ada@example.com" for name in names}
    span = span_data(attributes={**attributes, "app.m": "ada@example.com"})
    privacy = Privacy(b"k", hash_identifiers=True)
    outcome = Mapper(rule_set(text), privacy, Rank.DERIVED).map_span(span)[1]
    hashed = privacy.keyed_hash("ada@example.com")
    assert {getattr(outcome, name) for name in names} == {hashed}
    assert outcome.attributes == {"app.m": hashed}


def test_whom_a_signal_names_yields_to_the_application() -> None:
    """The user's id: said beside the span, else on it, else by the framework; hashed alike."""
    named = Annotations(signal_user_id="ada@example.com")
    on_span = span_data(attributes={"user.id": "u-span"})
    assert pair(span_data(), named)[1].user_id == "ada@example.com"
    assert pair(on_span, named)[1].user_id == "u-span"
    said = Annotations(signal_user_id="ada@example.com", user_id="u-said")
    assert pair(on_span, said)[1].user_id == "u-said"
    hashed = pair(span_data(), named, hash_identifiers=True, hash_key=b"k" * 16)[1]
    assert hashed.user_id is not None
    assert "ada" not in hashed.user_id
