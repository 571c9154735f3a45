"""How much may be in flight at once, counted in bytes, for both transports together."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from otel_eventlog_collector.errors import Overloaded
from otel_eventlog_collector.limits import IN_FLIGHT_BYTES_MAX, REQUESTS_IN_FLIGHT_MAX
from otel_eventlog_collector.metrics import Metrics

_HINT = "retry after a second; send less at once"


class Admission:
    """Admits requests while their bytes and their number are within the limits; never queues.

    Used on the event loop only, so it needs no lock.
    """

    def __init__(
        self,
        metrics: Metrics,
        bytes_max: int = IN_FLIGHT_BYTES_MAX,
        requests_max: int = REQUESTS_IN_FLIGHT_MAX,
    ) -> None:
        """Start with nothing in flight."""
        self._metrics = metrics
        self._bytes_max = bytes_max
        self._requests_max = requests_max
        self.bytes = 0
        self.requests = 0

    def admit(self) -> Ticket:
        """Admit one request; its ticket is to be released when it was answered.

        Raises:
            Overloaded: as many requests as allowed are in flight.

        """
        if self.requests >= self._requests_max:
            self._metrics.count("eventlog_limits_hit_total", limit="requests_in_flight")
            raise Overloaded(f"{self.requests} requests are in flight", hint=_HINT)
        self.requests += 1
        return Ticket(self)

    def take(self, count: int) -> None:
        """Take bytes; raises Overloaded if that is more than are left."""
        if self.bytes + count > self._bytes_max:
            self._metrics.count("eventlog_limits_hit_total", limit="bytes_in_flight")
            raise Overloaded(f"{self.bytes} bytes of requests are in flight", hint=_HINT)
        self.bytes += count


class Ticket:
    """What one request holds: itself, and some of the bytes in flight."""

    __slots__ = ("_admission", "_is_held", "bytes")

    def __init__(self, admission: Admission) -> None:
        """Start with no bytes."""
        self._admission = admission
        self._is_held = True
        self.bytes = 0

    def take(self, count: int) -> None:
        """Take more bytes.

        Raises:
            Overloaded: too many are in flight.

        """
        self._admission.take(count)
        self.bytes += count

    def release(self) -> None:
        """Give everything back; safe to call twice."""
        if self._is_held:
            self._is_held = False
            self._admission.requests -= 1
            self._admission.bytes -= self.bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()
