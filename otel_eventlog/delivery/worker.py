"""The thread that takes, encodes, sends, retries and splits.

One worker belongs to one process: a forked child makes a new one. Whatever happens to one batch,
the loop goes on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from otel_eventlog.delivery.queue import ItemQueue
from otel_eventlog.delivery.retry import Backoff
from otel_eventlog.delivery.sender import Answer, Sender, SendResult
from otel_eventlog.delivery.spool import Spool, SpoolBatch
from otel_eventlog.delivery.suppress import suppressed
from otel_eventlog.delivery.tally import Drop, Tally
from otel_eventlog.model import EventLog

BATCH_EVENTS_MAX = 512
"""Most event logs taken at once; so many are in the worker's hands beside the queue."""

REQUEST_BYTES_MIN = 16 * 1024
"""Requests are not made smaller than this after a 413; single records are, by splitting."""

FAILED_ATTEMPTS_MAX = 20
"""After so many answers like 500 (about 90 s) the records themselves are under suspicion."""

REJECTED_REQUESTS_MAX = 32
"""Requests rejected within one batch before the rest of it is given up: enough to corner three
bad records among 512, and few enough when the collector rejects everything."""

IDLE_TICK_S = 5.0
"""How often an idle worker tidies the spool and looks for those of dead processes."""

DRAIN_RETRY_S = 1.5
"""How long failed attempts are repeated when the process ends."""

_BROKEN_ROUND_PAUSE_S = 1.0
_DRAIN_ANSWER_S_MIN = 0.5

Materialise = Callable[[object], Iterable[EventLog]]


@dataclass(slots=True)
class Ready:
    """An event log that is materialised already and waits in memory."""

    event: EventLog


@dataclass(slots=True)
class Flush:
    """Travels through the queue; when the worker meets it, all that came before is done."""

    done: threading.Event = field(default_factory=threading.Event)
    is_delivered: bool = False

    def finish(self, *, is_delivered: bool) -> None:
        """Let the waiting thread go on."""
        self.is_delivered = is_delivered
        self.done.set()


