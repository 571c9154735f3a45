"""Packs on the recorded spans of running programs: each request comes to what really happened."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Phase, Rank, SpanData
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from otel_eventlog_collector.otlp.decode_protobuf import decode_traces_protobuf

CAPTURES = Path(__file__).parent.parent / "data" / "captures"
PROGRAMS = sorted(path.parent.name for path in CAPTURES.glob("*/expectations.json"))
VARIANTS = ("default", "stable")

LIMIT = re.compile(
    r"\S.* seen as (?P<action>[A-Z]\w+)? ?(?P<outcome>none|(?:success|error)(?:\+\w+)?)?: \S.*"
)
"""How a known limit begins: what really happened, and what it is shown as.

`error seen as success: …`, `success+second_factor seen as success: …`, `none seen as
PasswordsAuthenticate success: …`, `PasswordsAuthenticate seen as OTPsAuthenticate: …`.
"""


@dataclass(frozen=True)
class Seen:
    """What one request is shown as; None instead of it stands for no event log."""

    action: str
    outcome: str


def test_every_capture_is_judged() -> None:
    """A program recorded by scripts/captures has both variants, and is found by these tests."""
    assert PROGRAMS
    for program in PROGRAMS:
        for variant in VARIANTS:
            assert (CAPTURES / program / f"spans.{variant}.otlp.pb.gz").is_file(), program


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_requests_come_to_what_really_happened(program: str, variant: str) -> None:
    """Action, outcome and next step are the real ones, except for exactly the limits written down.

    What was no attempt yields no event log.
    """
    told = expectations(program)
    mapper = mapper_of(told)
    by_id = {span.span_id: span for span in spans(program, variant)}
    wrong = {}
    for request in told["requests"]:
        span = by_id[int(request["spans"][variant]["span_id"], 16)]
        assert f"{span.trace_id:032x}" == request["spans"][variant]["trace_id"]
        expected, found = expected_of(request, variant), seen(mapper, span)
        if found != expected:
            wrong[request["label"]] = f"is {expected}, seen as {found}"
    assert wrong == {}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_all_other_spans_yield_nothing(program: str, variant: str) -> None:
    """A span that stands for none of the requests yields no event log."""
    told = expectations(program)
    mapper = mapper_of(told)
    listed = {int(request["spans"][variant]["span_id"], 16) for request in told["requests"]}
    others = [span for span in spans(program, variant) if span.span_id not in listed]
    assert [seen(mapper, span) for span in others] == [None] * len(others)


@pytest.mark.parametrize("program", PROGRAMS)
def test_expectations_are_sound(program: str) -> None:
    """Labels and spans are unique, outcomes are known words, both outcomes occur, limits are true.

    A limit that names what really happened as what is seen would hide that it is gone.
    """
    requests = expectations(program)["requests"]
    labels = [request["label"] for request in requests]
    assert len(labels) == len(set(labels))
    for variant in VARIANTS:
        ids = [request["spans"][variant]["span_id"] for request in requests]
        assert len(ids) == len(set(ids))
    assert {request["outcome"] for request in requests} == {"success", "error", "none"}
    for request in requests:
        assert (request["action"] is None) == (request["outcome"] == "none"), request["label"]
        for variant in request.get("known_limit", {}):
            assert variant in VARIANTS
            assert expected_of(request, variant) != truth(request), request["label"]


def expectations(program: str) -> dict[str, Any]:
    """Return what is written about a program."""
    loaded: dict[str, Any] = json.loads((CAPTURES / program / "expectations.json").read_text())
    return loaded


def mapper_of(told: dict[str, Any]) -> Mapper:
    """Return a mapper as the collector has it, with the program's packs and rule file named."""
    own = CAPTURES / told["program"] / "rules.toml"
    rules = load_rule_set([own] if own.exists() else [], told["packs"])
    return Mapper(rules, Privacy(), Rank.DERIVED)


def spans(program: str, variant: str) -> list[SpanData]:
    """Return every span of a capture, as the collector decodes it."""
    body = gzip.decompress((CAPTURES / program / f"spans.{variant}.otlp.pb.gz").read_bytes())
    decoded = decode_traces_protobuf(body)
    assert decoded.spans
    return list(decoded.spans)


def seen(mapper: Mapper, span: SpanData) -> Seen | None:
    """Return what a span is shown as."""
    events = mapper.map_span(span)
    if not events:
        return None
    start, end = events
    assert (start.phase, end.phase) == (Phase.START, Phase.END)
    assert start.action == end.action
    return Seen(end.action, outcome_text(str(end.status), end.next_step))


def truth(request: dict[str, Any]) -> Seen | None:
    """Return what really happened in a request."""
    if request["action"] is None:
        return None
    return Seen(request["action"], outcome_text(request["outcome"], request["next_step"]))


def expected_of(request: dict[str, Any], variant: str) -> Seen | None:
    """Return what a request is shown as: the truth, or the limit written down for a variant."""
    true = truth(request)
    written = request.get("known_limit", {}).get(variant)
    if written is None:
        return true
    limit = LIMIT.fullmatch(written)
    assert limit is not None, f"{request['label']}: write 'error seen as success: why'"
    if limit["outcome"] == "none":
        return None
    action = limit["action"] or (true.action if true else None)
    outcome = limit["outcome"] or (true.outcome if true else None)
    assert action is not None, f"{request['label']}: say which action it is seen as"
    assert outcome is not None, f"{request['label']}: say which outcome it is seen as"
    return Seen(action, outcome)


def outcome_text(status: str, next_step: str | None) -> str:
    """Return an outcome as limits write it: `success`, `error`, `success+second_factor`."""
    return status if next_step is None else f"{status}+{next_step}"
