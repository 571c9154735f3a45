"""A pair becomes the two event logs that it stands for."""

from __future__ import annotations

from otel_eventlog.model import EventLog, OutcomeSource, Phase, Rank, Status
from otel_eventlog.pairs import Pair, PairTemplate

_COMMON = {"action": "PasswordsAuthenticate", "span_id": 0, "start_unix_nano": 0, "service": "shop"}


def _template() -> PairTemplate:
    return PairTemplate(
        EventLog(status=Status.START, time_unix_nano=0, **_COMMON),
        EventLog(
            status=Status.ERROR,
            time_unix_nano=0,
            outcome_source=OutcomeSource.HTTP,
            error_type="invalid_credentials",
            http_status_code=401,
            rank=Rank.DERIVED,
            **_COMMON,
        ),
    )


def test_each_half_has_its_own_time_and_both_the_same_request() -> None:
    """Ids, times and the fields of both halves are where they belong."""
    pair = Pair(
        *(_template(), 1_000_000_000, 1_250_000_000, 7, (9).to_bytes(16, "big"), 3),
        *("c-1", None, "198.51.100.7", "Browser/1.0"),
        *("u-1", "o-1", "app", None, None, "wrong password", {"plan": "pro"}),
    )
    start, outcome = pair.event_logs()
    assert (start.phase, outcome.phase) == (Phase.START, Phase.END)
    assert start.request_id == outcome.request_id
    assert (start.time_unix_nano, outcome.time_unix_nano) == (1_000_000_000, 1_250_000_000)
    assert (start.duration_ns, outcome.duration_ns) == (None, 250_000_000)
    assert (start.trace_id, start.parent_span_id, start.correlation_id) == (9, 3, "c-1")
    assert (start.user_id, start.error_message, start.attributes) == (None, None, {})
    assert (outcome.user_id, outcome.error_message) == ("u-1", "wrong password")
    assert (outcome.attributes, outcome.error_type) == ({"plan": "pro"}, "invalid_credentials")
    assert start.user_agent == outcome.user_agent == "Browser/1.0"


def test_nothing_is_shared_that_could_be_changed() -> None:
    """Two pairs of one template give event logs of their own."""
    template = _template()
    pair = Pair(template, 1, 2, 3, b"", 0, *[None] * 11)
    start, outcome = pair.event_logs()
    start.observed_unix_nano = 5
    outcome.user_id = "u-1"
    again = pair.event_logs()
    assert [each.observed_unix_nano for each in again] == [0, 0]
    assert again[1].user_id is None
    assert start.trace_id == 0
