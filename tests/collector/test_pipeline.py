"""Map, write, wake: in that order, in slices, without one span costing another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import EventLog, Rank, SpanData, Status
from otel_eventlog.pairs import Pair, PairTemplate
from otel_eventlog.privacy import Privacy
from otel_eventlog.rules import Match
from otel_eventlog_collector.errors import Overloaded, StoreUnavailable
from otel_eventlog_collector.limits import CLOCK_SKEW_NS_MAX, EVENTS_PER_WRITE_MAX
from otel_eventlog_collector.metrics import Metrics
from otel_eventlog_collector.pipeline import Pipeline
from otel_eventlog_collector.protocols import ConsumeResult, SpansToConsume, WriteResult
from otel_eventlog_collector.query import EventQuery
from tests.support.builders import NOW, event_log, rule_set, span_data
from tests.support.memory_store import MemoryStore

RULES = rule_set(
    """
    [[rule]]
    name = "login"
    action = "PasswordsAuthenticate"
    method = "POST"
    route = "/login"
    """
)


class ListWriter:
    """A writer that keeps what it is given and answers when, and as, the test says."""

    def __init__(self, answer: Callable[[int], WriteResult | Exception] | None = None) -> None:
        """`answer` gets the number of the write, from 0; an exception fails that write."""
        self.answer = answer or (lambda _number: WriteResult())
        self.writes: list[list[EventLog]] = []
        self.in_flight_max = 0
        self.begun = asyncio.Event()
        self._in_flight = 0

    def write(self, events: Sequence[EventLog], pairs: Sequence[Pair] = ()) -> Future[WriteResult]:
        """Answer a little later, as a writer thread does."""
        future: Future[WriteResult] = Future()
        number = len(self.writes)
        halves = (half for pair in pairs for half in pair.event_logs())
        self.writes.append([*events, *halves])
        self.begun.set()
        self._in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self._in_flight)
        asyncio.get_running_loop().call_later(0.001, self._done, future, number)
        return future

    def _done(self, future: Future[WriteResult], number: int) -> None:
        self._in_flight -= 1
        result = self.answer(number)
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)


class Setup:
    """A pipeline and what surrounds it."""

    def __init__(self, writer: Any, mapper: Any = None, now: int = NOW) -> None:
        self.metrics = Metrics()
        self.woken = 0
        self.pipeline = Pipeline(
            mapper or Mapper(RULES, Privacy(), Rank.DERIVED),
            writer,
            lambda: now,
            self.wake,
            self.metrics,
        )

    def wake(self) -> None:
        """Count the wakings of the tail."""
        self.woken += 1

    def spans(self, spans: Sequence[SpanData]) -> ConsumeResult:
        """Consume spans on a loop of their own."""
        return asyncio.run(self.pipeline.consume_spans(SpansToConsume(spans)))

    def events(self, events: Sequence[EventLog]) -> ConsumeResult:
        """Consume event logs on a loop of their own."""
        return asyncio.run(self.pipeline.consume_event_logs(events))


def many(count: int) -> list[SpanData]:
    """Return logins with different span ids."""
    return [span_data(span_id=number) for number in range(1, count + 1)]


def test_a_login_becomes_two_stored_event_logs() -> None:
    """Start and outcome of a wanted span are stored and stamped, and the tail is woken."""
    store = MemoryStore(lambda: NOW)
    setup = Setup(store)
    result = setup.spans([span_data(), span_data(route="/other", span_id=5)])
    assert result == ConsumeResult(accepted=2, without_event_log=1)
    found = store.find(EventQuery()).events
    assert {event.status for event in found} == {Status.START, Status.SUCCESS}
    assert {event.observed_unix_nano for event in found} == {NOW}
    assert setup.woken == 1
    assert setup.metrics.value("eventlog_events_mapped_total") == 2
    assert setup.metrics.value("eventlog_events_stored_total") == 2
    dropped = {"signal": "traces", "reason": "unwanted"}
    assert setup.metrics.value("eventlog_records_dropped_total", **dropped) == 1


def test_the_tail_is_woken_after_the_commit_and_only_for_news() -> None:
    """What is seen live is on disk; a redelivery wakes nobody."""
    order: list[str] = []
    writer = ListWriter(lambda n: order.append("commit") or WriteResult(stored=2 * (n == 0)))
    setup = Setup(writer)
    setup.pipeline._on_committed = lambda: order.append("wake")
    setup.spans([span_data()])
    setup.spans([span_data()])
    assert order == ["commit", "wake", "commit"]


def test_redeliveries_are_counted_as_duplicates() -> None:
    """The same request twice is stored once."""
    store = MemoryStore(lambda: NOW)
    setup = Setup(store)
    setup.spans([span_data()])
    setup.spans([span_data()])
    assert len(store.find(EventQuery()).events) == 2
    assert setup.metrics.value("eventlog_events_duplicate_total") == 2


def test_event_logs_of_applications_are_stored_as_they_are() -> None:
    """What an application made is stamped and stored with its own rank."""
    store = MemoryStore(lambda: NOW)
    setup = Setup(store)
    assert setup.events([event_log(), event_log(Status.START)]) == ConsumeResult(accepted=2)
    found = store.find(EventQuery()).events
    assert {event.rank for event in found} == {Rank.APP}
    assert {event.observed_unix_nano for event in found} == {NOW}


@pytest.mark.parametrize(("ahead_ns", "skewed"), [(0, False), (1, True), (-(10**18), False)])
def test_a_time_in_the_collectors_future_is_flagged(ahead_ns: int, skewed: bool) -> None:  # noqa: FBT001
    """More than ten minutes ahead is kept and flagged as skewed; anything earlier is not."""
    writer = ListWriter()
    setup = Setup(writer)
    moment = NOW + CLOCK_SKEW_NS_MAX + ahead_ns
    setup.events([event_log(Status.START, start_unix_nano=moment, time_unix_nano=moment)])
    assert [event.clock_skewed for event in writer.writes[0]] == [skewed]
    assert setup.metrics.value("eventlog_events_clock_skewed_total") == skewed


def test_a_large_request_is_written_in_bounded_slices() -> None:
    """8,192 spans become writes within the limit, all of them, one at a time."""
    writer = ListWriter(lambda _number: WriteResult(stored=1))
    setup = Setup(writer)
    assert setup.spans(many(8192)) == ConsumeResult(accepted=8192)
    assert max(len(events) for events in writer.writes) <= EVENTS_PER_WRITE_MAX
    assert writer.in_flight_max == 1
    written = [event.event_id for events in writer.writes for event in events]
    assert len(written) == len(set(written)) == 2 * 8192


def test_many_event_logs_are_written_in_bounded_slices() -> None:
    """Event logs of applications are sliced as well."""
    writer = ListWriter()
    events = [event_log(span_id=number) for number in range(1, 5001)]
    assert Setup(writer).events(events) == ConsumeResult(accepted=5000)
    assert [len(slice_) for slice_ in writer.writes] == [2000, 2000, 1000]


def test_the_loop_is_never_held_up_for_long() -> None:
    """Other work gets its turn while thousands of spans are mapped."""
    setup = Setup(ListWriter())
    turns = 0

    async def run() -> None:
        nonlocal turns
        task = asyncio.create_task(setup.pipeline.consume_spans(SpansToConsume(many(2000))))
        while not task.done():
            await asyncio.sleep(0)
            turns += 1

    asyncio.run(run())
    assert turns >= 2000 / 250


@pytest.mark.parametrize("error", [StoreUnavailable("disk full"), Overloaded("queue full")])
@pytest.mark.parametrize("failing", [0, 1])
def test_a_failed_write_fails_the_whole_request(error: Exception, failing: int) -> None:
    """If any slice cannot be committed the request is refused; a retry is all right again."""
    writer = ListWriter(lambda n: error if n == failing else WriteResult(stored=1))
    setup = Setup(writer)
    with pytest.raises(type(error)):
        setup.spans(many(1500))
    assert setup.spans(many(1500)).rejected == 0


def test_a_writer_that_refuses_at_once_fails_the_request() -> None:
    """A full queue shows as an exception of write() itself."""

    class Full(ListWriter):
        def write(
            self, events: Sequence[EventLog], pairs: Sequence[Pair] = ()
        ) -> Future[WriteResult]:
            raise Overloaded("queue full")

    with pytest.raises(Overloaded):
        Setup(Full()).spans(many(3))
    with pytest.raises(Overloaded):
        Setup(Full()).events([event_log()])


def test_event_logs_outside_the_accepted_times_are_rejected() -> None:
    """What the store rejects is told to the sender, never as more than was sent."""
    result = Setup(MemoryStore(lambda: NOW)).spans([span_data(start_unix_nano=1), span_data()])
    assert (result.accepted, result.rejected) == (0, 2)
    assert "outside the times" in result.error_message


def test_a_span_that_cannot_be_mapped_costs_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    """A mistake of ours is counted, logged once, and told; the neighbours are stored."""

    class Faulty(Mapper):
        def map_span(self, span: SpanData, notes: Any = None) -> tuple[EventLog, ...]:
            if span.span_id in (2, 3):
                raise ZeroDivisionError
            return super().map_span(span, notes)

    writer = ListWriter()
    setup = Setup(writer, Faulty(RULES, Privacy(), Rank.DERIVED))
    result = setup.spans(many(4))
    assert (result.accepted, result.rejected) == (2, 2)
    assert {event.span_id for event in writer.writes[0]} == {1, 4}
    assert setup.metrics.value("eventlog_internal_errors_total", where="mapping") == 2
    assert len(caplog.records) == 1


def test_a_client_that_hangs_up_does_not_undo_the_commit() -> None:
    """A cancelled request leaves its commit to end, and the tail is woken for it."""
    writer = ListWriter(lambda _number: WriteResult(stored=2))
    setup = Setup(writer)

    async def run() -> None:
        task = asyncio.create_task(setup.pipeline.consume_spans(SpansToConsume([span_data()])))
        await writer.begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert setup.woken == 0
        await setup.pipeline.drain()

    asyncio.run(run())
    assert setup.woken == 1


def test_an_empty_request_writes_nothing() -> None:
    """No records, no write, no waking."""
    writer = ListWriter()
    setup = Setup(writer)
    assert setup.spans([]) == ConsumeResult()
    result = setup.spans([span_data(route="/other")])
    assert result == ConsumeResult(accepted=1, without_event_log=1)
    assert setup.events([]) == ConsumeResult()
    assert (writer.writes, setup.woken) == ([], 0)


def test_a_thousand_spans_are_mapped_quickly() -> None:
    """The pipeline's own share stays far below a millisecond a span."""
    spans = many(1000)
    begun = time.process_time()
    Setup(ListWriter()).spans(spans)
    assert time.process_time() - begun < 1


