"""The JSON API's event logs, requests and counts, over a real socket and a real store."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_eventlog.model import EventLog, Status
from otel_eventlog_collector.query_parse import parse_query
from tests.support.builders import NOW, event_log
from tests.support.crowd import in_order, passes, some_requests
from tests.support.service import RunningService, running_service

REQUESTS, UNFINISHED = 150, 5
CROWD = (("service", "shop"), ("service", "mobile"))
MINUTE_NS = 60 * 10**9
HOUR_NS = 3_600 * 10**9


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A collector that holds the event logs of a crowd."""
    with running_service(tmp_path_factory.mktemp("api") / "data") as running:
        running.write(some_requests(REQUESTS, unfinished=UNFINISHED))
        yield running


@pytest.fixture(scope="module")
def stored(running: RunningService) -> list[dict[str, Any]]:
    """Everything that the collector holds, as JSON."""
    return everything(running, *CROWD)


def everything(running: RunningService, *parameters: tuple[str, str]) -> list[dict[str, Any]]:
    """Follow the cursors to the end."""
    found: list[dict[str, Any]] = []
    cursor: list[tuple[str, str]] = []
    while True:
        page = running.get("events", *parameters, *cursor)
        assert page["ok"] is True
        found += page["events"]
        if page["next_cursor"] is None:
            return found
        cursor = [("cursor", page["next_cursor"])]


def test_pages_neither_skip_nor_repeat(running: RunningService) -> None:
    """Whatever the page size, the pages together are everything, newest first."""
    for limit in ("1000", "7"):
        found = everything(running, *CROWD, ("limit", limit))
        assert len(found) == 2 * REQUESTS - UNFINISHED
        assert [event["event_id"] for event in found] == in_order(found, "desc")


def test_pages_stay_whole_while_event_logs_arrive(running: RunningService) -> None:
    """Walking pages while others write misses and repeats nothing of what was there."""
    place = ("client_id", "walked")
    begin = NOW - 10 * HOUR_NS

    def batch(first: int, at: int) -> list[EventLog]:
        return [
            event_log(
                span_id=9000 + number,
                start_unix_nano=at + number % 7,
                time_unix_nano=at + number % 7,
                service="walk",
                client_id="walked",
            )
            for number in range(first, first + 20)
        ]

    there = batch(0, begin)
    running.write(there)
    for order, later in (("asc", begin + 1000), ("desc", begin + 2000)):
        found: list[str] = []
        cursor: list[tuple[str, str]] = []
        for step in range(1000):
            page = running.get("events", place, ("order", order), ("limit", "3"), *cursor)
            found += [event["event_id"] for event in page["events"]]
            if page["next_cursor"] is None:
                break
            cursor = [("cursor", page["next_cursor"])]
            if step < 5:
                running.write(batch(100 * (step + 1) + (50 if order == "desc" else 0), later))
        assert len(found) == len(set(found))
        assert {event.event_id for event in there} <= set(found)


values = st.sampled_from(
    ["PasswordsAuthenticate", "Passwords*", "Sess*", "u-1", "u-*", "ü-4\\*", "shop", "192.0.2.1"]
)
filters = st.tuples(
    st.sampled_from(["action", "action!", "user_id", "user_id!", "service", "client_address"]),
    values,
)
searches = st.tuples(
    st.just("q"),
    st.sampled_from(
        ["status:error", "-status:start", "WRONG", "-password", "192.0.2", "u-1 -expired", "ü"]
    ),
)
statuses = st.tuples(
    st.sampled_from(["status", "status!"]), st.sampled_from(["start", "success", "error", "s*"])
)
codes = st.tuples(st.sampled_from(["http_status_code", "http_status_code!"]), st.just("401"))
times = st.tuples(
    st.sampled_from(["since", "until"]), st.integers(0, 120).map(lambda s: str(NOW + s * 10**9))
)


@settings(max_examples=60)
@given(
    st.lists(filters | searches | statuses | codes, max_size=4),
    st.lists(times, max_size=1),
    st.sampled_from(["asc", "desc"]),
)
def test_any_query_answers_what_a_plain_filter_does(
    running: RunningService,
    stored: list[dict[str, Any]],
    terms: list[tuple[str, str]],
    window: list[tuple[str, str]],
    order: str,
) -> None:
    """The store's answer equals a filter over a list that knows nothing of indexes."""
    crowd = [] if any(name == "service" for name, _ in terms) else CROWD
    parameters = [*crowd, *terms, *window, ("order", order)]
    query = parse_query(parameters, running.clock())
    expected = [event for event in stored if passes(event, query)]
    found = everything(running, *parameters, ("limit", "50"))
    assert [event["event_id"] for event in found] == in_order(expected, order)


