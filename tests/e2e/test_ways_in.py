"""Every way of switching event logs on, under every server: real processes, real requests."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_eventlog.model import EventLog, Status
from tests.support.ways_in import (
    HELD,
    SEEN_BY_JAEGER,
    SERVERS,
    WAYS,
    WITHOUT_US,
    Answer,
    Server,
    Visit,
    Visits,
    Way,
)

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS)),
]

OUR_WORDS = re.compile(r"otel_eventlog(?!/)|event logs?", re.IGNORECASE)
"""In every log line of ours; not in the path of a module of ours."""


@pytest.fixture(scope="module")
def visits() -> Visits:
    """Share every process between the tests."""
    return Visits()


@pytest.fixture(scope="module", params=SERVERS.values(), ids=list(SERVERS))
def server(request: pytest.FixtureRequest) -> Server:
    """Name a server; scoped so that a server's tests run one after the other."""
    assert isinstance(request.param, Server)
    return request.param


@pytest.fixture
def seen(visits: Visits, server: Server, way: Way) -> Visit:
    """Return what was seen of one application."""
    return visits.of(server, way)


@pytest.fixture
def without_us(visits: Visits, server: Server) -> Visit:
    """Return what is seen under the same server when event logs are off."""
    return visits.of(server, WITHOUT_US)


def pair_of(answer: Answer, events: list[EventLog]) -> list[EventLog]:
    """Return the event logs that an answer's header leads to, in order of time."""
    found = [event for event in events if event.request_id == answer.request_id]
    return sorted(found, key=lambda event: (event.time_unix_nano, event.status != Status.START))


def test_every_login_is_one_pair_and_the_header_leads_to_it(seen: Visit) -> None:
    """Each login leaves one start and one outcome, whatever is sampled, and nothing else does."""
    assert [answer.status for answer in seen.answers[:5]] == [200, 401, 401, 200, 200]
    for answer in seen.answers:
        start, outcome = pair_of(answer, seen.events)
        assert start.status is Status.START
        assert outcome.status is (Status.SUCCESS if answer.status == 200 else Status.ERROR)
        assert outcome.http_status_code == answer.status
    everything = seen.all_events
    known = {answer.request_id for answer in [*seen.answers, seen.last_answer] if answer}
    assert {event.request_id for event in everything} <= known
    assert {event.action for event in everything} == {"PasswordsAuthenticate"}
    assert {event.service for event in everything} == {"shop"}
    assert len({event.event_id for event in everything}) == len(everything), "something came twice"
    assert not any("hunter2" in repr(event) for event in everything)


def test_the_start_is_there_while_the_request_runs(seen: Visit) -> None:
    """The live start has the caller's id already, and its outcome shares its request id."""
    (live,) = seen.live
    assert live.status is Status.START
    assert live.correlation_id == "held-1"
    assert live.request_id == seen.answers[HELD].request_id


def test_the_callers_ids_are_kept_if_they_are_harmless(seen: Visit) -> None:
    """X-Request-Id and X-Correlation-Id arrive; too long or with odd characters they do not."""
    pairs = [pair_of(answer, seen.events) for answer in seen.answers[:5]]
    kept = [{event.correlation_id for event in pair} for pair in pairs]
    assert kept == [{"held-1"}, {"seen-1"}, {None}, {None}, {None}]


def test_jaeger_gets_not_one_span_more(seen: Visit, without_us: Visit) -> None:
    """The same spans are exported as without us, with the same attributes beside our two."""
    assert shapes(seen.spans) == shapes(without_us.spans)
    sampled = pair_of(seen.answers[SEEN_BY_JAEGER], seen.events)
    assert {event.trace_sampled for event in sampled} == {True}
    others = [event for event in seen.all_events if event not in sampled]
    assert {event.trace_sampled for event in others} == {False}


def shapes(spans: list[Span]) -> Counter[tuple[str, int, frozenset[str]]]:
    """Return what spans look like, without what is ours."""
    return Counter(
        (
            span.name,
            span.kind,
            frozenset(pair.key for pair in span.attributes if not pair.key.startswith("eventlog.")),
        )
        for span in spans
    )


def test_jaeger_can_be_searched_for_the_request_id(seen: Visit) -> None:
    """The exported login has the id that its caller was given; no other span has one."""
    marked = [
        {pair.key: pair.value.string_value for pair in span.attributes}
        for span in seen.spans
        if any(pair.key.startswith("eventlog.") for pair in span.attributes)
    ]
    (login,) = marked
    assert login["eventlog.request_id"] == seen.answers[SEEN_BY_JAEGER].request_id
    assert login["eventlog.action"] == "PasswordsAuthenticate"


def test_every_worker_reports(seen: Visit, server: Server) -> None:
    """What each worker process answered is at the collector, forked early or late or spawned."""
    workers = {answer.pid for answer in seen.answers if answer.pid is not None}
    assert len(workers) == server.workers
    for worker in workers:
        own = [answer for answer in seen.answers if answer.pid == worker]
        assert all(len(pair_of(answer, seen.events)) == 2 for answer in own)


def test_nothing_is_lost_when_the_server_ends(
    seen: Visit, without_us: Visit, server: Server, way: Way
) -> None:
    """What was recorded before is out before the signal comes, whatever the server makes of it.

    Where the server lets its exit functions run, the login just before the end is out as well.
    The server ends as it does without us.
    """
    for answer in seen.answers:
        assert len(pair_of(answer, seen.events)) == 2
    if way.ends_with in server.ends_properly_on:
        assert seen.last_answer is not None
        assert len(pair_of(seen.last_answer, seen.all_events)) == 2
    if way.ends_with is WITHOUT_US.ends_with:
        assert seen.exit_code == without_us.exit_code
    else:
        assert seen.exit_code == 0


def test_the_application_is_not_talked_into(seen: Visit) -> None:
    """With right settings we print and log nothing, in no process of the server."""
    assert OUR_WORDS.search(seen.output) is None
