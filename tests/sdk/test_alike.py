"""Requests like those before take a short way, on which everything comes out the same."""

from __future__ import annotations

from typing import Any, cast

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from otel_eventlog.alike import LAYOUTS_MAX, SHAPES_MAX, Materialiser
from otel_eventlog.delivery.record import encode_record
from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank, SpanEvent
from otel_eventlog.model import Status as EventStatus
from otel_eventlog.outcome import Annotations
from otel_eventlog.pairs import Half, whole
from otel_eventlog.privacy import Privacy
from otel_eventlog.readable import SpanHead
from otel_eventlog.rules import Match
from otel_eventlog.snapshots import Ended, Started, materialise
from tests.support.builders import rule_set, rule_set_with_packs

RULES = rule_set_with_packs("""
[[rule]]
name = "plain"
action = "PasswordsAuthenticate"
route = "/plain"
[[rule]]
name = "keeps"
action = "UsersUpdate"
route = "/keeps"
keep = ["app.plan"]
[[rule]]
name = "other"
action = "PasswordsAuthenticate"
route = "/other"
[[rule.outcome]]
when = { status = [200] }
status = "error"
error_type = "told"
[[rule]]
name = "asks"
action = "SSOAuthenticate"
route = "/asks"
[[rule.outcome]]
when = { query = "error", status = [200] }
status = "error"
[[rule.outcome]]
when = { location = "/login*" }
status = "error"
error_type = "sent_back"
[[rule]]
name = "keeps-whom"
action = "UsersUpdate"
route = "/keeps-whom"
keep = ["enduser.id"]
[[rule]]
name = "sends"
action = "SSOAuthenticate"
route = "/sends"
[[rule.outcome]]
when = { location = "/login*" }
status = "error"
error_type = "sent_back"
[[rule]]
name = "drops"
action = "SSOAuthenticate"
route = "/drops"
[[rule.outcome]]
when = { content_type = "text/html" }
status = "none"
""")
MAPPERS = [
    Mapper(RULES, Privacy(), Rank.APP),
    Mapper(RULES, Privacy(hash_key=b"k" * 32, hash_identifiers=True), Rank.APP),
]
ROUTES = ("/plain", "/keeps", "/asks", "/other", "/drops", "/sends", "/keeps-whom")
MATCHES = {
    route: cast("Match", RULES.match(2, {"http.method": "POST", "http.route": route}, ""))
    for route in ROUTES
}
RESOURCES = [Resource({"service.name": "shop"}), Resource({"service.name": "till"})]


def usual(number: int = 1, **told: Any) -> Ended:
    """Return a usual outcome; attributes by name, with two underscores for a dot."""
    attributes: dict[str, Any] = {
        "http.method": "POST",
        "http.route": "/plain",
        "http.target": f"/plain?state={number}",
        "http.status_code": 200,
        "http.user_agent": f"Firefox/{number}",
        "user_agent.original": f"Firefox/{number}.0",
        "net.peer.ip": f"10.0.0.{number}",
        "enduser.id": f"u-{number}",
        "eventlog.error_message": f"wrong password {number}",
    }
    attributes |= {name.replace("__", "."): value for name, value in told.items()}
    context = SpanContext(number + 1, number, is_remote=False, trace_flags=TraceFlags(1))
    head = SpanHead(context, None, SpanKind.SERVER, number, RESOURCES[0], None)
    return Ended(head, attributes, number + 5, Status(), (), MATCHES["/plain"], with_start=True)


def in_head(**changes: Any) -> Ended:
    """Return a usual outcome of a span that said something else from its start on."""
    ended = usual(7)
    return ended._replace(head=ended.head._replace(**changes))


def without_message(status: Status) -> Ended:
    """Return the outcome of a span that says what went wrong in its status alone."""
    told = {k: v for k, v in usual(5).attributes.items() if k != "eventlog.error_message"}
    return usual(5)._replace(attributes=told, status=status)


