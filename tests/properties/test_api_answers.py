"""Whatever is asked of the API, its answer is that of a plain filter over a Python list."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_eventlog.model import EventLog, OutcomeSource, Status
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.query import FILTER_FIELDS, EventQuery
from otel_eventlog_collector.query_parse import parse_query
from tests.support.builders import NOW, event_log
from tests.support.clock import HOUR, SECOND
from tests.support.crowd import in_order, passes
from tests.support.service import RunningService, running_service

REQUESTS = 120
TEXTS = (None, "a", "ab", "A", "ü-1", "it's 100%", "a*", "_", "\\", '"q"', "Ä")
Parameters = Sequence[tuple[str, str]]


def varied(count: int) -> list[EventLog]:
    """Return event logs in which every field has some values, and often none."""
    chance = random.Random(7)
    found = []
    for number in range(1, count + 1):
        begin = NOW + chance.randrange(HOUR)
        status = chance.choice((Status.SUCCESS, Status.ERROR))
        common: dict[str, Any] = {
            name: chance.choice(TEXTS)
            for name in (
                *("correlation_id", "flow_id", "user_id", "organization_id", "client_id"),
                *("auth_method", "auth_factor", "http_method", "http_route", "error_type"),
                *("error_message", "session_token_hash", "session_jwt_hash", "client_address"),
                *("user_agent", "message_status", "next_step"),
            )
        }
        common |= {
            name: chance.choice(TEXTS) or ""
            for name in ("project", "environment", "service", "service_version", "category")
        }
        common |= {
            "action": chance.choice(("PasswordsAuthenticate", "PasswordsCreate", "OTPsSend")),
            "span_id": number,
            "trace_id": chance.choice((0, number // 3, 2**127 + number)),
            "parent_span_id": chance.choice((0, 5)),
            "start_unix_nano": begin,
        }
        if chance.random() < 0.9:
            found.append(event_log(Status.START, time_unix_nano=begin, **common))
        if chance.random() < 0.9:
            elapsed = chance.randrange(5 * SECOND)
            found.append(
                event_log(
                    status,
                    **common,
                    time_unix_nano=begin + elapsed,
                    duration_ns=elapsed,
                    http_status_code=chance.choice((None, 200, 302, 401)),
                    outcome_source=chance.choice(list(OutcomeSource)),
                )
            )
    return found


EVENTS = varied(REQUESTS)
ROWS = [event_json(event) for event in EVENTS]
VALUES = {name: sorted({str(row[name]) for row in ROWS if row[name]}) for name in FILTER_FIELDS}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A collector that holds these event logs and no other."""
    with running_service(tmp_path_factory.mktemp("answers") / "data") as running:
        running.clock.now = NOW + 2 * HOUR
        running.write(EVENTS)
        yield running


def written(value: str) -> str:
    """Write a value so that a star at its end is a star."""
    return value[:-1] + "\\*" if value.endswith("*") else value