def pairs_of(count: int, **changes: Any) -> list[Pair]:
    """Return pairs of one template with different span ids."""
    template = PairTemplate(
        event_log(Status.START, span_id=0, rank=Rank.DERIVED),
        event_log(Status.ERROR, span_id=0, rank=Rank.DERIVED),
    )
    own = Pair(template, NOW, NOW + 5, 0, (7).to_bytes(16), 0, *[None] * 11)
    return [own._replace(span_id=number, **changes) for number in range(1, count + 1)]


def consume(setup: Setup, batch: SpansToConsume) -> ConsumeResult:
    """Consume what a decoder gave on a loop of its own."""
    return asyncio.run(setup.pipeline.consume_spans(batch))


def test_pairs_and_spans_of_one_request_share_a_write() -> None:
    """What became pairs while decoding, and what is mapped here, is committed together."""
    writer = ListWriter(lambda _number: WriteResult(stored=1))
    setup = Setup(writer)
    batch = SpansToConsume(many(2), pairs=pairs_of(3))
    assert consume(setup, batch) == ConsumeResult(accepted=5)
    assert [len(events) for events in writer.writes] == [10]
    assert setup.metrics.value("eventlog_events_mapped_total") == 10
    counted = {"action": "PasswordsAuthenticate"}
    assert setup.metrics.value("eventlog_events_total", status="start", **counted) == 5
    assert setup.metrics.value("eventlog_events_total", status="error", **counted) == 3
    assert setup.metrics.value("eventlog_events_total", status="success", **counted) == 2


