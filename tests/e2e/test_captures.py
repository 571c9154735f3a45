"""Three real programs' spans, sent to a real collector in both encodings, give what happened."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_eventlog.delivery.encode import encode_all, pack
from otel_eventlog.mapping import Mapper
from otel_eventlog.model import EventLog, Rank, Status
from otel_eventlog.outcome import Annotations
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import parse_rules
from otel_eventlog.ruleset import RuleSet
from otel_eventlog_collector.otlp.decode_protobuf import decode_traces_protobuf
from tests.support import captures
from tests.support.captures import PROGRAMS, VARIANTS
from tests.support.collector import Collector, query, serving, without

pytestmark = pytest.mark.e2e

PROTOBUF, JSON = "application/x-protobuf", "application/json"

HIDDEN_FAILURES = """
[[rule.outcome]]
when = { status = [302], location = "/login" }
status = "error"
error_type = "invalid_credentials"

[[rule.outcome]]
when = { status = [200], content_type = "text/html" }
status = "error"
error_type = "invalid_credentials"

[[rule.outcome]]
when = { status = [302], attributes = { "auth.outcome" = "failure" } }
status = "error"
"""
"""What HTTP hides of flask-login: a login answered by the form, or by sending back to it."""


def send(collector: Collector, body: bytes, content_type: str, path: str = "/v1/traces") -> None:
    """Send one export request and expect that all of it was taken."""
    answer = requests.post(
        collector.otlp_http + path, body, headers={"Content-Type": content_type}, timeout=30
    )
    assert answer.status_code == 200, answer.content
    assert answer.content in (b"", b"{}")


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> str:
    """Name one of the captured programs."""
    return str(request.param)


@pytest.fixture
def collectors(program: str, tmp_path: Path) -> Iterator[list[Collector]]:
    """Run two collectors with the program's own rules."""
    rules = tmp_path / "rules.toml"
    rules.write_text(captures.rules_toml(program))
    with (
        serving(tmp_path / "one", "--rules", str(rules)) as one,
        serving(tmp_path / "two", "--rules", str(rules)) as two,
    ):
        yield [one, two]


def check(program: str, variant: str, rows: list[dict[str, Any]]) -> None:
    """Compare rows with what is written about the program's requests."""
    by_span: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_span.setdefault(row["span_id"], []).append(row)
    for expected in captures.expected_requests(program, variant):
        for span_id in expected.span_ids:
            found = sorted(by_span.pop(span_id, []), key=lambda row: row["phase"] != "start")
            if not expected.action:
                assert found == [], expected.label
                continue
            assert [row["phase"] for row in found] == ["start", "end"], expected.label
            assert {row["action"] for row in found} == {expected.action}, expected.label
            assert len({row["request_id"] for row in found}) == 1
            if expected.http_agrees:
                assert found[1]["status"] == expected.outcome, expected.label
    concurrent = captures.concurrent_logins(program, variant)
    for left in by_span.values():
        trace_id, outcome = left[0]["trace_id"], {row["status"] for row in left} - {"start"}
        if trace_id in concurrent:
            assert outcome == {concurrent.pop(trace_id)}
        else:  # The captures' notes name one extra refresh; all else would be an event too many.
            assert (program, left[0]["action"]) == ("flask-jwt-extended", "SessionsAuthenticate")
    assert concurrent == {}


def test_real_programs_give_what_really_happened(program: str, collectors: list[Collector]) -> None:
    """Every action, every outcome that HTTP tells, nothing else; equal rows in both encodings.

    Old and stable attribute names; page views, INTERNAL children and 405s yield nothing; what is
    sent twice is stored once.
    """
    one, two = collectors
    for variant in VARIANTS:
        send(one, captures.protobuf(program, variant), PROTOBUF)
        send(two, captures.otlp_json(program, variant), JSON)
    rows = query("--data", one.data)
    told = [
        without([row for row in rows if row["span_id"] in spans_of(program, variant)])
        for variant in VARIANTS
    ]
    assert sum(map(len, told)) == len(rows)
    for variant, of_variant in zip(VARIANTS, told, strict=True):
        check(program, variant, of_variant)
    assert without(rows, "observed_time") == without(query("--data", two.data), "observed_time")
    for variant in VARIANTS:
        send(one, captures.otlp_json(program, variant), JSON)
    assert query("--data", one.data) == rows


