"""From event logs in hand to answers that settle them: encode, send, retry, split, count."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from otel_eventlog.delivery.retry import Backoff
from otel_eventlog.delivery.sender import Answer, Sender, SendResult
from otel_eventlog.delivery.tally import Drop, Tally
from otel_eventlog.guard import named
from otel_eventlog.model import EventLog
from otel_eventlog.pairs import Half

REQUEST_BYTES_MIN = 16 * 1024
"""Requests are not made smaller than this after a 413; single records are, by splitting."""

FAILED_ATTEMPTS_MAX = 20
"""After so many answers like 500 (about 90 s) the records themselves are under suspicion."""

REJECTED_REQUESTS_MAX = 32
"""Requests rejected within one batch before the rest of it is given up: enough to corner three
bad records among 512, and few enough when the collector rejects everything."""

DRAIN_RETRY_S = 1.5
"""How long failed attempts are repeated when the process ends."""

_DRAIN_ANSWER_S_MIN = 0.5


class Transmitter:
    """Sends event logs until they are settled. Used by the worker's thread alone.

    Args:
        sender: makes one attempt.
        tally: counts what becomes of them.
        stopping: set when the process ends.
        answer_timeout_s: longest wait for one answer.
        on_failure: called after every attempt that failed: an outage may last for hours, and so
            long nothing else is done in this thread.
        clock: monotonic seconds.
        jitter: returns a number from 0 to 1.

    """

    def __init__(
        self,
        sender: Sender,
        tally: Tally,
        stopping: threading.Event,
        *,
        on_failure: Callable[[], None],
        answer_timeout_s: float,
        clock: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        """Keep the parts; nothing is imported before `prepare`."""
        self._sender = sender
        self._tally = tally
        self._stopping = stopping
        self._on_failure = on_failure
        self._answer_s_max = answer_timeout_s
        self._clock = clock
        self._jitter = jitter
        self._retry_until_s = float("inf")
        self._is_on_disk = False
        self._bytes_max = 0
        self._version = ""
        self.in_hand = 0
        """Event logs that would be lost if the process ended now."""
        self.has_given_up = False
        """True once something was left unsettled because the process ends."""

    def prepare(self) -> None:
        """Import what encoding and sending need."""
        from otel_eventlog.delivery import encode
        from otel_eventlog.delivery.version import package_version

        self._sender.prepare()
        self._bytes_max = encode.REQUEST_BYTES_MAX
        self._version = package_version()

    def close(self) -> None:
        """Close the connection."""
        self._sender.close()

    def deliver(self, events: Iterable[EventLog | Half], *, is_on_disk: bool = False) -> int:
        """Send event logs until each is accepted or dropped for good.

        Args:
            events: what to send, in order.
            is_on_disk: they are in the spool, so the end of the process need not wait for them.

        Returns:
            How many are neither, because the process ends.

        """
        from otel_eventlog.delivery import encode

        self._is_on_disk = is_on_disk
        records = encode.encode_all(events, self._not_encoded)
        parcels = deque(encode.pack(records, self._version, bytes_max=self._bytes_max))
        rejected_requests = 0
        while parcels:
            parcel = parcels.popleft()
            count = len(parcel.records)
            left = count + sum(len(other.records) for other in parcels)
            self.in_hand = 0 if is_on_disk else left
            result = self._send(parcel.body)
            if result is None:
                self.in_hand = 0
                self.has_given_up = True
                return left
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
            self._tally.drop(Drop.TOO_LARGE if is_size else Drop.REJECTED, count)
            self._say_rejected(result)
        self.in_hand = 0
        return 0

    def _send(self, body: bytes) -> SendResult | None:
        """Send one request until it is settled; None if the process ends before that."""
        backoff = Backoff(self._jitter)
        attempts = 0
        while True:
            result = self._sender.send(body, self._answer_timeout_s())
            attempts += 1
            self._tally.is_failing = result.answer is not Answer.DELIVERED
            if result.answer in {Answer.DELIVERED, Answer.REJECTED, Answer.TOO_LARGE}:
                if attempts > 1:
                    self._tally.notice("again", logging.INFO, "Event logs are delivered again")
                return result
            if result.answer is Answer.FAILED and attempts >= FAILED_ATTEMPTS_MAX:
                return SendResult(Answer.REJECTED, result.detail)
            self._tally.notice(
                "failing",
                logging.WARNING,
                "Event logs cannot be delivered to %s (%s); they are kept and sent again",
                self._sender.target,
                result.detail,
            )
            self._on_failure()
            if not self._pause(backoff.delay_s(result)):
                return None
            self._tally.retried += 1

    def _pause(self, delay_s: float) -> bool:
        """Wait before the next attempt; False if there is none, because the process ends."""
        if not self._stopping.is_set():
            self._stopping.wait(delay_s)  # asked to stop meanwhile: one more attempt, at once
            return True
        if delay_s >= self._drain_left_s():
            return False
        time.sleep(delay_s)
        return True

    def _answer_timeout_s(self) -> float:
        if not self._stopping.is_set():
            return self._answer_s_max
        return min(self._answer_s_max, max(_DRAIN_ANSWER_S_MIN, self._drain_left_s()))

    def _drain_left_s(self) -> float:
        """Return how long attempts may still be repeated, now that the process ends."""
        now = self._clock()
        if self._retry_until_s == float("inf"):
            self._retry_until_s = now + DRAIN_RETRY_S
        return 0.0 if self._is_on_disk else self._retry_until_s - now

    def _count_delivered(self, count: int, result: SendResult) -> None:
        rejected = min(count, result.rejected_count)
        self._tally.delivered += count - rejected
        self._tally.drop(Drop.REJECTED, rejected)
        if rejected or result.detail:
            self._say_rejected(result)

    def _say_rejected(self, result: SendResult) -> None:
        self._tally.notice(
            "rejected",
            logging.WARNING,
            "%s does not take some event logs (%s)",
            self._sender.target,
            result.detail,
        )

    def _not_encoded(self, error: Exception) -> None:
        self._tally.drop(Drop.UNENCODABLE)
        self._tally.notice(
            "encode", logging.ERROR, "An event log cannot be encoded: %s", named(error)
        )
