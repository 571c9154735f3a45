"""The packs for libraries without routes of their own, on the captures of small programs."""

from __future__ import annotations

import pytest

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank, SpanData
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from otel_eventlog_collector.otlp.decode_protobuf import decode_traces_protobuf
from tests.support import captures
from tests.support.captures import VARIANTS, Expected

OWN_ROUTES = {
    "flask_login": ("protected", "protected after logout", "the library README's pattern"),
    "flask_jwt_extended": ("protected",),
}
"""How the labels of the requests begin that go to a program's own pages: no pack can know them."""

NOT_SHOWN = {
    # 302 back to /login, but no Location is captured.
    ("flask_login", "default", "login, wrong password (flash and redirect)"): "success",
    # 200 for everybody: nobody was signed in.
    ("flask_jwt_extended", "default", "cookie logout without a session"): "success",
    ("flask_jwt_extended", "stable", "cookie logout without a session"): "success",
}
"""What the spans cannot show: pack, variant, label → what is seen instead."""


def spans(program: str, variant: str) -> dict[str, SpanData]:
    """Return the spans of a capture by id."""
    decoded = decode_traces_protobuf(captures.protobuf(program, variant))
    return {f"{span.span_id:016x}": span for span in decoded.spans}


def expected_outcome(pack: str, variant: str, expected: Expected) -> tuple[str, str] | None:
    """Return action and outcome that must be shown, or None for no event log."""
    if not expected.action or expected.label.startswith(OWN_ROUTES[pack]):
        return None
    seen = NOT_SHOWN.get((pack, variant, expected.label), expected.outcome)
    return None if seen == "none" else (expected.action, seen)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("pack", OWN_ROUTES)
def test_usual_routes_come_to_what_really_happened(pack: str, variant: str) -> None:
    """On the usual routes, outcomes are the real ones, except for the limits listed above."""
    program = pack.replace("_", "-")
    mapper = Mapper(load_rule_set(packs=[pack]), Privacy(), Rank.DERIVED)
    by_id = spans(program, variant)
    wrong, shown = {}, 0
    for expected in captures.expected_requests(program, variant):
        for span_id in expected.span_ids:
            events = mapper.map_span(by_id[span_id])
            found = (events[1].action, str(events[1].status)) if events else None
            shown += found is not None
            if found != expected_outcome(pack, variant, expected):
                wrong[expected.label] = found
    assert wrong == {}
    assert shown >= 3


def test_a_failed_login_is_an_error_by_the_pack_only() -> None:
    """Without the pack, 302 back to the login page is seen as a success: the pack is what tells."""
    by_id = spans("flask-login", "stable")
    (failed,) = (
        expected
        for expected in captures.expected_requests("flask-login", "stable")
        if expected.label.startswith("login, wrong password")
    )
    seen = {
        packs: str(
            Mapper(load_rule_set(packs=packs), Privacy(), Rank.DERIVED)
            .map_span(by_id[failed.span_ids[0]])[1]
            .status
        )
        for packs in ((), ("flask_login",))
    }
    assert seen == {(): "success", ("flask_login",): "error"}
