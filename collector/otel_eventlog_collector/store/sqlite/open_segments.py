"""The segments that are open for writing: a few at a time, in the writer's thread only."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress

from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.store.sqlite.connect import DamagedFile, is_damage
from otel_eventlog_collector.store.sqlite.directory import DataDirectory
from otel_eventlog_collector.store.sqlite.segment import SegmentWriter

OPEN_SEGMENTS_MAX = 4
"""Most segments open for writing; the one unused longest is checkpointed and closed."""

_log = logging.getLogger(__name__)


class OpenSegments:
    """Opens, closes and replaces the files of days, each of which has one writing connection."""

    def __init__(
        self,
        directory: DataDirectory,
        *,
        purged_position: Callable[[int], int],
        on_set_aside: Callable[[int], None],
    ) -> None:
        """Open nothing yet.

        Args:
            directory: the data directory, whose lock the caller holds.
            purged_position: the last stream position of a day's segment that is gone, or 0.
            on_set_aside: told the day of a file before it is set aside.

        """
        self._directory = directory
        self._purged_position = purged_position
        self._on_set_aside = on_set_aside
        self._open: dict[int, SegmentWriter] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, day: int) -> bool:
        return day in self._open

    def get(self, day: int) -> SegmentWriter:
        """Return the open segment of a day, opening or making it.

        A file that is damaged, or somebody else's, is set aside and a new one made.

        Raises:
            StoreUnavailable, ConfigError, sqlite3.Error: it cannot be opened.

        """
        segment = self._open.pop(day, None)
        if segment is not None and not segment.is_on_disk():
            _log.error("segment %s was removed while it was open", segment.path.name)
            segment.close()
            segment = None
        if segment is None:
            while len(self._open) >= OPEN_SEGMENTS_MAX:
                self.close(next(iter(self._open)))
            segment = self._opened(day)
        self._open[day] = segment  # last in the order of use
        return segment

    def close(self, day: int) -> bool:
        """Close a segment; return whether everything is in its main file."""
        segment = self._open.pop(day, None)
        if segment is None:
            return True
        try:
            return segment.checkpoint()
        finally:
            segment.close()

    def close_all(self) -> None:
        """Close every segment, whatever happens."""
        for day in list(self._open):
            with suppress(sqlite3.Error):
                self.close(day)

    def abandon(self, day: int) -> None:
        """Close a segment without touching its file again."""
        if segment := self._open.pop(day, None):
            with suppress(sqlite3.Error):
                segment.close()

    def abandon_broken(self, error: BaseException) -> None:
        """Let go of what is past use after an error."""
        for day, segment in list(self._open.items()):
            if not segment.is_on_disk() or _is_broken(error):
                self.abandon(day)

    def set_aside(self, day: int, reason: str) -> None:
        """Put a file that cannot be used out of the way, so that the day goes on in a new one."""
        self.abandon(day)
        if not self._directory.segment_path(day).exists():
            return  # set aside already
        self._on_set_aside(day)
        aside = self._directory.set_aside(day, reason)
        _log.error("the event logs of a day were set aside as %s: %s", aside.name, reason)

    def _opened(self, day: int) -> SegmentWriter:
        try:
            return self._made(day)
        except DamagedFile as error:
            self.set_aside(day, error.message)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self.set_aside(day, f"SQLite says: {error}")
        return self._made(day)

    def _made(self, day: int) -> SegmentWriter:
        path = self._directory.segment_path(day)
        after_sequence = 0 if path.exists() else self._purged_position(day) // 2
        return SegmentWriter(path, after_sequence)


def _is_broken(error: BaseException) -> bool:
    """Whether an error says that the connection or its file is past use."""
    if isinstance(error, ConfigError | OSError):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) in _BROKEN_CODES


_BROKEN_CODES = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}