@st.composite
def filters(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a filter of any field, whose value mostly occurs."""
    name = draw(st.sampled_from(FILTER_FIELDS))
    value = draw(st.sampled_from([*VALUES[name], *VALUES[name], "200" if name in NUMBER else "a"]))
    negation = draw(st.sampled_from(["", "!"]))
    how = draw(st.sampled_from(["exact", "exact", "prefix", "any"]))
    if how == "any":
        return name + negation, "*"
    if how == "prefix" and name not in NUMBER:
        cut = value[: draw(st.integers(1, len(value)))]
        return name + negation, cut + "*"
    if name in ("status", "phase", "outcome_source") and value == "a":
        value = VALUES[name][0]
    return name + negation, written(value)


NUMBER = ("http_status_code",)
searches = st.tuples(
    st.just("q"),
    st.sampled_from(
        [
            "status:error -action:OTPs*",
            'user_id:"a*"',
            "-user_id:a",
            "AB",
            "ü",
            "-ä",
            '"100%"',
            "_",
            "\\",
            "http_status_code!=401",
            "Passwords",
        ]
    ),
)
times = st.tuples(
    st.sampled_from(["since", "until"]),
    st.integers(0, 3600).map(lambda seconds: str(NOW + seconds * SECOND)),
)
asked = st.tuples(st.lists(filters() | searches, max_size=3), st.lists(times, max_size=1)).map(
    lambda parts: [*parts[0], *parts[1]]
)

some = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def expected(running: RunningService, parameters: Parameters) -> tuple[EventQuery, list[Any]]:
    """Return the query, and the rows that a plain filter lets pass."""
    query = parse_query(parameters, running.clock())
    return query, [row for row in ROWS if passes(row, query)]


def all_pages(running: RunningService, path: str, parameters: Parameters) -> list[Any]:
    """Follow the cursors of a listing to its end."""
    found: list[Any] = []
    cursor: list[tuple[str, str]] = []
    while True:
        page = running.get(path, *parameters, *cursor)
        found += page[path]
        if page["next_cursor"] is None:
            return found
        cursor = [("cursor", page["next_cursor"])]


@some
@given(asked, st.sampled_from(["asc", "desc"]), st.sampled_from(["7", "50", "1000"]))
def test_event_logs(running: RunningService, parameters: Parameters, order: str, size: str) -> None:
    """All pages together are the rows that pass, in order."""
    _, rows = expected(running, parameters)
    found = all_pages(running, "events", [*parameters, ("order", order), ("limit", size)])
    assert [row["event_id"] for row in found] == in_order(rows, order)


@some
@given(asked, st.sampled_from([None, "in_progress", "no_outcome", "finished"]))
def test_requests(running: RunningService, parameters: Parameters, state: str | None) -> None:
    """A request is listed if one of its event logs passes, once, with both halves."""
    _, rows = expected(running, parameters)
    wanted = {row["request_id"] for row in rows}
    halves: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in ROWS:
        halves[row["request_id"]][row["phase"]] = row
    if state is not None:
        finished = {request_id for request_id in wanted if "end" in halves[request_id]}
        # All of them began more than fifteen minutes ago.
        wanted = {"finished": finished, "no_outcome": wanted - finished}.get(state, set())
    asked_for = [*parameters, ("limit", "30"), *([("state", state)] if state else [])]
    found = all_pages(running, "requests", asked_for)
    assert len(found) == len(wanted)
    for line in found:
        pair = halves[line["request_id"]]
        assert line["request_id"] in wanted
        for half, phase in (("start", "start"), ("outcome", "end")):
            stored = pair.get(phase)
            assert (line[half] and line[half]["event_id"]) == (stored and stored["event_id"])


@some
@given(asked, st.sampled_from([None, "1m", "7m", "1h"]))
def test_histogram(running: RunningService, parameters: Parameters, bucket: str | None) -> None:
    """Every row that passes is counted once, in the slice of its time, under its status."""
    window = [] if any(name == "since" for name, _ in parameters) else [("since", str(NOW))]
    _, rows = expected(running, [*parameters, *window])
    asked_for = [*parameters, *window, *([("bucket", bucket)] if bucket else [])]
    answer = running.get("histogram", *asked_for)
    width = answer["bucket_ns"]
    counted: Counter[tuple[int, str]] = Counter()
    for slice_ in answer["buckets"]:
        for status, count in slice_["counts"].items():
            counted[slice_["from_unix_nano"], status] += count
    begin = answer["buckets"][0]["from_unix_nano"] if answer["buckets"] else 0
    plain = Counter(
        (begin + (row["time_unix_nano"] - begin) // width * width, row["status"]) for row in rows
    )
    assert {key: count for key, count in counted.items() if count} == dict(plain)


@some
@given(asked, st.lists(st.sampled_from(FILTER_FIELDS), min_size=1, max_size=3, unique=True))
def test_facets(running: RunningService, parameters: Parameters, fields: list[str]) -> None:
    """Each value of each field is counted exactly; the most frequent come first."""
    window = [] if any(name == "since" for name, _ in parameters) else [("since", str(NOW))]
    _, rows = expected(running, [*parameters, *window])
    asked_for = [*parameters, *window, *(("field", name) for name in fields), ("limit", "1000")]
    answer = running.get("facets", *asked_for)["facets"]
    for name in fields:
        plain = Counter(str(row[name]) for row in rows if row[name] is not None)
        assert {each["value"]: each["count"] for each in answer[name]} == dict(plain)
        counts = [each["count"] for each in answer[name]]
        assert counts == sorted(counts, reverse=True)


@some
@given(asked)
def test_actions(running: RunningService, parameters: Parameters) -> None:
    """Each action's counts by status are exact."""
    window = [] if any(name == "since" for name, _ in parameters) else [("since", str(NOW))]
    _, rows = expected(running, [*parameters, *window])
    plain = Counter((row["action"], row["status"]) for row in rows)
    counted = {
        (line["action"], status.value): line[status.value]
        for line in running.get("actions", *parameters, *window)["actions"]
        for status in Status
        if line[status.value]
    }
    assert counted == dict(plain)


@some
@given(asked, st.sampled_from(["asc", "desc"]), st.integers(0, 300))
def test_export(running: RunningService, parameters: Parameters, order: str, cut: int) -> None:
    """An export is the rows that pass; cut anywhere, it goes on without skipping or repeating."""
    _, rows = expected(running, parameters)
    asked_for = [*parameters, ("order", order)]
    text = running.http.get("/api/v1/export", params=asked_for).text
    found = [json.loads(line)["event_id"] for line in text.splitlines()]
    assert found == in_order(rows, order)
    if found:
        kept = found[: 1 + cut % len(found)]
        rest = running.http.get("/api/v1/export", params=[*asked_for, ("after", kept[-1])]).text
        assert kept + [json.loads(line)["event_id"] for line in rest.splitlines()] == found
