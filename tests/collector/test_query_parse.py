"""Parameters become queries; what cannot is told with the fix."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_eventlog_collector.errors import QueryError
from otel_eventlog_collector.query import FILTER_FIELDS, Cursor, EventQuery, Term
from otel_eventlog_collector.query_parse import PARAMETERS, cursor_text, parse_query
from otel_eventlog_collector.query_parse.cursor import parse_cursor
from otel_eventlog_collector.query_parse.times import (
    duration_text,
    parse_duration_ns,
    parse_time,
)

NOW = 1_795_419_852_646_225_529
MINUTE = 60 * 1_000_000_000


def parsed(*parameters: tuple[str, str]) -> EventQuery:
    """Parse parameters at NOW."""
    return parse_query(parameters, NOW)


def mistakes(*parameters: tuple[str, str]) -> dict[str, str]:
    """Return what is told about wrong parameters, by field."""
    with pytest.raises(QueryError) as raised:
        parsed(*parameters)
    return {one.field: one.message for one in raised.value.mistakes}


def test_no_parameters_ask_for_the_newest() -> None:
    """Without parameters the query is the default one: newest first, no filter."""
    assert parsed() == EventQuery()


@pytest.mark.parametrize("field", FILTER_FIELDS)
def test_every_field_is_a_filter(field: str) -> None:
    """Each field can be asked for, repeated for OR, and negated with `!`."""
    one, two = {"status": ("start", "error"), "phase": ("start", "end")}.get(field, ("401", "302"))
    if field == "outcome_source":
        one, two = "http", "app"
    query = parsed((field, one), (field, two), (f"{field}!", one))
    assert query.filters == {field: (Term(one), Term(two), Term(one, negated=True))}


@pytest.mark.parametrize(
    ("value", "term"),
    [
        ("Pass*", Term("Pass", prefix=True)),
        ("*", Term("", prefix=True)),
        ("a*b", Term("a*b")),
        ("star\\*", Term("star*")),
        ("a\\b", Term("a\\b")),
    ],
)
def test_a_star_at_the_end_means_begins_with(value: str, term: Term) -> None:
    """Only the last character is a wildcard, and a backslash makes it a star."""
    assert parsed(("user_id", value)).filters == {"user_id": (term,)}


def test_ids_are_compared_in_lower_case() -> None:
    """Ids are stored in lower case, so they are found however they were copied."""
    assert parsed(("trace_id", "ABC")).filters == {"trace_id": (Term("abc"),)}


@pytest.mark.parametrize(
    ("q", "filters", "text"),
    [
        ("status:error", {"status": (Term("error"),)}, ()),
        ("-status:start", {"status": (Term("start", negated=True),)}, ()),
        ("status!=start", {"status": (Term("start", negated=True),)}, ()),
        ("user_id:a user_id:b", {"user_id": (Term("a"), Term("b"))}, ()),
        ('user_id:"a b*"', {"user_id": (Term("a b*"),)}, ()),
        ("action:Pass*", {"action": (Term("Pass", prefix=True),)}, ()),
        ("192.0.2.7", {}, (Term("192.0.2.7"),)),
        ('"free text" -bot', {}, (Term("free text"), Term("bot", negated=True))),
        (r'"a \"b\" \\ c"', {}, (Term(r'a "b" \ c'),)),
        ("10:42", {}, (Term("10:42"),)),
        ("   ", {}, ()),
    ],
)
def test_the_search_language(q: str, filters: object, text: object) -> None:
    """`q` has key:value, negation, quotes and free text, and means the same as the filters."""
    query = parsed(("q", q))
    assert (query.filters, query.text) == (filters, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("-15m", NOW - 15 * MINUTE),
        ("15m", NOW - 15 * MINUTE),
        ("now-1h30m", NOW - 90 * MINUTE),
        ("15m ago", NOW - 15 * MINUTE),
        ("1970-01-02", 86_400 * 10**9),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1970-01-01T02:00:00 02:00", 0),
        ("1970-01-01T00:00:00-00:30", 30 * MINUTE),
        ("1970-01-01 00:01", MINUTE),
        ("1795419852646225529", NOW),
    ],
)
def test_times_can_be_absolute_or_relative(text: str, expected: int) -> None:
    """Every way to write a time gives its nanoseconds."""
    assert parse_time(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-11-23T25:00:00Z", "-15x"])
def test_what_is_no_time_is_told_how_to_write_one(text: str) -> None:
    """A wrong time is refused with an example of a right one."""
    assert "2026-11-23T10:42:00Z" in mistakes(("since", text))["since"]


@given(st.integers(1, 10**5), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_durations_survive_being_written(number: int, unit: str) -> None:
    """A duration that is written and read again is the same."""
    duration_ns = parse_duration_ns(f"{number}{unit}")
    assert parse_duration_ns(duration_text(duration_ns)) == duration_ns


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**128 - 1))
def test_cursors_survive_being_written(time_unix_nano: int, event_uuid: int) -> None:
    """A cursor that went through a client is the same."""
    cursor = Cursor(time_unix_nano, event_uuid)
    assert parse_cursor(cursor_text(cursor)) == cursor


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("acton", "x", 'did you mean "action"?'),
        ("user", "x", 'did you mean "user_id"?'),
        ("status", "failed", 'did you mean "error"?'),
        ("status", "strat", 'did you mean "start"?'),
        ("user_id", "", "user_id!=*"),
        ("http_status_code", "4xx", "401"),
        ("limit", "0", "from 1 to 1000"),
        ("limit", "1001", "next_cursor"),
        ("order", "newest", '"desc"'),
        ("cursor", "nonsense", "first page"),
        ("q", "usr_id:x", 'did you mean "user_id"?'),
        ("q", "https://example.com", 'put it in quotes: "https://example.com"'),
        ("q", 'user_id:"a', 'add a "'),
        ("q", "user_id:", "key:value"),
        ("q", "x" * 5000, "at most 4096"),
        ("user_id", "x" * 600, "at most 512"),
    ],
)
def test_a_mistake_names_its_field_and_the_fix(name: str, value: str, hint: str) -> None:
    """Each wrong parameter is told by its name, with what to write instead."""
    assert hint in mistakes((name, value))[name]


def test_all_mistakes_are_told_at_once() -> None:
    """A query with several wrong parameters hears of all of them."""
    found = mistakes(("acton", "x"), ("limit", "0"), ("since", "soon"), ("order", "up"))
    assert set(found) == {"acton", "limit", "since", "order"}


def test_since_after_until_is_a_mistake() -> None:
    """A time range that holds nothing is told instead of answered with nothing."""
    assert "swap" in mistakes(("since", "now"), ("until", "-1h"))["since"]


def test_a_parameter_that_cannot_be_repeated_is_refused_twice() -> None:
    """Two limits contradict each other."""
    assert "once" in mistakes(("limit", "1"), ("limit", "2"))["limit"]


def test_the_number_of_terms_is_bounded() -> None:
    """A query of hundreds of terms is refused."""
    assert "at most 100" in mistakes(*(("user_id", str(n)) for n in range(101)))["user_id"]


@given(
    st.lists(
        st.tuples(st.sampled_from([*PARAMETERS, *FILTER_FIELDS, "status!", "x"]), st.text()),
        max_size=6,
    )
)
def test_any_text_is_a_query_or_a_mistake(parameters: list[tuple[str, str]]) -> None:
    """Nothing but QueryError leaves the parser, whatever a client sends."""
    try:
        query = parse_query(parameters, NOW)
    except QueryError as error:
        assert all(one.message and one.field for one in error.mistakes)  # noqa: PT017
    else:
        assert isinstance(query, EventQuery)


@given(st.text())
def test_any_text_is_a_search_or_a_mistake(q: str) -> None:
    """`q` takes any text, or says what is wrong with it."""
    try:
        parse_query([("q", q)], NOW)
    except QueryError as error:
        assert error.field == "q"  # noqa: PT017
