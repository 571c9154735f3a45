"""`Judge`: the rules' answers, faster, and which spans are to be judged again."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from otel_eventlog.judge import MEMO_REQUESTS_MAX, Judge
from otel_eventlog.rulefile import load_rule_set
from tests.support.builders import CLIENT, INTERNAL, SERVER, rule_set

RULES = load_rule_set()
TEXTS = st.sampled_from(["/login", "/news", "/login/", "/api/login", "/x/login?next=1", "", "POST"])
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        [
            "http.request.method",
            "http.method",
            "http.route",
            "url.path",
            "http.target",
            "http.url",
            "eventlog.action",
            "eventlog.drop",
        ]
    ),
    TEXTS | st.booleans() | st.lists(TEXTS, max_size=2),
)


@given(st.lists(st.tuples(st.sampled_from([SERVER, CLIENT, INTERNAL]), ATTRIBUTES), max_size=30))
def test_remembering_changes_no_answer(spans: list[tuple[int, dict[str, Any]]]) -> None:
    """Whatever was judged before, the answer is that of the rule set."""
    judge = Judge(RULES)
    for kind, attributes in spans + spans:
        match = RULES.match(kind, attributes, "s")
        assert judge.match(kind, attributes, "s") == match
        assert judge.wants(kind, attributes) is (
            match is not None or RULES.undecidable(kind, attributes)
        )


def test_what_a_rule_asks_beyond_the_route_is_never_remembered() -> None:
    """Two requests of one route that differ in the asked attribute are judged each by its own."""
    judge = Judge(
        rule_set(
            '[[rule]]\nname = "x"\naction = "SSOAuthenticate"\nroute = "/cb"\n'
            'attributes = { tenant = "acme" }'
        )
    )
    span = {"http.request.method": "POST", "http.route": "/cb", "url.path": "/cb"}
    assert judge.match(SERVER, span, "") is None
    assert judge.match(SERVER, span | {"tenant": "acme"}, "") is not None


def test_the_memory_of_paths_is_bounded() -> None:
    """A scanner that tries a hundred thousand paths fills no memory."""
    judge = Judge(RULES)
    for number in range(MEMO_REQUESTS_MAX + 10):
        judge.match(SERVER, {"http.method": "POST", "http.target": f"/{number}"}, "")
    assert len(judge._matches) <= MEMO_REQUESTS_MAX


def test_a_server_span_without_a_route_is_judged_again() -> None:
    """Its route may come late; one with a route that no rule wants is settled."""
    judge = Judge(RULES)
    assert judge.is_to_be_judged_again(SERVER, {"url.path": "/x"})
    assert not judge.is_to_be_judged_again(SERVER, {"http.route": "/x", "url.path": "/x"})
    assert not judge.is_to_be_judged_again(INTERNAL, {})