def test_relative_times_count_from_now(running: RunningService) -> None:
    """-1h is an hour before the collector's clock, which is where the crowd begins."""
    assert running.get("events", *CROWD, since="-1h")["events"]
    assert running.get("events", *CROWD, until="-1h")["events"] == []


def test_one_event_log_by_its_id(running: RunningService, stored: list[dict[str, Any]]) -> None:
    """An id leads to its event log, an unknown one to 404, a word to 400."""
    assert running.get(f"events/{stored[0]['event_id']}")["event"] == stored[0]
    unknown = event_log(start_unix_nano=NOW - HOUR_NS).event_id
    for text, status in ((unknown, 404), ("nonsense", 400), ("0" * 36, 400)):
        answer = running.http.get(f"/api/v1/events/{text}")
        assert answer.status_code == status
        assert answer.json()["ok"] is False


def test_requests_by_state(running: RunningService) -> None:
    """A request without outcome is in progress, and some time later has no outcome."""
    by_state = {
        state: running.get("requests", *CROWD, state=state, limit="1000")["requests"]
        for state in ("in_progress", "no_outcome", "finished")
    }
    assert {state: len(found) for state, found in by_state.items()} == {
        "in_progress": 0,
        "no_outcome": UNFINISHED,
        "finished": REQUESTS - UNFINISHED,
    }
    assert all(line["outcome"] is None for line in by_state["no_outcome"])
    before = running.clock.now
    running.clock.now = NOW + 200 * 10**9
    try:
        assert len(running.get("requests", *CROWD, state="in_progress")["requests"]) == UNFINISHED
    finally:
        running.clock.now = before


def test_one_request_shows_the_pair_and_its_trace(
    running: RunningService, stored: list[dict[str, Any]]
) -> None:
    """A request has both halves, its duration, why, the trace's link and the trace's others."""
    outcome = next(event for event in stored if event["status"] == "error")
    found = running.get(f"requests/{outcome['request_id']}")["request"]
    assert found["outcome"] == outcome
    assert found["start"]["request_id"] == outcome["request_id"]
    assert found["start"]["status"] == "start"
    assert found["duration_ns"] == outcome["duration_ns"]
    assert found["state"] == "finished"
    assert "HTTP status 401" in found["why"]
    assert found["trace_url"] == f"http://localhost:16686/trace/{outcome['trace_id']}"
    same_trace = {
        event["request_id"] for event in stored if event["trace_id"] == outcome["trace_id"]
    }
    neighbours = {other["request_id"] for other in found["neighbours"]}
    assert neighbours == same_trace - {outcome["request_id"]}


def test_a_trace_that_was_not_sampled_is_not_linked(running: RunningService) -> None:
    """There is no dead link: without a sampled trace there is none."""
    event = event_log(span_id=77, start_unix_nano=NOW - HOUR_NS, trace_sampled=False, service="x")
    event.time_unix_nano = event.start_unix_nano
    with_outcome = {"service": "apart", "trace_id": 0xDEF}
    for name, value in with_outcome.items():
        setattr(event, name, value)
    expected_before = len(everything(running, ("service", "apart")))
    running.write([event])
    assert len(everything(running, ("service", "apart"))) == expected_before + 1
    found = running.get(f"requests/{event.request_id}")["request"]
    assert found["trace_url"] is None
    assert found["trace_sampled"] is False


