"""Pack fastapi_users on the spans of the example of the product itself."""

from __future__ import annotations

import pytest

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from otel_eventlog_collector.otlp.decode_protobuf import decode_traces_protobuf
from tests.support import captures

PROGRAM = "fastapi-users"
NOBODY_TOLD = "forgot password, unknown user"
"""Answered 202 as for everybody: no span shows that no mail was sent."""


@pytest.mark.parametrize("variant", captures.VARIANTS)
def test_the_products_own_example_comes_to_what_really_happened(variant: str) -> None:
    """Each request has the action and outcome written down; nothing else yields an event log."""
    rules = load_rule_set(packs=["fastapi_users"], default_packs=False)
    mapper = Mapper(rules, Privacy(), Rank.DERIVED)
    found = {}
    for span in decode_traces_protobuf(captures.protobuf(PROGRAM, variant)).spans:
        for event in mapper.map_span(span)[1:]:
            found[f"{span.span_id:016x}"] = (
                event.action,
                str(event.status),
                f"{span.trace_id:032x}",
            )
    for expected in captures.expected_requests(PROGRAM, variant):
        (span_id,) = expected.span_ids
        if not expected.action:
            assert span_id not in found, expected.label
            continue
        action, status, _ = found.pop(span_id)
        assert action == expected.action, expected.label
        outcome = "success" if expected.label == NOBODY_TOLD else expected.outcome
        assert status == outcome, expected.label
    concurrent = captures.concurrent_logins(PROGRAM, variant)
    for action, status, trace_id in found.values():
        assert (action, status) == ("PasswordsAuthenticate", concurrent.pop(trace_id))
    assert concurrent == {}
