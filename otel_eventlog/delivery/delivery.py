"""What the rest of the package sees of the delivery."""

from __future__ import annotations

import atexit
import os
import random
import threading
import time
import weakref
from collections.abc import Callable
from functools import partial

from otel_eventlog.delivery.child_exit import call_at_exit_of_children
from otel_eventlog.delivery.queue import QUEUE_EVENTS_MAX
from otel_eventlog.delivery.sender import ANSWER_TIMEOUT_S, Sender
from otel_eventlog.delivery.spool import Spool
from otel_eventlog.delivery.tally import DeliveryStats, Drop
from otel_eventlog.delivery.worker import Flush, Materialise, Worker

SHUTDOWN_TIMEOUT_S = 2.0
"""How long the end of the process may be held up."""

STARTUP_S_MAX = 10.0
"""How long a thread that still imports is waited for: a script may end right after its event."""

RESTART_INTERVAL_S = 1.0
"""Shortest time between two starts of the thread: starting one costs the request's thread."""

_LAST_ATTEMPT_S = 0.5
_FORK_WAIT_S_MAX = 5.0
_process_id = os.getpid


class Delivery:
    """Event logs on their way to the collector. Every method from any thread.

    Args:
        materialise: turns an item that was put into event logs. Runs in the delivery's thread;
            with a spool it runs in the thread that calls `put`.
        sender: one way to the collector.
        queue_events_max: most items waiting in memory; beyond it the oldest is dropped.
        spool: where event logs wait on disk instead of in memory.
        answer_timeout_s: longest wait for the collector's answer to one request.
        clock: monotonic seconds.
        jitter: returns a number from 0 to 1, for the delays between attempts.

    """

    def __init__(
        self,
        materialise: Materialise,
        sender: Sender,
        *,
        queue_events_max: int = QUEUE_EVENTS_MAX,
        spool: Spool | None = None,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Get ready. No thread, no connection, no file before the first `put`."""
        self._sender = sender
        self._spool = spool
        self._new_worker = partial(
            Worker,
            materialise,
            sender,
            spool,
            queue_events_max=queue_events_max,
            answer_timeout_s=answer_timeout_s,
            clock=clock,
            jitter=jitter,
        )
        self._clock = clock
        self._is_shut_down = False
        self._renewing = threading.Lock()
        self._renew()
        reference = weakref.ref(self)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=partial(_call, reference, Delivery._before_fork),
                after_in_parent=partial(_call, reference, Delivery._after_fork_in_parent),
                after_in_child=partial(_call, reference, Delivery._after_fork_in_child),
            )
        self._at_exit = partial(_call, reference, Delivery._flush_at_exit)
        atexit.register(self._at_exit)
        self._is_flushed_by_children = call_at_exit_of_children(self, self._at_exit)

    def _renew(self) -> None:
        self._worker = self._new_worker()
        # Without a spool this is all that `put` has to do; it runs twice in a request's thread.
        self._append = self._worker.queue.put
        self._thread: threading.Thread | None = None
        self._thread_lock = threading.RLock()
        self._next_start_s = float("-inf")
        self._import_guard = threading.Lock()
        self._holds_guard = False
        self._exit_deadline_s: float | None = None
        self._process_id = os.getpid()

    def prepare(self) -> None:
        """Import all that delivering needs, in the caller's thread; at start-up, please.

        Two threads that import the same packages in different order can each meet modules that the
        other has half imported. An application that starts is importing all the time, so the
        delivery's thread must not: it would break the application's imports as well as its own.
        """
        self._worker.import_all()

    def put(self, item: object) -> None:
        """Take an item in and return at once. Never blocks on the network, never raises.

        Without a spool this appends to a queue. With one it materialises the item and writes it to
        a file: when `put` returns, even SIGKILL does not lose it.
        """
        try:
            if self._process_id != _process_id():
                self._renew_in_child()
            if self._is_shut_down:
                self._worker.tally.drop(Drop.SHUTDOWN)
                return
            if self._spool is not None:
                self._worker.offer(item)
            elif dropped := self._append(item):
                self._worker.count_dropped(dropped)
            if self._thread is None:
                self.start()
        except Exception:  # noqa: BLE001 - the customer's request comes first, whatever this is
            self._worker.tally.drop(Drop.UNMAPPABLE)

    def start(self) -> None:
        """Start the thread now, so that the first event log does not wait for imports.

        Also lets what a killed process left in the spool go out before anything new comes.
        """
        with self._thread_lock:
            now_s = self._clock()
            if self._thread is not None or self._is_shut_down or now_s < self._next_start_s:
                return
            self._worker.tally.restarts += self._next_start_s > float("-inf")
            self._next_start_s = now_s + RESTART_INTERVAL_S
            self._thread = threading.Thread(
                target=self._work,
                args=(self._worker, self._import_guard),
                name="otel-eventlog-delivery",
                daemon=True,
            )
            try:
                self._thread.start()
            except RuntimeError:
                # No more threads: later, perhaps. Or the interpreter ends: `shutdown` delivers.
                self._thread = None

    def _work(self, worker: Worker, import_guard: threading.Lock) -> None:
        """Be the thread. It goes on after anything; should it end all the same, `put` sees that."""
        try:
            worker.run(import_guard)
            while not worker.has_ended:
                worker.pause()
                worker.tally.restarts += 1
                worker.run(import_guard)
        except BaseException:  # noqa: BLE001 - it would be printed
            return
        finally:
            if not worker.has_ended:
                self._thread = None

    def force_flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until everything put so far is delivered, or dropped for good.

        Args:
            timeout_s: longest wait.

        Returns:
            False if the time was over first.

        """
        if self._process_id != _process_id():
            self._renew_in_child()
        worker = self._worker
        if self._thread is None and not worker.has_work():
            return True
        if self._is_shut_down:
            return not len(worker.queue)
        flush = Flush()
        worker.flush(flush)
        self.start()
        return flush.done.wait(timeout_s) and flush.is_delivered

    def shutdown(self, timeout_s: float = SHUTDOWN_TIMEOUT_S) -> None:
        """Deliver what waits, for a bounded time, and end the thread. May be called repeatedly.

        What cannot be delivered in that time is dropped and counted; what is in the spool stays
        there for the next process.

        Args:
            timeout_s: longest wait, once the thread has done its imports.

        """
        if self._process_id != _process_id():
            self._renew_in_child()
        with self._thread_lock:
            if self._is_shut_down:
                return
            self._is_shut_down = True
            thread = self._thread
        if self._exit_deadline_s is not None:
            left_s = self._exit_deadline_s - self._clock()
            timeout_s = min(timeout_s, max(_LAST_ATTEMPT_S, left_s))
        atexit.unregister(self._at_exit)
        self._worker.ask_to_stop()
        if thread is None:
            if self._worker.has_work():
                self._worker.run(self._import_guard)
            return
        if thread is not threading.current_thread():
            self._worker.is_ready.wait(STARTUP_S_MAX)
            thread.join(timeout_s)
            if thread.is_alive():
                self._worker.abandon()

    def _flush_at_exit(self) -> None:
        # Not yet the end: functions registered for the exit run last first, so the tracer
        # provider, which is older than we are, only now ends and hands over its last spans; then
        # it shuts us down. Both together take no longer than one shutdown.
        if self._exit_deadline_s is None:
            self._exit_deadline_s = self._clock() + SHUTDOWN_TIMEOUT_S
        if self._spool is None or not self._worker.tally.is_failing:
            self._worker.is_ready.wait(STARTUP_S_MAX if self._thread else 0)
            self.force_flush(SHUTDOWN_TIMEOUT_S)

    def stats(self) -> DeliveryStats:
        """Return the counters of this process; a forked child begins at zero."""
        spooled_bytes = self._spool.bytes_count if self._spool else 0
        return self._worker.tally.stats(len(self._worker.queue), spooled_bytes)

    def _before_fork(self) -> None:
        # A child that is forked while the thread imports a module inherits that module half
        # imported and locked for ever.
        self._holds_guard = self._import_guard.acquire(timeout=_FORK_WAIT_S_MAX)

    def _after_fork_in_parent(self) -> None:
        if self._holds_guard:
            self._holds_guard = False
            self._import_guard.release()

    def _after_fork_in_child(self) -> None:
        # The parent still has its items and its thread: here everything begins anew.
        self._sender.forget()
        if self._spool is not None:
            self._spool.forget()
        self._renew()
        if not self._is_flushed_by_children:
            self._is_flushed_by_children = call_at_exit_of_children(self, self._at_exit)

    def _renew_in_child(self) -> None:
        """Begin anew in a child whose parent forked without telling Python, as uWSGI does."""
        with self._renewing:
            if self._process_id != _process_id():
                self._after_fork_in_child()


def _call(reference: weakref.ref[Delivery], method: Callable[[Delivery], None]) -> None:
    """Call a method if its object still lives: what is registered for good must not keep it."""
    delivery = reference()
    if delivery is not None:
        method(delivery)
