"""What every receiver owes: the right answer to whatever the consumer does, no record lost.

A transport subclasses `ReceiverBattery` and says how it sends one request and what it got.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_eventlog_collector.errors import Overloaded, PermanentError, StoreUnavailable
from otel_eventlog_collector.protocols import ConsumeResult
from tests.support import otlp_requests as otlp
from tests.support.receiving import ListConsumer, Receiving, receiving

SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
"""The battery is one class run for several transports, each example from a clean slate."""


class Verdict(Enum):
    """What a sender understands of an answer."""

    ACCEPTED = "accepted"
    PERMANENT = "permanent"
    RETRYABLE = "retryable"
    INTERNAL = "internal"


MOODS = {
    "fine": (None, Verdict.ACCEPTED),
    "partial": (ConsumeResult(0, 1, "one was too old"), Verdict.ACCEPTED),
    "permanent": (PermanentError("never"), Verdict.PERMANENT),
    "unavailable": (StoreUnavailable("not now"), Verdict.RETRYABLE),
    "overloaded": (Overloaded("too much"), Verdict.RETRYABLE),
    "mistake": (ZeroDivisionError("ours"), Verdict.INTERNAL),
}
"""What the consumer does, and what the sender must be told."""


class MoodyConsumer(ListConsumer):
    """A consumer that stores or fails as the next mood says."""

    def __init__(self) -> None:
        super().__init__(self._act)
        self.mood = "fine"

    def _act(self, _records: Sequence[Any]) -> ConsumeResult | None:
        what = MOODS[self.mood][0]
        if isinstance(what, Exception):
            raise what
        return what


class ReceiverBattery:
    """Tests of one transport. Not collected itself: its name does not begin with Test."""

    def send(self, running: Receiving, body: bytes) -> tuple[Verdict, int]:
        """Send one trace request; return what the sender understands, and how many rejected."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def running(cls) -> Iterator[Receiving]:
        """The receivers before a consumer of changing mood."""
        with receiving(MoodyConsumer()) as found:
            yield found

    @given(plan=st.lists(st.tuples(st.sampled_from(sorted(MOODS)), st.integers(0, 3)), max_size=8))
    @settings(max_examples=25, suppress_health_check=SHARED)
    def test_every_answer_is_right_and_every_record_is_there_once(
        self, running: Receiving, plan: list[tuple[str, int]]
    ) -> None:
        """The status follows the consumer; acknowledged spans are there, refused ones are not."""
        consumer = running.consumer
        consumer.spans.clear()
        owed: list[int] = []
        for number, (mood, count) in enumerate(plan, start=1):
            consumer.mood = mood
            ids = [1000 * number + n for n in range(1, count + 1)]
            body = otlp.traces(otlp.span(id_) for id_ in ids).SerializeToString()
            verdict, rejected = self.send(running, body)
            what, expected = MOODS[mood]
            if not ids:  # nothing reaches the consumer
                what, expected = None, Verdict.ACCEPTED
            assert verdict is expected
            if verdict is Verdict.ACCEPTED:
                owed += ids
                assert rejected == (what.rejected if isinstance(what, ConsumeResult) else 0)
        assert [span.span_id for span in consumer.spans] == owed

    @given(body=st.binary(min_size=1, max_size=60))
    @settings(max_examples=25, suppress_health_check=SHARED)
    def test_garbage_is_permanent_and_stores_nothing(self, running: Receiving, body: bytes) -> None:
        """Random bytes are refused for good, or are a request without a valid span."""
        running.consumer.spans.clear()
        running.consumer.mood = "fine"
        verdict, _ = self.send(running, body)
        assert verdict in (Verdict.PERMANENT, Verdict.ACCEPTED)
        assert not running.consumer.spans

    def test_nothing_is_left_in_flight(self, running: Receiving) -> None:
        """After every answer the whole budget is free again."""
        for mood in MOODS:
            running.consumer.mood = mood
            self.send(running, otlp.traces([otlp.span()]).SerializeToString())
        admission = running.intake.admission
        assert (admission.bytes, admission.requests) == (0, 0)
