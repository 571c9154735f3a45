"""The express way is only a short cut: it gives exactly what the full way gives.

Whatever the order of the spans, however often they come, and whatever the memory holds already.
"""

from __future__ import annotations

import gzip
import random
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import EventLog, Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from otel_eventlog_collector.otlp.decode_json import decode_traces_json
from otel_eventlog_collector.otlp.decode_protobuf import decode_traces_protobuf
from otel_eventlog_collector.otlp.encode import Encoding
from otel_eventlog_collector.otlp.records import DecodedSpans
from otel_eventlog_collector.otlp.traces import TraceDecoder
from tests.support import otlp_requests as otlp
from tests.support.builders import rule_set

CAPTURES = Path(__file__).parent.parent / "data" / "captures"
PACKS = sorted(path.stem for path in Path("otel_eventlog/packs").resolve().glob("*.toml"))
HASHING = Privacy(b"0123456789abcdef", hash_client_address=True, hash_identifiers=True)

EVERY_CONDITION = """
    [keep]
    "*" = ["app.region", "user.id"]
    Kept = ["app.tenant"]

    [[rule]]
    name = "dropped"
    drop = true
    method = "POST"
    route = "/login"
    attributes = { "app.probe" = true }

    [[rule]]
    name = "by user"
    action = "AdminAuthenticate"
    route = "/login"
    attributes = { "user.id" = "admin" }

    [[rule]]
    name = "login"
    action = "PasswordsAuthenticate"
    method = ["POST", "PUT"]
    route = "/login"
    keep = ["app.note", "app.kind"]
    outcome = [
      { when = { status = [200], content_type = "text/html" }, status = "error", error_type = "x" },
      { when = { status = [302], location = "*/mfa" }, status = "success", next_step = "second" },
      { when = { query = ["error"] }, status = "error", error_type = "refused" },
      { when = { attributes = { "app.result" = "denied" } }, status = "error" },
      { when = { exception = "KeyError" }, status = "error", error_type = "key" },
      { when = { status = [204] }, status = "none" },
    ]

    [[rule]]
    name = "callback"
    action = "OAuthCallback"
    kind = "any"
    route = "/callback/{provider}"
    query = ["code"]

    [[rule]]
    name = "vendor"
    action = "Kept"
    kind = "client"
    host = "*.vendor.example"
    route = "/v1/{call}"

    [[rule]]
    name = "by scope"
    action = "ScopedAuthenticate"
    route = "/scoped"
    scope = "*.flask"

    [[rule]]
    name = "grpc"
    action = "RpcAuthenticate"
    rpc_service = "auth.Auth"
    rpc_method = "Login"
    outcome = [{ when = { rpc_status = ["NOT_FOUND"] }, status = "error", error_type = "unknown" }]

    [[rule]]
    name = "by attribute"
    action = "MarkedAuthenticate"
    kind = "internal"
    attributes = { "app.auth" = "sso" }
"""


@cache
def mapper(which: str) -> Mapper:
    """Return a mapper by the name of its rules."""
    if which == "every condition":
        return Mapper(rule_set(EVERY_CONDITION), Privacy(), Rank.DERIVED)
    if which == "hashing":
        return Mapper(rule_set(EVERY_CONDITION), HASHING, Rank.DERIVED)
    if which == "all packs":
        return Mapper(load_rule_set(packs=PACKS), Privacy(), Rank.DERIVED)
    return Mapper(load_rule_set(), Privacy(), Rank.DERIVED)


WHICH = ("every condition", "hashing", "default packs", "all packs")
WARM = {which: TraceDecoder(mapper(which)) for which in WHICH}
"""Decoders that remember everything that these tests have ever shown them."""


def event_logs(which: str, decoded: DecodedSpans) -> dict[int, list[EventLog]]:
    """Return what becomes of a decoded request, by span id."""
    found: dict[int, list[EventLog]] = {}
    for pair in decoded.pairs:
        found.setdefault(pair.span_id, []).extend(pair.event_logs())
    for span, match in zip(decoded.spans, decoded.matches, strict=True):
        events = mapper(which).pair(span, match)
        found.setdefault(span.span_id, []).extend(events)
    return {span_id: events for span_id, events in found.items() if events}


def by_the_full_way(which: str, body: bytes) -> DecodedSpans:
    """Decode without any memory."""
    return decode_traces_protobuf(body, mapper(which).rules.match)