def test_a_span_that_was_recognised_is_not_matched_again() -> None:
    """The decoder's match comes along; the rules are not asked a second time."""
    rule = RULES.rules[0]
    writer = ListWriter()
    setup = Setup(writer, Mapper(rule_set(""), Privacy(), Rank.DERIVED))
    consume(setup, SpansToConsume([span_data()], [Match("SomethingElse", rule)]))
    assert {event.action for event in writer.writes[0]} == {"SomethingElse"}


def test_many_pairs_are_written_in_bounded_slices() -> None:
    """A batch of 8,192 spans that are all known stays within the limit of a write."""
    writer = ListWriter()
    assert consume(Setup(writer), SpansToConsume(pairs=pairs_of(8192))).accepted == 8192
    assert max(len(events) for events in writer.writes) <= EVENTS_PER_WRITE_MAX
    assert writer.in_flight_max == 1


def test_pairs_in_the_future_are_flagged_and_their_neighbours_are_not() -> None:
    """Only what is more than ten minutes ahead of the collector is clock-skewed."""
    writer = ListWriter()
    setup = Setup(writer)
    ahead = NOW + CLOCK_SKEW_NS_MAX + 1
    late = pairs_of(1, start_unix_nano=ahead, end_unix_nano=ahead)
    consume(setup, SpansToConsume(pairs=[*late, *pairs_of(3)[1:]]))
    flagged = {event.span_id: event.clock_skewed for event in writer.writes[0]}
    assert flagged == {1: True, 2: False, 3: False}
    assert setup.metrics.value("eventlog_events_clock_skewed_total") == 2


def test_pairs_that_cannot_be_committed_fail_their_request() -> None:
    """A failed write of pairs refuses the request, as one of event logs does."""
    writer = ListWriter(lambda number: StoreUnavailable("disk full") if number else WriteResult())
    with pytest.raises(StoreUnavailable):
        consume(Setup(writer), SpansToConsume(pairs=pairs_of(1500)))