EXCEPTION = SpanEvent("exception", {"exception.type": "ValueError", "exception.message": "told"})
NOTES = Annotations(user_id="u-9", status=EventStatus.ERROR)
ERROR = Status(StatusCode.ERROR)
ASKS, KEEPS, DROPS = MATCHES["/asks"], MATCHES["/keeps"], MATCHES["/drops"]
KINDS: dict[str, Started | Ended] = {
    "usual": usual(1),
    "another": usual(2),
    "a start": Started(usual(3).head, usual(3).attributes, MATCHES["/plain"], None),
    "another start": Started(usual(4).head, usual(4).attributes, MATCHES["/plain"], "r-4"),
    "an outcome alone": usual(3)._replace(with_start=False),
    "401": usual(4, http__status_code=401),
    "true": usual(4, http__status_code=True),
    "one": usual(4, http__status_code=1),
    "text": usual(4, http__status_code="401"),
    "405": usual(4, http__status_code=405),
    "another method": usual(4, http__method="GET"),
    "empty text": usual(4, user_agent__original=""),
    "no text": usual(4, user_agent__original=("curl", "x")),
    "no text where it is copied": usual(4, enduser__id=5),
    "no key": usual(4, http__method=["POST"]),
    "more": usual(4, eventlog__auth_method="otp_sms"),
    "said": usual(4, eventlog__action="PasswordsAuthenticate"),
    "said otherwise": usual(4, eventlog__action="SessionsRevoke"),
    "no user": usual(4, enduser__id=""),
    "not sampled": in_head(context=SpanContext(9, 9, is_remote=False)),
    "a parent": in_head(parent=SpanContext(9, 8, is_remote=True)),
    "no start": in_head(start_unix_nano=None),
    "another resource": in_head(resource=RESOURCES[1]),
    "a scope": in_head(scope=InstrumentationScope("flask")),
    "internal": in_head(kind=SpanKind.INTERNAL),
    "a clock that stepped back": usual(99)._replace(end_unix_nano=3),
    "no end": usual(5)._replace(end_unix_nano=None),
    "an error": usual(5)._replace(status=ERROR),
    "an error that says why": usual(5)._replace(status=Status(StatusCode.ERROR, "told")),
    "without a message": without_message(Status(StatusCode.ERROR, "told so")),
    "without a message again": without_message(Status(StatusCode.ERROR, "told otherwise")),
    "an exception": usual(5)._replace(status=ERROR, events=(EXCEPTION,)),
    "notes": usual(5)._replace(notes=NOTES),
    "a caller": usual(5)._replace(correlation_id="r-5"),
    "another caller": usual(6)._replace(correlation_id="r-6"),
    "no valid caller": usual(6)._replace(correlation_id="r 6\n"),
    "a caller on the span": usual(6, http__request__header__x_request_id="r-7"),
    "callers on the span": usual(6, http__request__header__x_request_id=("r-8",)),
    "both callers": usual(6, http__request__header__x_request_id="r-7")._replace(
        correlation_id="r-9"
    ),
    "another rule": usual(6)._replace(match=MATCHES["/other"]),
    "another action": usual(6)._replace(match=Match("SessionsRevoke", None)),
    "yet another action": usual(6)._replace(match=Match("SessionsAuthenticate", None)),
    "no server's 405": in_head(kind=SpanKind.INTERNAL)._replace(
        attributes=usual(4, http__status_code=405).attributes
    ),
    "kept whom": usual(6)._replace(match=MATCHES["/keeps-whom"]),
    "kept, but redacted": usual(6, enduser__id="Bearer abcdef0123456789abcdef")._replace(
        match=MATCHES["/keeps-whom"]
    ),
    "kept whom else": usual(7)._replace(match=MATCHES["/keeps-whom"]),
    "asked": usual(6, http__target="/asks?error=1")._replace(match=ASKS),
    "asked, no error": usual(6, http__target="/asks?code=1")._replace(match=ASKS),
    "sent back": usual(6)._replace(match=MATCHES["/sends"], location="/login?next=/"),
    "sent home": usual(6)._replace(match=MATCHES["/sends"], location="/home"),
    "dropped": usual(6)._replace(match=DROPS, content_type="text/html"),
    "not dropped": usual(6)._replace(match=DROPS, content_type="application/json"),
    "dropped after its start": usual(6)._replace(
        match=DROPS, content_type="text/html", with_start=False
    ),
    "kept": usual(6, app__plan="pro")._replace(match=KEEPS),
    "kept too": usual(6, app__plan="free")._replace(match=KEEPS),
}


@pytest.mark.parametrize("mapper", MAPPERS, ids=["plain", "hashed"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_short_way_comes_to_the_same(kind: str, mapper: Mapper) -> None:
    """Whatever came before: equal event logs, and the same bytes on the wire."""
    of_kind = KINDS[kind]
    for before in KINDS.values():
        made_by = Materialiser(mapper)
        for snapshot in (before, before, of_kind, of_kind, before, of_kind):
            expected = materialise(mapper, snapshot)
            made = made_by(snapshot)
            assert [whole(each) for each in made] == list(expected)
            assert [encode_record(each) for each in made] == [encode_record(e) for e in expected]


def is_short(made_by: Materialiser, *snapshots: Ended) -> bool:
    """Whether the last of some snapshots took the short way."""
    *_, last = map(made_by, snapshots)
    return bool(last) and all(isinstance(each, Half) for each in last)


def test_the_third_of_its_kind_takes_the_short_way_and_so_do_those_after() -> None:
    """Ids, times, persons, addresses and callers do not make it another kind."""
    made_by = Materialiser(MAPPERS[0])
    assert not is_short(made_by, usual(1))
    assert is_short(made_by, usual(2), usual(3)._replace(correlation_id="r-3"))
    assert is_short(made_by, usual(4))
    assert not is_short(made_by, usual(5, http__status_code=401))


def test_what_depends_on_more_than_is_told_apart_goes_the_full_way() -> None:
    """The query that a rule's condition asks for, kept attributes, the application's notes."""
    made_by = Materialiser(MAPPERS[0])
    for case in (
        [usual(number)._replace(match=ASKS) for number in range(1, 5)],
        [usual(number, app__plan="pro")._replace(match=KEEPS) for number in range(1, 5)],
        [usual(number)._replace(notes=NOTES) for number in range(1, 5)],
        [usual(number, user_agent__original=("a",)) for number in range(1, 5)],
    ):
        assert not is_short(made_by, *case)


def test_what_is_remembered_is_bounded() -> None:
    """Whatever an application's spans are like, memory stays small, and the answers right."""
    made_by = Materialiser(MAPPERS[0])
    for number in range(SHAPES_MAX + LAYOUTS_MAX):
        snapshot = usual(1, **{"http__status_code": 200 + number, f"app.{number}": 1})
        for _ in range(2):
            assert [whole(each) for each in made_by(snapshot)] == [
                *materialise(MAPPERS[0], snapshot)
            ]
    assert len(made_by._layouts) <= LAYOUTS_MAX
    assert len(made_by._shapes) <= SHAPES_MAX
    assert len(made_by._seen_once) <= SHAPES_MAX


def test_an_empty_rule_set_still_has_a_short_way() -> None:
    """What the span itself says is a kind like others."""
    mapper = Mapper(rule_set(), Privacy(), Rank.APP)
    said = Match("SessionsRevoke", None)
    snapshots = [usual(number)._replace(match=said) for number in range(1, 4)]
    assert is_short(Materialiser(mapper), *snapshots)