def test_the_histogram_counts_everything_once(
    running: RunningService, stored: list[dict[str, Any]]
) -> None:
    """The slices follow each other by the minute, and together hold every event log by status."""
    answer = running.get("histogram", *CROWD, since=str(NOW), bucket="1m")
    starts = [bucket["from_unix_nano"] for bucket in answer["buckets"]]
    assert starts == list(range(NOW // MINUTE_NS * MINUTE_NS, answer["until_unix_nano"], MINUTE_NS))
    for status in Status:
        counted = sum(bucket["counts"][status] for bucket in answer["buckets"])
        assert counted == sum(event["status"] == status for event in stored)


def test_a_histogram_without_width_has_some_sixty_slices(running: RunningService) -> None:
    """Whatever the time range, the slices are few enough to draw and wide enough to read."""
    for since in ("-15m", "-1h", "-24h", "-7d", "-30d"):
        number = len(running.get("histogram", since=since)["buckets"])
        assert 14 <= number <= 61, since


def test_facets_count_values(running: RunningService, stored: list[dict[str, Any]]) -> None:
    """The counts of a field's values are exact, the most frequent first."""
    answer = running.get("facets", *CROWD, ("field", "action"), ("field", "user_id"), since="-2h")
    for field, values in answer["facets"].items():
        counts = [value["count"] for value in values]
        assert counts == sorted(counts, reverse=True)
        for value in values:
            assert value["count"] == sum(event[field] == value["value"] for event in stored)
    assert set(answer["facets"]) == {"action", "user_id"}


def test_actions_have_counts_by_status(
    running: RunningService, stored: list[dict[str, Any]]
) -> None:
    """Each action shows how often it began, succeeded and failed; filters narrow it."""
    for line in running.get("actions", *CROWD, since="-2h")["actions"]:
        mine = [event for event in stored if event["action"] == line["action"]]
        for status in Status:
            assert line[status] == sum(event["status"] == status for event in mine)
        assert line["error_rate"] == line["error"] / (line["error"] + line["success"])
    narrowed = running.get("actions", *CROWD, ("status!", "start"), since="-2h")["actions"]
    assert {line["start"] for line in narrowed} == {0}
    assert all(line["success"] for line in narrowed)


def test_export_as_json_lines_is_everything(
    running: RunningService, stored: list[dict[str, Any]]
) -> None:
    """The export holds exactly what the API shows, oldest first."""
    answer = running.http.get("/api/v1/export", params=[*CROWD])
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["event_id"] for line in lines] == in_order(stored, "asc")
    assert lines == sorted(stored, key=lambda event: (event["time_unix_nano"], event["event_id"]))


def test_export_as_csv_defuses_formulas(running: RunningService) -> None:
    """A stored value that a spreadsheet would run arrives as text."""
    evil = '=HYPERLINK("http://evil.example")'
    event = event_log(span_id=78, service="sheet", user_id=evil, attributes={"a": 1})
    running.write([event])
    answer = running.http.get("/api/v1/export?format=csv&service=sheet")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row["user_id"] == "'" + evil
    assert row["event_id"] == event.event_id
    assert json.loads(row["attributes"]) == {"a": 1}
    assert row["error_type"] == ""


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/api/v1/events?acton=x", 400, "acton"),
        ("/api/v1/events?limit=0", 400, "limit"),
        ("/api/v1/events?bucket=1m", 400, "bucket"),
        ("/api/v1/requests?state=over", 400, "state"),
        ("/api/v1/histogram?bucket=1s&since=-30d", 400, "bucket"),
        ("/api/v1/histogram?bucket=wide", 400, "bucket"),
        ("/api/v1/facets?field=usr", 400, "field"),
        ("/api/v1/facets?limit=0", 400, "limit"),
        ("/api/v1/export?format=xml", 400, "format"),
        ("/api/v1/export?limit=3", 400, "limit"),
        ("/api/v1/status?x=1", 400, "x"),
        ("/api/v1/events/stream?limit=3", 400, "limit"),
        ("/api/v1/nothing", 404, None),
        ("/nothing", 404, None),
    ],
)
def test_every_error_has_the_one_shape(
    running: RunningService, path: str, status: int, field: str | None
) -> None:
    """Errors are objects with ok, error, errors and status, and name the wrong parameter."""
    answer = running.http.get(path)
    content = answer.json()
    assert answer.status_code == status
    assert set(content) == {"ok", "error", "errors", "status"}
    assert content["ok"] is False
    assert content["status"] == status
    assert [one["field"] for one in content["errors"]] == ([field] if field else [])


def test_other_methods_are_refused(running: RunningService) -> None:
    """The API only reads; what else is tried is told so in the same shape."""
    answer = running.http.post("/api/v1/events")
    assert answer.status_code == 405
    assert "GET" in answer.json()["error"]
    assert "GET" in answer.headers["allow"]


def test_status_health_and_metrics(running: RunningService) -> None:
    """The collector tells where it listens, how much it holds, and that it is well."""
    status = running.get("status")
    assert status["ready"] is True
    assert set(status["listeners"]) == {"otlp-http", "otlp-grpc", "http"}
    assert status["store"]["events"] >= 2 * REQUESTS - UNFINISHED
    assert running.http.get("/healthz").text == "ok\n"
    assert running.http.get("/readyz").text == "ready\n"
    assert "eventlog_events_stored_total" in running.http.get("/metrics").text