def compare(which: str, body: bytes, decoder: TraceDecoder) -> DecodedSpans:
    """Decode both ways, which must agree; return what the express way gave."""
    full = by_the_full_way(which, body)
    express = decoder.decode(body, Encoding.PROTOBUF)
    assert event_logs(which, express) == event_logs(which, full)
    assert express.reasons == full.reasons
    assert express.error_message == full.error_message
    assert express.received == full.received
    assert len(express.spans) + len(express.pairs) + express.unwanted == (
        len(full.spans) + full.unwanted
    )
    return express


TEXTS = st.one_of(
    st.sampled_from(
        ["", "u-1", "admin", "ada@example.org", "+49 170 1234567", "198.51.100.7", "x" * 200]
    ),
    st.sampled_from(["a\0b", "ü", "eyJhbGciOi.eyJzdWIi.sig", "code 482913 is wrong", "x" * 9000]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
OTHERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.floats(),
    st.lists(st.one_of(TEXTS, st.integers(0, 9)), max_size=2),
    st.none(),
    st.binary(max_size=3),
    st.dictionaries(st.text(max_size=2), st.booleans(), max_size=1),
)
FEW: dict[str, list[Any]] = {
    "http.request.method": ["POST", "GET", "HEAD"],
    "http.method": ["POST"],
    "http.route": ["/login", "/callback/{provider}", "/other", "/scoped", "/sub", "/oauth/token"],
    "http.response.status_code": [200, 302, 401, 405, 204, "200"],
    "http.status_code": [200, 500],
    "url.path": ["/login", "/callback/acme", "/other", "/sub/login", "/v1/users", "/x%2Fy"],
    "url.query": ["code=1", "error=1", ""],
    "http.target": ["/login?error=1", "/callback/acme?code=1", "/other"],
    "url.full": ["https://api.vendor.example/v1/users", "http://other.example/login?code=1"],
    "server.address": ["api.vendor.example", "other.example"],
    "rpc.system": ["grpc"],
    "rpc.service": ["auth.Auth", "shop.Cart"],
    "rpc.method": ["Login", "auth.Auth/Login"],
    "rpc.grpc.status_code": [0, 5, "NOT_FOUND"],
    "http.response.header.location": [["/mfa"], ["/"]],
    "http.response.header.content-type": [["text/html"], "application/json"],
    "error.type": ["KeyError", "500", "timeout"],
    "app.probe": [True, False],
    "app.result": ["denied", "fine"],
    "app.auth": ["sso", "none"],
    "eventlog.action": ["PasswordsAuthenticate", "OwnAction"],
    "eventlog.status": ["success", "error", "x"],
    "eventlog.drop": [True, False],
    "eventlog.next_step": ["second_factor"],
    "eventlog.error_type": ["locked"],
    "eventlog.auth_method": ["password"],
    "eventlog.auth_factor": ["otp_sms"],
    "eventlog.category": ["own"],
    "eventlog.message_status": ["bounced"],
}
MANY = (
    *("user.id", "enduser.id", "eventlog.user_id", "client.address", "net.peer.ip"),
    *("user_agent.original", "http.user_agent", "http.request.header.x-request-id"),
    *("eventlog.correlation_id", "eventlog.flow_id", "eventlog.organization_id"),
    *("eventlog.client_id", "eventlog.session_token_hash", "eventlog.session_jwt_hash"),
    *("eventlog.error_message", "app.region", "app.tenant", "app.note", "app.kind"),
    *("client.port", "app.unread", "päth", ""),
)


@st.composite
def attributes(draw: st.DrawFn) -> list[Any]:
    """Return attributes as OTLP's pairs, mostly usual ones, sometimes one of them twice."""
    few = draw(st.lists(st.sampled_from(sorted(FEW)), max_size=7))
    found = [(name, draw(st.sampled_from(FEW[name]))) for name in few]
    many = draw(st.lists(st.sampled_from(MANY), max_size=6))
    found += [(name, draw(TEXTS if draw(st.integers(0, 7)) else OTHERS)) for name in many]
    if found and draw(st.integers(0, 9)) == 0:
        name, value = found[0]
        found.append((name, draw(st.one_of(st.just(value), OTHERS, TEXTS))))
    if not draw(st.integers(0, 3)):
        found = list(dict(found).items())
    if "http.route" not in dict(found) and draw(st.booleans()):
        found.append(("http.route", "/login"))
    return [pair for name, value in found for pair in otlp.key_values({name: value})]


EXCEPTION = {
    "name": "exception",
    "attributes": otlp.key_values(
        {"exception.type": "builtins.KeyError", "exception.message": "no user ada@example.org"}
    ),
}
SPANS = st.builds(
    otlp.Span,
    trace_id=st.sampled_from([otlp.TRACE_ID.to_bytes(16)] * 9 + [b"", b"\1" * 15]),
    span_id=st.sampled_from([(7).to_bytes(8)] * 9 + [bytes(8)]),
    parent_span_id=st.sampled_from([b"", (8).to_bytes(8), b"\1"]),
    name=st.sampled_from(["POST /login", ""]),
    kind=st.sampled_from([2, 2, 2, 3, 1, 5, 99]),
    start_time_unix_nano=st.sampled_from([otlp.NOW, otlp.NOW + 1, 1, 0, 2**63]),
    end_time_unix_nano=st.sampled_from([otlp.NOW + 5_000_000, otlp.NOW - 1, 0, otlp.NOW]),
    attributes=attributes(),
    events=st.sampled_from(
        [[], [], [], [{"name": "sent"}], [EXCEPTION], [{"name": "an exception, nearly"}]]
    ),
    status=st.sampled_from(
        [None, None, {"code": 1}, {"code": 2}, {"code": 2, "message": "no user ada@example.org"}]
    ),
)


def request_of(groups: list[tuple[str, str, list[Any]]], rng: random.Random) -> bytes:
    """Return a request of spans by service and scope, each with a span id of its own, shuffled."""
    request = otlp.ExportTraceServiceRequest()
    number = 0
    for service, scope, spans in groups:
        copies = [otlp.Span.FromString(span.SerializeToString()) for span in spans]
        rng.shuffle(copies)
        for span in copies:
            number += 1
            if any(span.span_id):
                span.span_id = number.to_bytes(8)
        request.resource_spans.extend(otlp.traces(copies, service, scope).resource_spans)
    return request.SerializeToString()


GROUPS = st.lists(
    st.tuples(
        st.sampled_from(["shop", "blog"]),
        st.sampled_from(["opentelemetry.instrumentation.flask", "x"]),
        st.lists(SPANS, min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(WHICH), GROUPS, st.integers(0, 99))
def test_the_express_way_gives_what_the_full_way_gives(
    which: str, groups: list[tuple[str, str, list[Any]]], seed: int
) -> None:
    """Spans are first unknown, then learned, then known; the answer never changes."""
    rng = random.Random(seed)
    cold = TraceDecoder(mapper(which))
    for _ in range(3):
        body = request_of(groups, rng)
        compare(which, body, WARM[which])
        express = compare(which, body, cold)
    again = cold.decode(body, Encoding.PROTOBUF)
    assert Counter(map(id, again.pairs)).keys().isdisjoint(map(id, express.pairs))
    assert list(again.pairs) == list(express.pairs)


def recorded() -> list[Any]:
    """Return every recorded request of every program."""
    return sorted(CAPTURES.glob("*/spans.*"))


def body_of(path: Path) -> bytes:
    """Return a recording as one protobuf request."""
    data = gzip.decompress(path.read_bytes())
    if ".pb." in path.name:
        return data
    request = otlp.ExportTraceServiceRequest()
    for span in decode_traces_json(data).spans:
        attributes: dict[str, Any] = dict(span.attributes)
        made = otlp.Span(
            trace_id=span.trace_id.to_bytes(16),
            span_id=span.span_id.to_bytes(8),
            parent_span_id=span.parent_span_id.to_bytes(8) if span.parent_span_id else b"",
            name=span.name,
            kind=span.kind,  # type: ignore[arg-type] # an enum's number
            start_time_unix_nano=span.start_unix_nano,
            end_time_unix_nano=span.end_unix_nano,
            attributes=otlp.key_values(attributes),
        )
        request.resource_spans.extend(otlp.traces([made], "shop", span.scope_name).resource_spans)
    return request.SerializeToString()


@pytest.mark.parametrize("which", WHICH)
def test_recordings_give_the_same_on_both_ways(which: str) -> None:
    """Spans of real programs: cold, learned, known, and with what other programs taught."""
    decoder = TraceDecoder(mapper(which))
    pairs = spans = 0
    bodies = [body_of(path) for path in recorded()]
    assert len(bodies) > 40
    for turn in range(3):
        for body in bodies:
            express = compare(which, body, decoder)
            pairs += len(express.pairs) if turn == 2 else 0
            spans += len(express.spans) if turn == 2 else 0
    assert pairs > spans, "most recorded auth calls take the express way, once known"
