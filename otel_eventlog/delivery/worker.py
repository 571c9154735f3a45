"""The thread that takes event logs from memory and spool and has them transmitted.

One worker belongs to one process: a forked child makes a new one. Whatever happens to one batch,
the loop goes on; whatever happens to the thread, what it had in its hands is still there for the
next one.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from otel_eventlog.delivery.queue import ItemQueue
from otel_eventlog.delivery.sender import Sender
from otel_eventlog.delivery.spool import Spool, SpoolBatch
from otel_eventlog.delivery.suppress import suppressed
from otel_eventlog.delivery.tally import Drop, Tally
from otel_eventlog.delivery.transmit import Transmitter
from otel_eventlog.guard import named
from otel_eventlog.model import EventLog
from otel_eventlog.pairs import Half, whole

BATCH_EVENTS_MAX = 512
"""Most event logs taken at once; so many are in the worker's hands beside the queue."""

REST_S = 0.1
"""How long to gather after a request went out. What comes after a silence leaves at once; in a busy
application a request each for every event log would take more from it than all the rest of us."""

IDLE_TICK_S = 5.0
"""How often the spool is tidied and those of dead processes are looked for."""

STUMBLES_MAX = 3
"""After so many failures of ours over the same event logs they are dropped, not the others."""

BROKEN_PAUSE_S = 1.0
"""Wait after a failure of ours."""

