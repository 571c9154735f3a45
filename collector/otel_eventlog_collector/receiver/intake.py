"""What both transports do with the bytes of one request: decode, consume, answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sized
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from otel_eventlog.guard import told
from otel_eventlog_collector.errors import (
    BodyTooLarge,
    CollectorError,
    Overloaded,
    StoreUnavailable,
)
from otel_eventlog_collector.limits import (
    ANSWER_TIMEOUT_S,
    DECODE_THREADS,
    INLINE_BODY_BYTES_MAX,
)
from otel_eventlog_collector.metrics import Metrics, Occasionally
from otel_eventlog_collector.otlp.decode_json import decode_logs_json
from otel_eventlog_collector.otlp.decode_protobuf import decode_logs_protobuf
from otel_eventlog_collector.otlp.encode import Encoding, ErrorAnswer, Signal, error_answer
from otel_eventlog_collector.otlp.records import DecodedEventLogs, DecodedSpans
from otel_eventlog_collector.otlp.traces import TraceDecoder
from otel_eventlog_collector.protocols import Consumer, ConsumeResult, SpansToConsume
from otel_eventlog_collector.readiness import Readiness
from otel_eventlog_collector.receiver.admission import Admission
from otel_eventlog_collector.rejections import RecentRejections

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_Records = TypeVar("_Records", bound=Sized)
_WARNING_PERIOD_S = 10


class Authorize(Protocol):
    """Checks the `Authorization` header of one request.

    Raises an error of the collector with `http_status` 401 or 403 to refuse it; `peer` is the
    client's address as text, for throttling and the log.
    """

    def __call__(self, header: str | None, peer: str) -> None:
        """Return if the request may go on."""


BodyObserver: TypeAlias = Callable[[Signal, bytes, Encoding], None]
"""Sees every decodable body after it was committed, for example to pass traces on."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request was committed; what of it was rejected, and why."""

    rejected: int = 0
    error_message: str = ""


