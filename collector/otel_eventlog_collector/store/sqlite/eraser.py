"""Erasing a user in the whole directory, between the commits of others."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from otel_eventlog_collector.protocols import ErasureReport
from otel_eventlog_collector.store.sqlite.directory import DataDirectory, segment_name
from otel_eventlog_collector.store.sqlite.erase import Erased
from otel_eventlog_collector.store.sqlite.open_segments import OpenSegments
from otel_eventlog_collector.store.sqlite.writer import Writer

_TRUNCATE_TRIES = 50
_TRUNCATE_RETRY_S = 0.1
"""A read may keep bytes in a write-ahead log for as long as it lasts: wait for it that long."""


class Eraser:
    """Erases users; each step is an order to the writer, so that nobody waits for long."""

    def __init__(self, directory: DataDirectory, writer: Writer, segments: OpenSegments) -> None:
        """Remember what it works with."""
        self._directory = directory
        self._writer = writer
        self._segments = segments

    def erase_user(self, user_id: str) -> ErasureReport:
        """Erase every request of a user, the bytes included."""
        requests = events = 0
        lingering = []
        for day in self._directory.days():
            texts: set[int] = set()
            erased = self._erase(day, user_id)
            while erased.requests:
                requests += erased.requests
                events += erased.events
                texts |= erased.texts
                erased = self._erase(day, user_id)
            if texts:
                self._erase_texts(day, texts)
            if not self._truncate(day):
                lingering.append(segment_name(day))
        unread = tuple(each.name for each in self._directory.files_set_aside())
        return ErasureReport(requests, events, tuple(lingering), unread)

    def _erase(self, day: int, user_id: str) -> Erased:
        erased: Erased = self._order(lambda: self._segments.get(day).erase_user(user_id))
        return erased

    def _erase_texts(self, day: int, texts: set[int]) -> None:
        self._order(lambda: self._segments.get(day).erase_texts(texts))

    def _truncate(self, day: int) -> bool:
        """Empty the write-ahead log, in which erased bytes would stay."""
        for _ in range(_TRUNCATE_TRIES):
            if self._order(lambda: self._segments.get(day).checkpoint()):
                return True
            time.sleep(_TRUNCATE_RETRY_S)
        return False

    def _order(self, action: Callable[[], Any]) -> Any:
        return self._writer.order(action).result()
