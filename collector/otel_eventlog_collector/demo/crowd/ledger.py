"""What simulated users wanted and what they got: the other side of the event log.

One JSON object a line, one line a request, written when the answer is there. Whoever wants to know
whether the event log tells the truth compares the two; `correlation_id` finds the request again.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Expected: TypeAlias = Literal["success", "error", "crash"]
"""How a request should end; "crash": its worker is killed, the event log has only its start."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What a simulated user wants, and what should come of it.

    Attributes:
        action: the action it should be in the event log; None = a page view, which yields nothing.
        expected: how it should end; None for a page view.
        answer: HTTP status code that the app should answer with; None when it cannot answer.
        location: how the answer's `Location` header should begin, if it should have one.
        error_type: reason that the event log should have, where one is certain.
        next_step: what should still be due after a success.
        anonymous: the app cannot know, or does not tell, whose request it was.

    """

    action: str | None
    expected: Expected | None
    answer: int | None
    location: str | None = None
    error_type: str | None = None
    next_step: str | None = None
    anonymous: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger.

    Attributes:
        service: `service.name` of the app.
        user_id: whose request it was, where the user knows it (the apps tell) and the app does.
        correlation_id: the `X-Request-Id` that was sent.
        trace_id: trace id of the `traceparent` that was sent; None = none was.
        trace_sampled: the sampled flag of that `traceparent`.
        status_code: HTTP status code received; None when the connection broke.
        location: `Location` header received.
        as_intended: the answer was the one that the user should get.
        before_unix_nano: just before the request was sent.
        after_unix_nano: just after the answer, or the broken connection.

    """

    service: str
    method: str
    path: str
    action: str | None
    expected: Expected | None
    error_type: str | None
    next_step: str | None
    user_id: str | None
    correlation_id: str
    trace_id: str | None
    trace_sampled: bool | None
    status_code: int | None
    location: str | None
    as_intended: bool
    before_unix_nano: int
    after_unix_nano: int


class Ledger:
    """Counts entries and, given a file, keeps them there. Safe to use from several threads."""

    def __init__(self, path: Path | None) -> None:
        """Start an empty ledger; an existing file is replaced."""
        self._file = path.open("w", encoding="utf-8") if path else None
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._surprises: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """Write one entry down."""
        with self._lock:
            self._counts[entry.action or "", entry.expected or ""] += 1
            if not entry.as_intended:
                self._surprises.append(entry)
            if self._file:
                self._file.write(json.dumps(asdict(entry)) + "\n")
                self._file.flush()

    def counts(self) -> Counter[tuple[str, str]]:
        """Return how many requests there were, by action ("" = page view) and expected end."""
        with self._lock:
            return Counter(self._counts)

    def auth_requests(self, expected: Expected | None = None) -> int:
        """Return how many auth requests there were, all of them or those that should end so."""
        return sum(
            number
            for (action, end), number in self.counts().items()
            if action and expected in (None, end)
        )

    def surprises(self) -> list[Entry]:
        """Return the requests whose HTTP answer was not the intended one."""
        with self._lock:
            return list(self._surprises)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        with self._lock:
            if self._file:
                self._file.close()
                self._file = None
