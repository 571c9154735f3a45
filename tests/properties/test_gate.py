"""The gate errs on one side only: in a span that a rule fits it always finds something."""

from __future__ import annotations

import gzip
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from otel_eventlog.rules import RuleGroup
from otel_eventlog.ruleset import RuleSet
from otel_eventlog_collector.limits import SHALLOW_BYTES_MAX
from otel_eventlog_collector.otlp.decode_protobuf import decode_traces_protobuf
from otel_eventlog_collector.otlp.encode import Encoding
from otel_eventlog_collector.otlp.gate import suspicion
from otel_eventlog_collector.otlp.outline import outline
from otel_eventlog_collector.otlp.traces import TraceDecoder
from tests.support import otlp_requests as otlp
from tests.support.builders import rule_set
from tests.support.rule_strategies import rules_and_spans

DEFAULT = load_rule_set()
SUSPECTS = suspicion(DEFAULT.rules)
CPU_S_MAX = 5
"""No speed is meant: a square of time would be minutes."""
CAPTURES = Path(__file__).parent.parent / "data" / "captures"


def encoded(attributes: Mapping[str, Any], kind: int = 2) -> bytes:
    """Return a span's bytes."""
    span = otlp.span(1, kind=kind, attributes=otlp.key_values(dict(attributes)))
    return span.SerializeToString()


def is_suspicious(attributes: Mapping[str, Any]) -> bool:
    """Return whether the gate of the default packs finds something."""
    assert SUSPECTS is not None
    return SUSPECTS.search(encoded(attributes)) is not None


@settings(max_examples=400, deadline=None)
@given(rules_and_spans())
def test_what_a_rule_fits_is_suspicious(
    drawn: tuple[list[RuleGroup], list[tuple[int, Any, str]]],
) -> None:
    """Whatever the rules and the dialects of their templates, and however the path is written."""
    groups, spans = drawn
    rules = RuleSet(groups)
    pattern = suspicion(rules.rules)
    for kind, attributes, scope in spans:
        if pattern is not None and rules.match(kind, attributes, scope) is not None:
            assert pattern.search(encoded(attributes, kind)), attributes


