"""Who judges a collector from outside: every acknowledged event log is an obligation.

An oracle issues requests under numbers, each with the event logs that must become of it. A client
that was told 200 or OK makes a request an obligation. Afterwards it compares what is stored: each
obligation is there, nothing is there twice, nothing that was never issued, and nothing altered.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from otel_eventlog.model import TAG_END, TAG_START, uuid_int, uuid_text

MS = 1_000_000
HOUR = 3600 * 1000 * MS
DURATION_NS = 5 * MS
ERROR_EVERY = 7
"""Every so many requests one is answered with 401."""


class Oracle:
    """Issues numbers, remembers which were acknowledged, judges what is stored."""

    def __init__(self, begin_unix_nano: int | None = None) -> None:
        """Begin the first request then; an hour ago by default."""
        self._begin = begin_unix_nano or time.time_ns() - HOUR
        self._lock = threading.Lock()
        self._issued = 0
        self.acknowledged: set[int] = set()

    def issue(self, count: int) -> list[int]:
        """Return so many new numbers."""
        with self._lock:
            first, self._issued = self._issued + 1, self._issued + count
        return list(range(first, first + count))

    def acknowledge(self, numbers: Iterable[int]) -> None:
        """Note that a collector said that it has these."""
        with self._lock:
            self.acknowledged.update(numbers)

    def start_unix_nano(self, number: int) -> int:
        """Return when the request of a number began."""
        return self._begin + number * MS

    def http_status(self, number: int) -> int:
        """Return what the application answered to it."""
        return 200 if number % ERROR_EVERY else 401

    def expected(self, number: int) -> dict[str, dict[str, Any]]:
        """Return what must be stored of a request: event id → fields."""
        start = self.start_unix_nano(number)
        both = {
            "action": "PasswordsAuthenticate",
            "service": "shop",
            "http_route": "/login",
            "span_id": f"{number:016x}",
            "trace_id": f"{number:032x}",
        }
        outcome = {
            "status": "error" if self.http_status(number) >= 400 else "success",
            "time_unix_nano": start + DURATION_NS,
            "duration_ns": DURATION_NS,
            "user_id": f"u-{number}",
            "http_status_code": self.http_status(number),
        }
        return {
            uuid_text(uuid_int(start, number, TAG_START)): {
                **both,
                "status": "start",
                "time_unix_nano": start,
            },
            uuid_text(uuid_int(start, number, TAG_END)): {**both, **outcome},
        }

    def verdict(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return everything that is wrong about the stored event logs."""
        counts = Counter(row["event_id"] for row in rows)
        wrong = [f"twice: {event_id}" for event_id, count in counts.items() if count > 1]
        stored = {row["event_id"]: row for row in rows}
        for number in range(1, self._issued + 1):
            for event_id, wanted in self.expected(number).items():
                found = stored.pop(event_id, None)
                if found is None:
                    if number in self.acknowledged:
                        wrong.append(f"lost: {wanted['status']} of {number}")
                elif differing := [key for key in wanted if found[key] != wanted[key]]:
                    wrong.append(f"altered: {differing} of {number}: {found}")
        return wrong + [f"never issued: {event_id}" for event_id in stored]
