"""The thread that takes event logs from memory and spool and has them transmitted.

One worker belongs to one process: a forked child makes a new one. Whatever happens to one batch,
the loop goes on.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from otel_eventlog.delivery.queue import ItemQueue
from otel_eventlog.delivery.sender import Sender
from otel_eventlog.delivery.spool import Spool, SpoolBatch
from otel_eventlog.delivery.suppress import suppressed
from otel_eventlog.delivery.tally import Drop, Tally
from otel_eventlog.delivery.transmit import Transmitter
from otel_eventlog.model import EventLog

BATCH_EVENTS_MAX = 512
"""Most event logs taken at once; so many are in the worker's hands beside the queue."""

IDLE_TICK_S = 5.0
"""How often an idle worker tidies the spool and looks for those of dead processes."""

_BROKEN_ROUND_PAUSE_S = 1.0

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
        self._spool = spool
        self.queue = ItemQueue(queue_events_max)
        self.tally = Tally(clock)
        self._stopping = threading.Event()
        self._transmitter = Transmitter(
            sender,
            self.tally,
            self._stopping,
            answer_timeout_s=answer_timeout_s,
            clock=clock,
            jitter=jitter,
        )
        self._dropped_flushes: deque[Flush] = deque()
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
        self.tally.drop(Drop.SHUTDOWN, len(self.queue) + self._transmitter.in_hand)
        self.tally.report_drops(is_final=True)

    def import_all(self) -> None:
        """Import what delivering needs; see `Delivery.prepare`."""
        self._transmitter.prepare()

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
        except Exception as error:  # noqa: BLE001 - threads that raise print to standard error
            self.tally.notice("ended", logging.ERROR, "Event logs cannot be delivered: %r", error)
        finally:
            self.is_ready.set()
            self._end()

    def _prepare(self) -> None:
        self._transmitter.prepare()
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
        if self._transmitter.has_given_up:
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
        self._transmitter.close()

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
        undelivered = self._transmitter.deliver(events) if events else 0
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
        if self._transmitter.deliver(batch.events, is_on_disk=True):
            return False  # the process ends; it stays on disk
        self.tally.drop(Drop.SPOOL_CORRUPT, batch.piece.corrupt_count)
        spool.acknowledge(batch)
        return True