def spans_of(program: str, variant: str) -> set[str]:
    """Return the span ids of one variant."""
    request = ExportTraceServiceRequest.FromString(captures.protobuf(program, variant))
    return {
        span.span_id.hex()
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


@pytest.mark.parametrize("variant", VARIANTS)
def test_failures_that_http_hides_come_right_by_rules(variant: str, tmp_path: Path) -> None:
    """The three failed logins answered with 200 and 302 are errors by `[[rule.outcome]]`."""
    rules = captures.rules_toml("flask-login").split("[[rule]]")
    me = '[[rule.outcome]]\nwhen = { status = [302] }\nstatus = "error"\n'
    text = "[[rule]]".join(
        rule + (HIDDEN_FAILURES if '"POST /login' in rule else me if '"GET /me"' in rule else "")
        for rule in rules
    )
    if variant == "default":  # Here no header was captured: the page's own status must do.
        text = text.replace(', content_type = "text/html"', "")
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with serving(tmp_path / "data", "--rules", str(path)) as collector:
        send(collector, captures.protobuf("flask-login", variant), PROTOBUF)
        rows = {row["span_id"]: row for row in query("--data", collector.data, "--phase", "end")}
    requests_ = captures.expected_requests("flask-login", variant)
    hidden = [expected for expected in requests_ if expected.action and not expected.http_agrees]
    assert len(hidden) == 3
    for expected in requests_:
        if expected.action:
            row = rows[expected.span_ids[0]]
            assert row["status"] == expected.outcome, expected.label
            assert (row["outcome_source"] == "rule") is (expected in hidden), expected.label


def app_records(program: str) -> list[EventLog]:
    """Return what the application itself would report: the opposite of what its spans show."""
    rules = RuleSet([parse_rules(captures.rules_toml(program), "rules.toml")])
    mapper = Mapper(rules, Privacy(), Rank.APP)
    events: list[EventLog] = []
    for span in decode_traces_protobuf(captures.protobuf(program, "stable")).spans:
        match = mapper.match(span)
        if match is not None:
            derived = mapper.outcome(span, match)
            said = Status.SUCCESS if derived and derived.status == "error" else Status.ERROR
            notes = Annotations(status=said, user_id="u-1", error_type="said_so")
            events += mapper.map_span(span, notes)
    return events


@pytest.mark.parametrize("order", list(itertools.permutations(["app", "spans", "app again"])))
def test_the_applications_own_records_win_in_any_order(
    order: tuple[str, ...], tmp_path: Path
) -> None:
    """Both sides of the same spans, contradicting each other: the rows are the application's."""
    program = "flask-login"
    (tmp_path / "rules.toml").write_text(captures.rules_toml(program))
    events = app_records(program)
    bodies = [parcel.body for parcel in pack(encode_all(events, raise_it), "test")]
    with serving(tmp_path / "data", "--rules", str(tmp_path / "rules.toml")) as collector:
        for what in order:
            if what == "spans":
                send(collector, captures.protobuf(program, "stable"), PROTOBUF)
            else:
                for body in bodies:
                    send(collector, body, PROTOBUF, "/v1/logs")
        rows = query("--data", collector.data)
    assert len(rows) == len(events)
    stored = {row["event_id"]: row for row in rows}
    for event in events:
        row = stored[event.event_id]
        assert (row["status"], row["action"]) == (event.status.value, event.action)
        assert (row["user_id"], row["outcome_source"]) == (event.user_id, event.outcome_source)


def raise_it(error: Exception) -> None:
    """Let an event log that cannot be encoded fail the test."""
    raise error
