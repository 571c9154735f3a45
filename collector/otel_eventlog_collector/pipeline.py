"""Map → write → wake the tail, in that order: what is seen live is on disk."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import repeat
from operator import itemgetter

from otel_eventlog.guard import told
from otel_eventlog.mapping import Mapper
from otel_eventlog.model import EventLog, SpanData, Status
from otel_eventlog.pairs import Pair
from otel_eventlog.rules import Match
from otel_eventlog_collector.freshness import Freshness, outcome_times
from otel_eventlog_collector.limits import (
    CLOCK_SKEW_NS_MAX,
    EVENTS_PER_WRITE_MAX,
    SPANS_PER_SLICE,
)
from otel_eventlog_collector.metrics import Metrics, Occasionally
from otel_eventlog_collector.protocols import (
    Clock,
    ConsumeResult,
    EventWriter,
    SpansToConsume,
    WriteResult,
)

_TEMPLATE = itemgetter(Pair._fields.index("template"))
_TIME_OF_OUTCOME = itemgetter(Pair._fields.index("end_unix_nano"))
_log = logging.getLogger(__name__)
_TRACEBACK_PERIOD_S = 60
_PAIRS_PER_WRITE_MAX = EVENTS_PER_WRITE_MAX // 2


def stamp(events: Sequence[EventLog], now_unix_nano: int) -> int:
    """Say on event logs when they were received; return how many lie in the future of that."""
    skewed = 0
    for event in events:
        event.observed_unix_nano = now_unix_nano
        event.clock_skewed = event.time_unix_nano > now_unix_nano + CLOCK_SKEW_NS_MAX
        skewed += event.clock_skewed
    return skewed


class Pipeline:
    """The consumer behind the receivers.

    A large request is worked off in slices: other requests get their turn between two of them, and
    while one slice is being committed the next is mapped. If a later slice cannot be committed the
    whole request is refused as retryable; its redelivery finds the earlier slices already there.

    Args:
        mapper: spans to event logs.
        writer: where they are stored.
        clock: the collector's time, nanoseconds since the epoch.
        on_committed: called on the event loop after every commit that changed something.
        metrics: what is counted.
        freshness: told how long each commit took since the requests ended.

    """

    def __init__(
        self,
        mapper: Mapper,
        writer: EventWriter,
        clock: Clock,
        on_committed: Callable[[], None],
        metrics: Metrics,
        freshness: Freshness | None = None,
    ) -> None:
        """Keep the parts."""
        self._freshness = freshness or Freshness()
        self._mapper = mapper
        self._writer = writer
        self._clock = clock
        self._on_committed = on_committed
        self._metrics = metrics
        self._commits: set[asyncio.Task[WriteResult]] = set()
        self.events_waiting = 0
        """Event logs given to the store and not committed yet."""
        self._traceback = Occasionally(_TRACEBACK_PERIOD_S)

    async def consume_spans(self, spans: SpansToConsume) -> ConsumeResult:
        """Map spans to event logs and store them; see `protocols.Consumer`."""
        request = _Request(self)
        for start in range(0, len(spans.spans), SPANS_PER_SLICE):
            end = start + SPANS_PER_SLICE
            matches = spans.matches[start:end] or repeat(None)
            for span, match in zip(spans.spans[start:end], matches, strict=False):
                events = self._map(span, match)
                if events is None:
                    request.unmapped += 1
                elif events:
                    request.events.extend(events)
                else:
                    request.unwanted += 1
            await request.write(at_least=EVENTS_PER_WRITE_MAX - 2 * SPANS_PER_SLICE)
            await asyncio.sleep(0)
        for start in range(0, len(spans.pairs), _PAIRS_PER_WRITE_MAX):
            pairs = spans.pairs[start : start + _PAIRS_PER_WRITE_MAX]
            await request.write(at_least=EVENTS_PER_WRITE_MAX - 2 * len(pairs) + 1)
            request.pairs.extend(pairs)
        await request.write(at_least=1)
        await request.commit()
        self._metrics.count("eventlog_events_mapped_total", request.given)
        count = self._metrics.count
        count(
            "eventlog_records_dropped_total", request.unwanted, signal="traces", reason="unwanted"
        )
        count(
            "eventlog_records_rejected_total", request.unmapped, signal="traces", reason="unmapped"
        )
        return request.result(len(spans))

    async def consume_event_logs(self, events: Sequence[EventLog]) -> ConsumeResult:
        """Store event logs that applications made; see `protocols.Consumer`."""
        privacy = self._mapper.privacy
        if privacy.hashes_contacts:
            for event in events:
                privacy.hash_contacts(event)
        request = _Request(self)
        for start in range(0, len(events), EVENTS_PER_WRITE_MAX):
            request.events.extend(events[start : start + EVENTS_PER_WRITE_MAX])
            await request.write(at_least=1)
        await request.commit()
        return request.result(len(events))

    async def drain(self) -> None:
        """Wait until every write begun so far has been committed or has failed."""
        while self._commits:
            await asyncio.wait(self._commits)

    def begin(self, events: list[EventLog], pairs: list[Pair]) -> asyncio.Task[WriteResult]:
        """Stamp and queue event logs and pairs; the task is done when they are on disk.

        A task of its own: a client that hangs up cancels its request, but not a commit others may
        be part of, nor the waking of the tail.
        """
        now = self._clock()
        if pairs and max(map(_TIME_OF_OUTCOME, pairs)) > now + CLOCK_SKEW_NS_MAX:
            pairs = _apart(pairs, events, now + CLOCK_SKEW_NS_MAX)
        self._stamp(events, now)
        self._count(events, pairs)
        given = len(events) + 2 * len(pairs)
        ended = outcome_times(events, pairs)
        try:
            written = self._writer.write(events, pairs)
        except BaseException:
            self._metrics.count("eventlog_events_refused_total", given)
            raise
        self.events_waiting += given
        task = asyncio.create_task(self._commit(written, time.monotonic(), given, ended))
        self._commits.add(task)
        task.add_done_callback(self._settled)
        return task

    def _settled(self, task: asyncio.Task[WriteResult]) -> None:
        self._commits.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, also when whoever waited for it has gone

    def _map(self, span: SpanData, match: Match | None) -> tuple[EventLog, ...] | None:
        """Return the event logs of one span, None if mapping it failed: a mistake of ours."""
        try:
            if match is None:
                return self._mapper.map_span(span)
            return self._mapper.pair(span, match)
        except Exception as error:  # noqa: BLE001 - one span may never cost its neighbours
            self._metrics.count("eventlog_internal_errors_total", where="mapping")
            if self._traceback.is_due():
                _log.error("a span could not be mapped; its neighbours were\n%s", told(error))
            return None

    def _stamp(self, events: Sequence[EventLog], now: int) -> None:
        skewed = stamp(events, now)
        self._metrics.count("eventlog_events_clock_skewed_total", skewed)

    def _count(self, events: Sequence[EventLog], pairs: Sequence[Pair]) -> None:
        """Count event logs by action and status: for pairs once a template, not once a pair."""
        kinds = Counter((event.action, event.status) for event in events)
        templates = Counter(map(_TEMPLATE, pairs))
        for template, count in templates.items():
            for half in (template.start, template.outcome):
                kinds[half.action, half.status] += count
        for (action, status), count in kinds.items():
            self._metrics.count("eventlog_events_total", count, action=action, status=status)
        errors = Counter(event.error_type for event in events if event.status is Status.ERROR)
        for template, count in templates.items():
            if template.outcome.status is Status.ERROR:
                errors[template.outcome.error_type] += count
        for error_type, count in errors.items():
            self._metrics.count("eventlog_errors_total", count, error_type=error_type or "none")

    async def _commit(
        self, future: Future[WriteResult], begun_s: float, given: int, ended: Sequence[int]
    ) -> WriteResult:
        count = self._metrics.count
        try:
            result = await asyncio.wrap_future(future)
        except BaseException:
            self.events_waiting -= given
            count("eventlog_events_refused_total", given)
            raise
        self.events_waiting -= given
        now = self._clock()
        # What came again was seen long ago: only writes in which all is new tell how fresh it is.
        is_new = result.stored and not (result.duplicates or result.replaced)
        if is_new:
            self._freshness.add(ended, now)
        self._metrics.observe("eventlog_write_seconds", time.monotonic() - begun_s)
        count("eventlog_events_stored_total", result.stored)
        count("eventlog_events_replaced_total", result.replaced)
        count("eventlog_events_duplicate_total", result.duplicates)
        count("eventlog_events_conflicting_total", result.conflicts)
        count("eventlog_events_rejected_total", result.rejected)
        if result.stored or result.replaced:
            self._on_committed()
            if is_new and ended:
                lag_ns = now - max(ended)
                self._metrics.observe("eventlog_freshness_seconds", max(0.0, lag_ns / 1e9))
        return result


def _apart(pairs: list[Pair], events: list[EventLog], latest_unix_nano: int) -> list[Pair]:
    """Add what lies too far in the future to `events`; return the other pairs."""
    plausible = []
    for pair in pairs:
        if pair.end_unix_nano > latest_unix_nano:
            events.extend(pair.event_logs())
        else:
            plausible.append(pair)
    return plausible


class _Request:
    """What one request has waiting, being committed, and behind it."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._commit: asyncio.Task[WriteResult] | None = None
        self._rejected = 0
        self.events: list[EventLog] = []
        self.pairs: list[Pair] = []
        self.unmapped = 0
        self.unwanted = 0
        self.given = 0
        """Event logs given to the store so far."""

    async def write(self, at_least: int) -> None:
        """Queue what waits, if it is enough, after the commit before it is done."""
        waiting = len(self.events) + 2 * len(self.pairs)
        if waiting >= at_least:
            await self.commit()
            events, self.events = self.events, []
            pairs, self.pairs = self.pairs, []
            self.given += waiting
            self._commit = self._pipeline.begin(events, pairs)

    async def commit(self) -> None:
        """Wait for the commit that is under way."""
        if self._commit is not None:
            task, self._commit = self._commit, None
            self._rejected += (await asyncio.shield(task)).rejected

    def result(self, received: int) -> ConsumeResult:
        """Return what became of the request's records."""
        sentences = []
        if self.unmapped:
            sentences.append(f"{self.unmapped} spans could not be mapped (an error of ours)")
        if self._rejected:
            sentences.append(
                f"{self._rejected} event logs have a start outside the times that are kept"
            )
        rejected = min(received, self.unmapped + self._rejected)
        return ConsumeResult(
            received - rejected, rejected, "; ".join(sentences), self.unwanted + self.unmapped
        )