Materialise = Callable[[Any], Iterable[EventLog | Half]]


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
        self._clock = clock
        self.queue = ItemQueue(queue_events_max)
        self.tally = Tally(clock)
        self._stopping = threading.Event()
        self._hand: list[EventLog | Half] = []
        self._flush_in_hand: Flush | None = None
        self._stumbles = 0
        self._is_behind = False
        self._next_tidy_s = float("-inf")
        self._transmitter = Transmitter(
            sender,
            self.tally,
            self._stopping,
            on_failure=self._keep_house,
            answer_timeout_s=answer_timeout_s,
            clock=clock,
            jitter=jitter,
        )
        self._dropped_flushes: deque[Flush] = deque()
        self.is_ready = threading.Event()
        """Set when imports are done."""
        self.has_ended = False
        """True once nothing is delivered any more, because it was asked to stop."""

    # --- other threads ----------------------------------------------------------------------

    def offer(self, item: object) -> None:
        """Take an item in: onto the disk where there is a spool, else into memory."""
        if self._spool is None:
            self._keep(item)
            return
        try:
            events = tuple(map(whole, self._materialise(item)))
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
        self.count_dropped(self.queue.put(item))

    def count_dropped(self, items: Sequence[object]) -> None:
        """Account for what the queue had to let go."""
        for item in items:
            if isinstance(item, Flush):
                # All before it is gone too, except what the worker has in its hands.
                self._dropped_flushes.append(item)
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
        """Work until asked to stop, or until something breaks; then it may be run again.

        Args:
            import_guard: held during imports; nobody forks meanwhile.

        """
        try:
            with suppressed():
                with import_guard:
                    self._prepare()
                while self._guarded_round():
                    pass
            self.has_ended = True
        except BaseException as error:  # noqa: BLE001 - it would end the thread, and print
            self.has_ended = self._stopping.is_set()
            self.tally.notice(
                "broken", logging.ERROR, "Delivery of event logs broke off: %s", named(error)
            )
        finally:
            self.is_ready.set()
            if self.has_ended:
                self._end()

    def pause(self) -> None:
        """Wait a little after something broke; not if asked to stop."""
        self._stopping.wait(BROKEN_PAUSE_S)

    def _prepare(self) -> None:
        self._transmitter.prepare()
        self._tidy()
        self.is_ready.set()

    def _guarded_round(self) -> bool:
        try:
            return self._round()
        except Exception as error:  # noqa: BLE001 - the one guard of this thread
            self.tally.notice(
                "broken", logging.ERROR, "Delivery of event logs stumbled: %s", named(error)
            )
            self.pause()
            return not self._stopping.is_set()

    def _round(self) -> bool:
        """Do what there is to do; False if it was the last time."""
        is_stopping = self._stopping.is_set()
        self._is_behind = False
        worked = self._deliver_spooled()
        worked = self._deliver_queued() or worked
        self._keep_house()
        if self._transmitter.has_given_up:
            return False
        if worked:
            if not is_stopping and not self._is_behind and len(self.queue) < BATCH_EVENTS_MAX:
                self.queue.rest(REST_S)
            return True
        if is_stopping:
            return False
        self.queue.wait(IDLE_TICK_S, self._is_due)
        if not self.has_work():
            self._tidy()
        return True

    def _keep_house(self) -> None:
        """Do what is due now and then, also amid traffic and during an outage."""
        self.tally.report_drops()
        if self._spool is None:
            return
        if self._spool.last_error:
            self.tally.notice(
                "spool",
                logging.WARNING,
                "The spool cannot be written (%s); event logs wait in memory",
                self._spool.last_error,
            )
        if self._clock() >= self._next_tidy_s:
            self._tidy()

    def _tidy(self) -> None:
        if self._spool is not None:
            self._next_tidy_s = self._clock() + IDLE_TICK_S
            self._spool.tidy()

    def _is_due(self) -> bool:
        return self._stopping.is_set() or (self._spool is not None and self._spool.has_unread())

    def has_work(self) -> bool:
        """Whether something waits to be delivered."""
        is_waiting = len(self.queue) > 0 or bool(self._hand) or self._flush_in_hand is not None
        return is_waiting or (self._spool is not None and self._spool.has_unread())

    def _end(self) -> None:
        self.tally.drop(Drop.SHUTDOWN, len(self._hand))
        self._hand = []
        if self._flush_in_hand is not None:
            self._flush_in_hand.finish(is_delivered=False)
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
        self._fill_hand()
        if not self._hand and self._flush_in_hand is None and not self._dropped_flushes:
            return False
        undelivered = self._settle(self._hand) if self._hand else 0
        self.tally.drop(Drop.SHUTDOWN, undelivered)
        self._hand = []
        flush, self._flush_in_hand = self._flush_in_hand, None
        if flush is not None:
            flush.finish(is_delivered=not undelivered and self._spooled_is_delivered())
        self._finish_dropped_flushes(is_delivered=not undelivered)
        return True

    def _fill_hand(self) -> None:
        """Take from the queue; the hand is this worker's, so it outlives a thread that breaks."""
        while len(self._hand) < BATCH_EVENTS_MAX and self._flush_in_hand is None:
            item = self.queue.take()
            if item is None:
                return
            if isinstance(item, Flush):
                self._flush_in_hand = item
            elif isinstance(item, Ready):
                self._hand.append(item.event)
            else:
                self._hand += self._materialised(item)

    def _settle(self, events: Sequence[EventLog | Half], *, is_on_disk: bool = False) -> int:
        """Deliver event logs, and give them up if they make us stumble again and again."""
        try:
            undelivered = self._transmitter.deliver(events, is_on_disk=is_on_disk)
        except Exception:
            self._stumbles += 1
            if self._stumbles < STUMBLES_MAX:
                raise
            self._stumbles = 0
            self.tally.drop(Drop.BROKEN, len(events))
            return 0
        self._stumbles = 0
        return undelivered

    def _finish_dropped_flushes(self, *, is_delivered: bool) -> None:
        while self._dropped_flushes:
            self._dropped_flushes.popleft().finish(is_delivered=is_delivered)

    def _materialised(self, item: object) -> Sequence[EventLog | Half]:
        try:
            return tuple(self._materialise(item))
        except Exception as error:  # noqa: BLE001 - one broken item, whatever broke it
            self.tally.drop(Drop.UNMAPPABLE)
            self.tally.notice(
                "map", logging.ERROR, "An event log could not be made: %s", named(error)
            )
            return ()

    def _spooled_is_delivered(self) -> bool:
        while self._spool is not None and self._spool.has_unread():
            if not self._deliver_spooled():
                return not self._spool.has_unread()
        return True

    def _deliver_spooled(self) -> bool:
        """Deliver one piece of our own spool and one of an adopted one."""
        if self._spool is None:
            return False
        worked = self._deliver_batch(self._spool, self._spool.read())
        return self._deliver_batch(self._spool, self._spool.read_adopted()) or worked

    def _deliver_batch(self, spool: Spool, batch: SpoolBatch | None) -> bool:
        if batch is None:
            return False
        if self._settle(batch.events, is_on_disk=True):
            return False  # the process ends; it stays on disk
        self._is_behind |= len(batch.events) > BATCH_EVENTS_MAX // 2
        self.tally.drop(Drop.SPOOL_CORRUPT, batch.piece.corrupt_count)
        spool.acknowledge(batch)
        return True
