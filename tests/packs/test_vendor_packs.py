"""What packs for vendors say beyond action and outcome, on the recorded calls of their SDKs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import EventLog, Rank, SpanData
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from otel_eventlog_collector.otlp.decode_protobuf import decode_traces_protobuf

CAPTURES = Path(__file__).parent.parent / "data" / "captures"
VENDORS = ("auth0", "clerk", "cognito", "firebase", "supabase", "workos")
VARIANTS = ("default", "stable")


def told(program: str) -> list[dict[str, Any]]:
    """Return the requests of a capture."""
    loaded = json.loads((CAPTURES / program / "expectations.json").read_text())
    found: list[dict[str, Any]] = loaded["requests"]
    return found


def spans(program: str, variant: str) -> dict[int, SpanData]:
    """Return the spans of a capture by their id."""
    body = gzip.decompress((CAPTURES / program / f"spans.{variant}.otlp.pb.gz").read_bytes())
    return {span.span_id: span for span in decode_traces_protobuf(body).spans}


def outcomes(program: str, variant: str, *rule_files: Path) -> dict[str, EventLog]:
    """Return the outcome of each request that has one, by its label."""
    mapper = Mapper(load_rule_set(rule_files), Privacy(), Rank.DERIVED)
    by_id = spans(program, variant)
    found = {}
    for request in told(program):
        events = mapper.map_span(by_id[int(request["spans"][variant]["span_id"], 16)])
        if events:
            found[request["label"]] = events[-1]
    return found


@pytest.mark.parametrize("variant", VARIANTS)
def test_cognito_says_why(variant: str) -> None:
    """The exception that boto3 raises is the reason, in the words that other event logs use."""
    found = outcomes("cognito", variant)
    assert {label: found[label].error_type for label in REASONS} == REASONS


REASONS = {
    "wrong password": "invalid_credentials",
    "unknown user": "user_not_found",
    "e-mail address not confirmed": "not_confirmed",
    "password has to be reset": "password_reset_required",
    "too many attempts": "rate_limited",
    "wrong parameter": "invalid_request",
    "wrong password, by an administrator": "invalid_credentials",
    "wrong code": "invalid_code",
    "code expired": "expired",
    "authenticator app, wrong code": "invalid_code",
    "user name taken": "conflict",
    "weak password": "weak_password",
    "reset, too many attempts": "rate_limited",
    "reset, wrong code": "invalid_code",
    "change, wrong old password": "invalid_credentials",
    "session, access token revoked": "unauthorized",
    "login, nobody answers": "botocore.exceptions.EndpointConnectionError",
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_grpc_says_why(variant: str) -> None:
    """The code of a call is its reason, unless the rule knows a better one or nobody answered."""
    found = outcomes("grpc-auth", variant, CAPTURES / "grpc-auth" / "rules.toml")
    assert {label: found[label].error_type for label in RPC_REASONS} == RPC_REASONS
    assert {event.outcome_source for event in found.values()} >= {"rule", "span", "default"}


RPC_REASONS = {
    "login": None,
    "login, wrong password": "invalid_credentials",
    "login, too many attempts": "resource_exhausted",
    "login, the handler raises": "KeyError",
    "session, unknown": "unauthenticated",
    "register, taken": "already_exists",
    "watch sessions, broken off": "permission_denied",
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("program", VENDORS)
def test_the_same_paths_elsewhere_are_nobody_s(program: str, variant: str) -> None:
    """A pack for a vendor sees the vendor's hosts only: the same calls to another are none."""
    mapper = Mapper(load_rule_set(), Privacy(), Rank.DERIVED)
    moved = 0
    for span in spans(program, variant).values():
        for name in ("http.url", "url.full"):
            url = span.attributes.get(name)
            if isinstance(url, str):
                path = url.partition("://")[2].partition("/")[2]
                span.attributes = dict(span.attributes) | {
                    name: f"https://api.acme.example/{path}",
                    "server.address": "api.acme.example",
                }
                moved += 1
                assert not mapper.map_span(span)
    assert moved or program == "cognito", "Cognito is known by its service, not by a host"


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("program", VENDORS)
def test_nothing_of_a_call_but_its_route_leaves(program: str, variant: str) -> None:
    """Neither the identifiers in a path nor the query are in an event log."""
    for event in outcomes(program, variant).values():
        text = repr(event)
        for secret in ("made-up", "ada@example.com", "grant_type", "user_id-1"):
            assert secret not in text, f"{secret} in {event}"
        assert "?" not in (event.http_route or "")