PATHS = st.one_of(
    st.sampled_from(
        ["/login", "login", "/login/", "//login", "/lo%67in", "/%6cogin", "/login?x=1"]
    ),
    st.sampled_from(["/api/v1/auth/login", "/auth/tok%65n", "/oauth/token", "/realms/a/b", "/"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries(
        {"http.request.method": st.sampled_from(["POST", "GET"])},
        optional={
            "http.route": PATHS,
            "url.path": PATHS,
            "http.target": st.one_of(PATHS, PATHS.map("http://a.example{}".format)),
            "url.full": st.builds(
                "{}{}{}".format,
                st.sampled_from(["http://", "https://u@", "HTTPS://", "x", ""]),
                st.sampled_from(["api.stytch.com", "API.Stytch.com:443", "shop.internal", "[::1]"]),
                PATHS,
            ),
            "http.url": PATHS.map("https://tenant.auth0.com{}".format),
            "server.address": st.sampled_from(["api.stytch.com", "shop.internal"]),
            "rpc.system": st.just("grpc"),
            "rpc.service": st.sampled_from(["Cognito Identity Provider", "a"]),
            "rpc.method": st.sampled_from(["InitiateAuth", "b"]),
            "eventlog.action": st.sampled_from(["Own", ""]),
        },
    ),
    st.sampled_from([1, 2, 3, 5]),
)
def test_what_a_default_rule_fits_is_suspicious(attributes: dict[str, Any], kind: int) -> None:
    """Near the default packs: other spellings, encodings, hosts, and both conventions."""
    if DEFAULT.match(kind, attributes, "x") is not None:
        assert is_suspicious(attributes)


@pytest.mark.parametrize(
    "path", sorted(CAPTURES.glob("*/spans.*.pb.gz")), ids=lambda path: path.parent.name
)
def test_recorded_auth_calls_are_suspicious(path: Path) -> None:
    """In the spans of real programs the gate overlooks nothing."""
    assert SUSPECTS is not None
    for group in outline(gzip.decompress(path.read_bytes())).resources:
        for scope in group.scopes:
            for data in scope.records:
                (span,) = decode_traces_protobuf(otlp.traces_of_slices([data])).spans
                if DEFAULT.match(span.kind, span.attributes, "") is not None:
                    assert SUSPECTS.search(data)


FOREIGN = {
    "http.request.method": "GET",
    "url.path": "/articles/17",
    "http.route": "/articles/{number}",
    "user_agent.original": "tests/1.0",
}
CALL = {"http.request.method": "GET", "url.full": "http://stock.internal:8080/stock/17"}


@pytest.mark.parametrize("attributes", [FOREIGN, CALL, {"db.system": "postgresql"}, {}])
def test_foreign_spans_are_not_suspicious(attributes: dict[str, Any]) -> None:
    """Else the gate would be of no use."""
    assert not is_suspicious(attributes)


FAKE = b"".join(
    pair.SerializeToString() for pair in otlp.key_values({"http.route": "/x", "url.path": "/x"})
).decode()


@pytest.mark.parametrize("where", ["user_agent.original", "user.id", "app.before"])
def test_no_text_that_somebody_chose_hides_a_login(where: str) -> None:
    """A user agent that holds a whole encoded attribute is suspicious, never an excuse."""
    assert is_suspicious({where: FAKE, "url.path": "/login", "http.request.method": "POST"})
    assert is_suspicious({"http.route": "/login", "http.request.method": "POST", where: FAKE})


def test_an_unusual_encoding_is_suspicious() -> None:
    """A value before its name, a number in place of text: one looks closer."""
    assert SUSPECTS is not None
    key = b"\x0a\x0ahttp.route"
    text = b"\x0a\x02/x"
    usual = key + b"\x12\x04" + text
    assert not SUSPECTS.search(b"\x4a" + bytes([len(usual)]) + usual)
    for odd in (b"\x12\x04" + text + key, key + b"\x12\x02\x18\x01", key + b"\x1a\x00"):
        assert SUSPECTS.search(b"\x4a" + bytes([len(odd)]) + odd + b"\x39")


@pytest.mark.parametrize(
    "text",
    [
        '[[rule]]\nname = "a"\naction = "Login"\nscope = "*.flask"',
        '[[rule]]\nname = "a"\naction = "Login"\nroute = "/{tenant}/login"',
        '[[rule]]\nname = "a"\naction = "Login"\nroute = "/*"',
        '[[rule]]\nname = "a"\naction = "Login"\nquery = ["code"]',
    ],
)
def test_rules_that_may_want_anything_have_no_gate(text: str) -> None:
    """A rule without anything to look for sends every span the longer way."""
    assert suspicion(rule_set(text).rules) is None


def malformed(**changes: Any) -> bytes:
    """Return a span that no rule wants, and that is none."""
    return otlp.span(3, **({"attributes": otlp.key_values(FOREIGN)} | changes)).SerializeToString()


@pytest.mark.parametrize(
    ("reason", "data"),
    [
        ("trace_id", malformed(trace_id=bytes(16))),
        ("trace_id", malformed(trace_id=b"\1" * 15)),
        ("span_id", malformed(span_id=bytes(8))),
        ("span_id", malformed(span_id=b"\1" * 9)),
        ("parent_span_id", malformed(parent_span_id=b"\1" * 7)),
        ("start_time", malformed(start_time_unix_nano=0)),
        ("out_of_range", malformed(start_time_unix_nano=2**63)),
        ("out_of_range", malformed(end_time_unix_nano=2**63)),
        ("malformed", malformed()[:-3]),
        ("malformed", b""),
    ],
)
@pytest.mark.parametrize("beside", [FOREIGN, {"http.route": "/login", "url.path": "/login"}])
def test_what_is_no_span_is_rejected_though_nobody_wants_it(
    reason: str, data: bytes, beside: dict[str, Any]
) -> None:
    """The gate lets nothing pass as unwanted that has no ids and times."""
    reason = "trace_id" if not data else reason
    decoder = TraceDecoder(Mapper(DEFAULT, Privacy(), Rank.DERIVED))
    body = otlp.traces_of_slices([*[encoded(FOREIGN)] * 40, data, encoded(beside)])
    decoded = decoder.decode(body, Encoding.PROTOBUF)
    if reason == "malformed":
        return  # an attribute that nobody reads is not parsed
    assert decoded.reasons == {reason: 1}
    assert decoded.received == 42


@pytest.mark.parametrize(
    "fragment",
    [
        b"\n\x08url.path\x12\x7f\n\x7f/api/",
        b"\n\x0ahttp.route\x12\x7f\n\x7fv1/users/aaaaaaaaaaaaaaaaaaaaaaaa",
        b"\n\x08url.full\x12\x7f\n\x7fhttps://" + b"a" * 60,
        b"\n\x08",
        b"\n\x0ahttp.route\x12\xff\x7f\n\xff\x7f",
        b"/realms/" * 3,
    ],
)
def test_no_text_makes_the_gate_slow(fragment: bytes) -> None:
    """What somebody repeats half a million bytes long costs no square of time."""
    assert SUSPECTS is not None
    text = fragment * (SHALLOW_BYTES_MAX // len(fragment))
    begun = time.process_time()
    SUSPECTS.findall(text)
    SUSPECTS.findall(text.replace(b"/", b"x"))
    assert time.process_time() - begun < CPU_S_MAX


@pytest.mark.parametrize("size", [SHALLOW_BYTES_MAX // 2, 4 * SHALLOW_BYTES_MAX])
def test_bytes_that_would_keep_the_gate_busy_pass_it_by(size: int) -> None:
    """What has a tag at every other byte is bounded, and rejected, on the longer way."""
    decoder = TraceDecoder(Mapper(DEFAULT, Privacy(), Rank.DERIVED))
    dense = encoded(FOREIGN) + b"\x5a\x80\x7f" + b"\n\x08" * 8128
    body = otlp.traces_of_slices([dense] * (size // len(dense)))
    begun = time.process_time()
    decoded = decoder.decode(body, Encoding.PROTOBUF)
    assert time.process_time() - begun < CPU_S_MAX
    assert decoded.received == decoded.unwanted + decoded.rejected