class Worker:
    """The loop and what it works with. `offer` and `ask_to_stop` are for other threads."""

    def __init__(
        self,
        materialise: Materialise,
        sender: Sender,
        spool: Spool | None,
        *,
        queue_events_max: int,
        answer_timeout_s: float,
        clock: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        """Keep the parts; nothing runs before `run`."""
        self._materialise = materialise
        self._sender = sender
        self._spool = spool
        self._answer_s_max = answer_timeout_s
        self._clock = clock
        self._jitter = jitter
        self.queue = ItemQueue(queue_events_max)
        self.tally = Tally(clock)
        self._stopping = threading.Event()
        self._retry_until_s = float("inf")
        self._in_hand = 0
        self._has_given_up = False
        self._dropped_flushes: deque[Flush] = deque()
        self._bytes_max = 0
        self._version = ""
        self.is_ready = threading.Event()
        """Set when imports are done."""

    # --- other threads ----------------------------------------------------------------------

    def offer(self, item: object) -> None:
        """Take an item in: onto the disk where there is a spool, else into memory."""
        if self._spool is None:
            self._keep(item)
            return
        try:
            events = tuple(self._materialise(item))
            is_stored = self._spool.append(events)
        except Exception:  # noqa: BLE001 - the worker tries once more, and counts it if it fails
            self._keep(item)
            return
        if is_stored:
            self.queue.wake_if_sleeping()
            return
        self.tally.fail_spool(len(events))
        for event in events:
            self._keep(Ready(event))

    def flush(self, flush: Flush) -> None:
        """Let `flush` be finished when everything taken in before it is settled."""
        self.queue.put_marker(flush)

    def _keep(self, item: object) -> None:
        for dropped in self.queue.put(item):
            if isinstance(dropped, Flush):
                # All before it is gone too, except what the worker has in its hands.
                self._dropped_flushes.append(dropped)
            else:
                self.tally.drop(Drop.QUEUE_FULL)

    def ask_to_stop(self) -> None:
        """Deliver what waits, retry for a short time only, then end."""
        self._stopping.set()
        self.queue.wake()

    def abandon(self) -> None:
        """Count what the thread still has: the process ends without waiting for it."""
        self.tally.drop(Drop.SHUTDOWN, len(self.queue) + self._in_hand)
        self.tally.report_drops(is_final=True)

    # --- the worker's thread ----------------------------------------------------------------

    def run(self, import_guard: threading.Lock) -> None:
        """Work until asked to stop.

        Args:
            import_guard: held during imports; nobody forks meanwhile.

        """
        try:
            with suppressed():
                with import_guard:
                    self._prepare()
                while self._guarded_round():
                    pass
        finally:
            self.is_ready.set()
            self._end()

    def _prepare(self) -> None:
        from otel_eventlog.delivery import encode
        from otel_eventlog.delivery.version import package_version

        self._sender.prepare()
        self._bytes_max = encode.REQUEST_BYTES_MAX
        self._version = package_version()
        if self._spool is not None:
            self._spool.tidy()
        self.is_ready.set()

    def _guarded_round(self) -> bool:
        try:
            return self._round()
        except Exception as error:  # noqa: BLE001 - the one guard of this thread
            self.tally.notice("broken", logging.ERROR, "Delivery of event logs stumbled: %r", error)
            return not self._stopping.wait(_BROKEN_ROUND_PAUSE_S)

    def _round(self) -> bool:
        """Do what there is to do; False if it was the last time."""
        is_stopping = self._stopping.is_set()
        worked = self._deliver_spooled()
        worked = self._deliver_queued() or worked
        self.tally.report_drops()
        if self._has_given_up:
            return False
        if worked:
            return True
        if is_stopping:
            return False
        self.queue.wait(IDLE_TICK_S, self._is_due)
        if self._spool is not None and not self._has_work():
            self._spool.tidy()
        return True

    def _is_due(self) -> bool:
        return self._stopping.is_set() or (self._spool is not None and self._spool.has_unread())

    def _has_work(self) -> bool:
        return len(self.queue) > 0 or (self._spool is not None and self._spool.has_unread())

    def _end(self) -> None:
        while (item := self.queue.take()) is not None:
            if isinstance(item, Flush):
                item.finish(is_delivered=False)
            else:
                self.tally.drop(Drop.SHUTDOWN)
        self._finish_dropped_flushes(is_delivered=False)
        self.tally.report_drops(is_final=True)
        if self._spool is not None:
            self._spool.close()
        self._sender.close()

    # --- sources ----------------------------------------------------------------------------

    def _deliver_queued(self) -> bool:
        events: list[EventLog] = []
        flush: Flush | None = None
        while len(events) < BATCH_EVENTS_MAX and flush is None:
            item = self.queue.take()
            if item is None:
                break
            if isinstance(item, Flush):
                flush = item
            elif isinstance(item, Ready):
                events.append(item.event)
            else:
                events += self._materialised(item)
        undelivered = self.deliver(events) if events else 0
        self.tally.drop(Drop.SHUTDOWN, undelivered)
        if flush is not None:
            flush.finish(is_delivered=not undelivered and self._spooled_is_delivered())
        self._finish_dropped_flushes(is_delivered=not undelivered)
        return bool(events) or flush is not None

    def _finish_dropped_flushes(self, *, is_delivered: bool) -> None:
        while self._dropped_flushes:
            self._dropped_flushes.popleft().finish(is_delivered=is_delivered)

    def _materialised(self, item: object) -> Sequence[EventLog]:
        try:
            return tuple(self._materialise(item))
        except Exception as error:  # noqa: BLE001 - one broken item, whatever broke it
            self.tally.drop(Drop.UNMAPPABLE)
            self.tally.notice("map", logging.ERROR, "An event log could not be made: %r", error)
            return ()

    def _spooled_is_delivered(self) -> bool:
        while self._spool is not None and self._spool.has_unread():
            if not self._deliver_spooled():
                return False
        return True

    def _deliver_spooled(self) -> bool:
        """Deliver one piece of our own spool and one of an adopted one."""
        if self._spool is None:
            return False
        if self._spool.last_error:
            self.tally.notice(
                "spool",
                logging.WARNING,
                "The spool cannot be written (%s); event logs wait in memory",
                self._spool.last_error,
            )
        worked = self._deliver_batch(self._spool, self._spool.read())
        return self._deliver_batch(self._spool, self._spool.read_adopted()) or worked

    def _deliver_batch(self, spool: Spool, batch: SpoolBatch | None) -> bool:
        if batch is None:
            return False
        if self.deliver(batch.events):
            return False  # the process ends; it stays on disk
        self.tally.drop(Drop.SPOOL_CORRUPT, batch.piece.corrupt_count)
        spool.acknowledge(batch)
        return True

    # --- sending ----------------------------------------------------------------------------

    def deliver(self, events: Iterable[EventLog]) -> int:
        """Send event logs until each is accepted or dropped for good.

        Returns:
            How many are neither, because the process ends.

        """
        from otel_eventlog.delivery import encode

        records = encode.encode_all(events, self._not_encoded)
        parcels = deque(encode.pack(records, self._version, bytes_max=self._bytes_max))
        rejected_requests = 0
        while parcels:
            parcel = parcels.popleft()
            count = len(parcel.records)
            self._in_hand = count + sum(len(other.records) for other in parcels)
            result = self._send(parcel.body)
            if result is None:
                self._has_given_up = True
                return self._in_hand
            if result.answer is Answer.DELIVERED:
                self._count_delivered(count, result)
                continue
            is_size = result.answer is Answer.TOO_LARGE
            rejected_requests += not is_size
            if count > 1 and rejected_requests <= REJECTED_REQUESTS_MAX:
                if is_size:
                    self._bytes_max = max(REQUEST_BYTES_MIN, len(parcel.body) // 2)
                parcels.extendleft(reversed(encode.split(parcel, self._version)))
                continue
            self.tally.drop(Drop.TOO_LARGE if is_size else Drop.REJECTED, count)
            self._say_rejected(result)
        self._in_hand = 0
        return 0

    def _send(self, body: bytes) -> SendResult | None:
        """Send one request until it is settled; None if the process ends before that."""
        backoff = Backoff(self._jitter)
        attempts = 0
        while True:
            result = self._sender.send(body, self._answer_timeout_s())
            attempts += 1
            self.tally.is_failing = result.answer is not Answer.DELIVERED
            if result.answer in {Answer.DELIVERED, Answer.REJECTED, Answer.TOO_LARGE}:
                if attempts > 1:
                    self.tally.notice("again", logging.INFO, "Event logs are delivered again")
                return result
            if result.answer is Answer.FAILED and attempts >= FAILED_ATTEMPTS_MAX:
                return SendResult(Answer.REJECTED, result.detail)
            self.tally.notice(
                "failing",
                logging.WARNING,
                "Event logs cannot be delivered to %s (%s); they are kept and sent again, "
                "%d wait in memory",
                self._sender.target,
                result.detail,
                len(self.queue),
            )
            self.tally.report_drops()
            if not self._pause(backoff.delay_s(result)):
                return None
            self.tally.retried += 1

    def _answer_timeout_s(self) -> float:
        if not self._stopping.is_set():
            return self._answer_s_max
        return min(self._answer_s_max, max(_DRAIN_ANSWER_S_MIN, self._drain_left_s()))

    def _drain_left_s(self) -> float:
        """Return how long attempts may still be repeated, now that the process ends."""
        now = self._clock()
        if self._retry_until_s == float("inf"):
            # What is on disk is safe there, and the process wants to end.
            is_safe = self._spool is not None and not len(self.queue)
            self._retry_until_s = now + (0.0 if is_safe else DRAIN_RETRY_S)
        return self._retry_until_s - now

    def _pause(self, delay_s: float) -> bool:
        """Wait before the next attempt; False if there is none, because the process ends."""
        if not self._stopping.is_set():
            self._stopping.wait(delay_s)  # asked to stop meanwhile: one more attempt, at once
            return True
        if delay_s >= self._drain_left_s():
            return False
        time.sleep(delay_s)
        return True

    # --- counting ---------------------------------------------------------------------------

    def _count_delivered(self, count: int, result: SendResult) -> None:
        rejected = min(count, result.rejected_count)
        self.tally.delivered += count - rejected
        self.tally.drop(Drop.REJECTED, rejected)
        if rejected or result.detail:
            self._say_rejected(result)

    def _say_rejected(self, result: SendResult) -> None:
        self.tally.notice(
            "rejected",
            logging.WARNING,
            "%s does not take some event logs (%s)",
            self._sender.target,
            result.detail,
        )

    def _not_encoded(self, error: Exception) -> None:
        self.tally.drop(Drop.UNENCODABLE)
        self.tally.notice("encode", logging.ERROR, "An event log cannot be encoded: %r", error)
