"""What benchmarks send and store is what they say, whatever they measure."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from benchmarks import log_messages, span_messages
from benchmarks.generator import Generator, Plan, fill
from benchmarks.messages import AGE_NS_MAX, Message, Renewal
from benchmarks.questions import CLOSED, all_questions, needle_values
from otel_eventlog.model import Status, parse_uuid
from otel_eventlog_collector.query import FILTER_FIELDS, EventQuery, Term
from otel_eventlog_collector.store import open_store

UNTIL = 1_795_784_786_458_662_771


def body(message: Message) -> bytes:
    """Return a request without its head."""
    head, _, content = bytes(message.data).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(content)}".encode() in head
    return content


def spans_of(message: Message) -> list[Span]:
    """Return the spans in a request."""
    request = ExportTraceServiceRequest.FromString(body(message))
    return [
        span
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def logs_of(message: Message) -> list[LogRecord]:
    """Return the log records in a request."""
    request = ExportLogsServiceRequest.FromString(body(message))
    return [
        record
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


def text_of(record: LogRecord, name: str) -> str:
    """Return a text attribute of a log record."""
    return next(pair.value.string_value for pair in record.attributes if pair.key == name)


def test_each_sending_of_a_request_carries_new_spans_of_just_now() -> None:
    """Ids and times are new, everything else is as it was."""
    rng = random.Random(1)
    message = span_messages.wanted("host:1", 64, 0, rng)
    renewal = Renewal(rng)
    renewal.renew(message, UNTIL)
    first = spans_of(message)
    renewal.renew(message, UNTIL + 5)
    second = spans_of(message)
    assert len({span.span_id for span in first + second}) == 128
    assert len({span.trace_id for span in first + second}) == 128
    for before, after in zip(first, second, strict=True):
        assert 0 <= UNTIL - before.end_time_unix_nano < AGE_NS_MAX
        assert after.start_time_unix_nano == before.start_time_unix_nano + 5
        assert after.end_time_unix_nano == before.end_time_unix_nano + 5
        assert after.attributes == before.attributes


def test_unwanted_spans_are_half_server_half_client_with_twelve_attributes() -> None:
    """As the figure of the specification says."""
    spans = spans_of(span_messages.unwanted("host:1", 64, 1, random.Random(1)))
    kinds = Counter(span.kind for span in spans)
    assert kinds == {Span.SPAN_KIND_SERVER: 32, Span.SPAN_KIND_CLIENT: 32}
    assert {len(span.attributes) for span in spans} == {12}


def test_event_logs_of_applications_carry_ids_that_match_their_spans() -> None:
    """Each is valid, and outcomes that travel alone are those of the starts sent before."""
    rng = random.Random(1)
    renewal = Renewal(rng)
    messages = [log_messages.event_logs("host:1", 32, number, rng) for number in range(4)]
    sent: list[LogRecord] = []
    for message in messages:
        renewal.renew(message, UNTIL)
        sent += logs_of(message)
    halves = Counter(text_of(record, "eventlog.request_id") for record in sent)
    assert set(halves.values()) == {2}
    actions: dict[str, set[str]] = {}
    for record in sent:
        parts = parse_uuid(text_of(record, "log.record.uid"))
        assert parts.span_id == int.from_bytes(record.span_id, "big")
        assert 0 <= UNTIL - record.time_unix_nano < AGE_NS_MAX + 60_000_000_000
        request_id = text_of(record, "eventlog.request_id")
        assert parse_uuid(request_id).start_unix_ms == parts.start_unix_ms
        actions.setdefault(request_id, set()).add(text_of(record, "eventlog.action"))
    assert all(len(those) == 1 for those in actions.values())


def test_the_generator_makes_the_same_requests_for_the_same_seed() -> None:
    """Only which template object they share differs between two runs."""

    def made(seed: int) -> list[object]:
        batches = Generator(Plan(2_000, UNTIL, seed=seed)).batches()
        return [pair[1:] for batch in batches for pair in batch.pairs]

    assert made(1) == made(1)
    assert made(1) != made(2)


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Return a small month that ends now."""
    return Plan(4_000, time.time_ns())


def test_the_generator_fills_a_store_and_each_needle_is_found(plan: Plan, tmp_path: Path) -> None:
    """As many event logs as asked for, over thirty days, and needles by each of their fields."""
    store = open_store(tmp_path / "data")
    try:
        written = fill(store, plan)
        status = store.status()
        assert status.events == written == pytest.approx(plan.events, rel=0.03)
        assert status.segments in (30, 31)
        for name in ("oldest", "newest"):
            for field, value in needle_values(name, plan).items():
                if field == "outcome_source":
                    continue
                found = store.find(EventQuery(filters={field: (Term(value),)})).events
                assert 1 <= len(found) <= 2, (name, field, value)
                assert any(event.status is Status.ERROR for event in found), (name, field)
    finally:
        store.close()


def test_every_filter_of_the_api_is_timed(plan: Plan) -> None:
    """For no hit and for one on either day, but for fields whose values all are frequent."""
    asked: dict[str, set[str]] = {}
    for question in all_questions(plan):
        fields = parse_qs(urlsplit(question.path).query)
        asked.setdefault(question.group, set()).update(fields)
    everything = set(FILTER_FIELDS) - set(CLOSED)
    assert asked["filter, no hit"] == everything
    for day in ("oldest", "newest"):
        assert asked[f"filter, one request, {day} day"] == everything - {"outcome_source"}
    for end in ("newest", "oldest"):
        assert set(CLOSED) <= asked[f"filter, many hits, {end} first"]