class Intake:
    """Everything of a receiver that is not its transport; one for both receivers.

    Args:
        consumer: next stage.
        metrics: what is counted.
        admission: the shared limit on what is in flight; its own by default.
        authorize: checks a request's token; None lets everybody in.
        traces: decodes trace requests; by default one that returns every span.
        on_accepted: called with the body of every committed request.
        readiness: is told of every commit and of every one that failed.
        rejections: keeps the last rejected records; its own by default.

    """

    def __init__(
        self,
        consumer: Consumer,
        metrics: Metrics,
        *,
        admission: Admission | None = None,
        authorize: Authorize | None = None,
        traces: TraceDecoder | None = None,
        on_accepted: BodyObserver | None = None,
        readiness: Readiness | None = None,
        rejections: RecentRejections | None = None,
    ) -> None:
        """Keep the parts; threads are started when the first large body comes."""
        self.metrics = metrics
        self.admission = admission or Admission(metrics)
        self.records_in_process = 0
        """Records received of which it is not decided yet what becomes of them."""
        self._consumer = consumer
        self._authorize = authorize
        self._trace_decoder = traces or TraceDecoder()
        self._on_accepted = on_accepted
        self._readiness = readiness or Readiness()
        self.rejections = rejections or RecentRejections()
        self._warning = Occasionally(_WARNING_PERIOD_S)
        self._threads = ThreadPoolExecutor(DECODE_THREADS, thread_name_prefix="eventlog-decode")

    def authorize(self, header: str | None, peer: str, transport: str) -> None:
        """Let a request in, or raise the error it is refused with."""
        if self._authorize is None:
            return
        try:
            self._authorize(header, peer)
        except CollectorError:
            self.metrics.count("eventlog_access_denied_total", transport=transport)
            raise

    async def accept(
        self, signal: Signal, body: bytes, encoding: Encoding, transport: str
    ) -> Accepted:
        """Decode and consume one request. Returning means that it was committed.

        Raises:
            PermanentError: the body cannot be decoded, or is over a limit.
            RetryableError: nothing may be counted as stored.

        """
        try:
            if signal is Signal.TRACES:
                accepted = await self._traces(body, encoding, transport)
            elif signal is Signal.LOGS:
                accepted = await self._logs(body, encoding, transport)
            else:
                accepted = Accepted()
        except BodyTooLarge:
            self.metrics.count("eventlog_limits_hit_total", limit="records")
            raise
        if self._on_accepted is not None:
            self._on_accepted(signal, body, encoding)
        return accepted

    def answer(self, error: Exception, where: str) -> ErrorAnswer:
        """Return what the sender is told; an unexpected error is logged here, and only here."""
        if not isinstance(error, CollectorError):
            self.metrics.count("eventlog_internal_errors_total", where=where)
            _log.error("request failed on a mistake of ours\n%s", told(error))
        return error_answer(error)

    def close(self) -> None:
        """Let the decoding threads end; safe to call twice."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _traces(self, body: bytes, encoding: Encoding, transport: str) -> Accepted:
        decoded: DecodedSpans = await self._decode(
            body, lambda: self._trace_decoder.decode(body, encoding)
        )
        self._count_received(Signal.TRACES, decoded, transport)
        self.metrics.count(
            "eventlog_records_dropped_total", decoded.unwanted, signal="traces", reason="unwanted"
        )
        consume = self._consumer.consume_spans
        spans = SpansToConsume(decoded.spans, decoded.matches, decoded.pairs)
        consuming = self._in_time(consume, spans)
        return _merge(decoded, await self._counted(Signal.TRACES, len(spans), consuming))

    async def _logs(self, body: bytes, encoding: Encoding, transport: str) -> Accepted:
        decode = decode_logs_json if encoding is Encoding.JSON else decode_logs_protobuf
        decoded: DecodedEventLogs = await self._decode(body, lambda: decode(body))
        self._count_received(Signal.LOGS, decoded, transport)
        self.metrics.count(
            "eventlog_records_dropped_total", decoded.foreign, signal="logs", reason="foreign"
        )
        consume = self._consumer.consume_event_logs
        consuming = self._in_time(consume, decoded.events)
        return _merge(decoded, await self._counted(Signal.LOGS, len(decoded.events), consuming))

    async def _decode(self, body: bytes, decode: Callable[[], _T]) -> _T:
        if len(body) <= INLINE_BODY_BYTES_MAX:
            return decode()
        return await asyncio.get_running_loop().run_in_executor(self._threads, decode)

    async def _in_time(
        self, consume: Callable[[_Records], Awaitable[ConsumeResult]], records: _Records
    ) -> ConsumeResult:
        """Consume records, but never let a client wait until it gives up by itself."""
        if not records:
            return ConsumeResult()
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                result = await consume(records)
        except Overloaded:
            self.metrics.count("eventlog_limits_hit_total", limit="queue")
            raise
        except StoreUnavailable:
            self._readiness.failed()
            raise
        except TimeoutError:
            self._readiness.failed()
            self.metrics.count("eventlog_limits_hit_total", limit="answer_time")
            raise StoreUnavailable(
                f"the store has not committed within {ANSWER_TIMEOUT_S} s",
                hint="retry; what was committed after all will be recognised",
            ) from None
        self._readiness.committed()
        return result

    async def _counted(
        self, signal: Signal, records: int, consuming: Awaitable[ConsumeResult]
    ) -> ConsumeResult:
        """Count what becomes of the records of one request, in whatever way it ends."""
        self.records_in_process += records
        try:
            result = await consuming
        except BaseException:
            self.metrics.count("eventlog_records_refused_total", records, signal=signal)
            raise
        else:
            taken = records - result.without_event_log
            self.metrics.count("eventlog_records_taken_total", taken, signal=signal)
            return result
        finally:
            self.records_in_process -= records

    def _count_received(
        self, signal: Signal, decoded: DecodedSpans | DecodedEventLogs, transport: str
    ) -> None:
        self.metrics.count("eventlog_records_received_total", decoded.received, signal=signal)
        for reason, count in decoded.reasons.items():
            self.metrics.count(
                "eventlog_records_rejected_total", count, signal=signal, reason=reason
            )
        if decoded.rejected_told:
            self.rejections.add(transport, signal.value, decoded.rejected_told)
        if decoded.rejected and self._warning.is_due():
            # Stock exporters never read a partial success: our own log is where it shows.
            _log.warning("%s: %s", signal, decoded.error_message)


def _merge(decoded: DecodedSpans | DecodedEventLogs, consumed: ConsumeResult) -> Accepted:
    messages = (decoded.error_message, consumed.error_message)
    return Accepted(
        decoded.rejected + consumed.rejected, "; ".join(text for text in messages if text)
    )
