"""Lines of files back into event logs: our own JSON Lines, and OTLP JSON.

OTLP JSON is what the OpenTelemetry Collector's file exporter writes: one request a line. Its spans
go through the same rules, and its event logs through the same checks, as if they had just come in
over the network. Our own lines are taken as they are, cleaned: importing an export restores it.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import EventLog
from otel_eventlog_collector.admin.json_lines import event_from_line
from otel_eventlog_collector.errors import PermanentError, RetryableError
from otel_eventlog_collector.otlp.decode_json import decode_logs_json, decode_traces_json
from otel_eventlog_collector.pipeline import stamp
from otel_eventlog_collector.protocols import Clock, EventWriter, WriteResult

EVENTS_PER_WRITE = 1000
LINE_BYTES_MAX = 32 * 1024 * 1024
"""Longest line: an OTLP request of a default batch has some ten MiB."""
MISTAKES_MAX = 20
"""Mistakes told one by one; the others are only counted."""
REASONS_MAX = 50
"""Different reasons counted apart; the others count as one."""
TRIES_MAX = 60
"""How often a write is tried again while the store has no room, a second apart."""

_OTLP = re.compile(rb'\s*\{\s*"resource_?(Spans|Logs|Metrics|spans|logs|metrics)"')
_TOO_LONG = f"is longer than {LINE_BYTES_MAX // 2**20} MiB"


@dataclass(slots=True)
class ImportSummary:
    """What became of the lines.

    Attributes:
        lines: lines that were not blank.
        stored, replaced, duplicates, conflicts: event logs, as in `protocols.WriteResult`.
        outside: event logs whose request began before what is kept, or far in the future.
        rejected: lines, spans or log records that are wrong; `reasons` says why.
        dropped: spans that no rule wants, log records that are no event logs, metrics.
        reasons: how many were rejected for which reason.
        mistakes: the first of them, with their line.

    """

    lines: int = 0
    stored: int = 0
    replaced: int = 0
    duplicates: int = 0
    conflicts: int = 0
    outside: int = 0
    rejected: int = 0
    dropped: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    mistakes: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Return the plain numbers."""
        return {name: value for name, value in asdict(self).items() if isinstance(value, int)}

    def json(self) -> dict[str, object]:
        """Return all of it, as the API and the command show it."""
        return {
            **self.counts(),
            "reasons": dict(self.reasons),
            "mistakes": list(self.mistakes),
        }

    def reject(self, reason: str, count: int = 1, where: str = "") -> None:
        """Count what is not stored."""
        self.rejected += count
        known = reason in self.reasons or len(self.reasons) < REASONS_MAX
        self.reasons[reason if known else "other reasons"] += count
        if where and len(self.mistakes) < MISTAKES_MAX:
            self.mistakes.append(f"{where}: {reason}")

    def add(self, result: WriteResult) -> None:
        """Count what became of one write."""
        self.stored += result.stored
        self.replaced += result.replaced
        self.duplicates += result.duplicates
        self.conflicts += result.conflicts
        self.outside += result.rejected


class Importer:
    """Takes lines in any portions; blocks on the store.

    Args:
        mapper: spans to event logs.
        writer: where they are stored.
        clock: the collector's time.
        on_change: called after each write.
        sleep: waits while the store has no room.

    """

    def __init__(
        self,
        mapper: Mapper,
        writer: EventWriter,
        clock: Clock,
        on_change: Callable[[], None] = lambda: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begin with nothing."""
        self._mapper = mapper
        self._writer = writer
        self._clock = clock
        self._on_change = on_change
        self._sleep = sleep
        self._waiting: list[EventLog] = []
        self._number = 0
        self.summary = ImportSummary()

    def add(self, lines: Iterable[bytes | None]) -> None:
        """Take the next lines; what is wrong with one is counted, its neighbours are stored.

        Args:
            lines: as `LineCutter` cuts them: None was longer than LINE_BYTES_MAX.

        Raises:
            RetryableError: the store had no room for a minute.

        """
        for line in lines:
            self._number += 1
            if line is None:
                self.summary.lines += 1
                self.summary.reject(_TOO_LONG, where=f"line {self._number}")
            elif line.strip():
                self.summary.lines += 1
                self._waiting += self._events(line)
            while len(self._waiting) >= EVENTS_PER_WRITE:
                self._write(self._waiting[:EVENTS_PER_WRITE])
                del self._waiting[:EVENTS_PER_WRITE]

    def flush(self) -> None:
        """Store what is still waiting."""
        waiting, self._waiting = self._waiting, []
        self._write(waiting)

    def _events(self, line: bytes) -> Sequence[EventLog]:
        where = f"line {self._number}"
        try:
            kind = _OTLP.match(line)
            if kind is None:
                event = event_from_line(line)
                self._mapper.privacy.hash_contacts(event)
                return (event,)
            return self._otlp(line, kind[1].decode().lower(), where)
        except ValueError as error:
            self.summary.reject(str(error), where=where)
        except PermanentError as error:
            self.summary.reject(error.message, where=where)
        return ()

    def _otlp(self, line: bytes, kind: str, where: str) -> Sequence[EventLog]:
        if kind == "spans":
            spans = decode_traces_json(line, self._mapper.rules.match)
            self._count(spans.rejected, spans.error_message, where)
            self.summary.dropped += spans.unwanted
            events = [
                event
                for span, match in zip(spans.spans, spans.matches, strict=True)
                for event in self._mapper.pair(span, match)
            ]
        elif kind == "logs":
            logs = decode_logs_json(line)
            self._count(logs.rejected, logs.error_message, where)
            self.summary.dropped += logs.foreign
            events = list(logs.events)
            for event in events:
                self._mapper.privacy.hash_contacts(event)
        else:
            json.loads(line)
            self.summary.dropped += 1
            return ()
        stamp(events, self._clock())
        return events

    def _count(self, rejected: int, message: str, where: str) -> None:
        if rejected:
            # "2 of 9 spans rejected: 2 because …": what is counted apart is the reason alone.
            self.summary.reject(message.partition(": ")[2] or message, rejected, where)

    def _write(self, events: Sequence[EventLog]) -> None:
        if not events:
            return
        for left in reversed(range(TRIES_MAX)):
            try:
                self.summary.add(self._writer.write(events).result())
                break
            except RetryableError as error:
                if not left:
                    raise
                self._sleep(error.retry_after_s)
        self._on_change()
