"""Event logs on disk until they are delivered: what survives `kill -9` and long outages.

Every process writes to a directory of its own. A record is on disk, that is in the hands of the
operating system, when `append` returns; there is no fsync, so a power cut may lose the last
seconds. Directories whose process is gone are adopted by whichever process looks first.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from otel_eventlog.delivery.segment import Piece, record_lines
from otel_eventlog.delivery.shelf import SUFFIX, UNNAMED_SUFFIX, Segment, Shelf
from otel_eventlog.model import EventLog

SPOOL_BYTES_MAX = 64 * 1024 * 1024
"""Most that all processes together keep in one spool directory, give or take a segment each."""

SEGMENT_BYTES_MAX = 4 * 1024 * 1024
"""A segment is deleted as a whole, once all of it is delivered."""

RETIRE_BYTES = 256 * 1024
"""A segment larger than this is deleted as soon as all of it is delivered."""

ADOPTED_SHELVES_MAX = 8
"""Most directories of dead processes taken over at a time."""

_SEGMENTS_IN_SPOOL = 4
_REOPEN_AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class SpoolBatch:
    """Event logs read from the spool, to be acknowledged when they are delivered."""

    piece: Piece
    shelf: Shelf

    @property
    def events(self) -> tuple[EventLog, ...]:
        """The event logs in order."""
        return self.piece.events


class Spool:
    """The spool of this process. `append` from any thread, everything else from the worker.

    Args:
        directory: where all processes of the application have their spool.
        bytes_max: most bytes in it.
        clock: monotonic seconds.

    """

    def __init__(
        self,
        directory: str | Path,
        *,
        bytes_max: int = SPOOL_BYTES_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep what is needed; nothing is opened before the first `append` or `adopt`."""
        self._root = Path(directory)
        self._bytes_max = bytes_max
        self._segment_bytes_max = min(SEGMENT_BYTES_MAX, bytes_max // _SEGMENTS_IN_SPOOL)
        self._clock = clock
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._own: Shelf | None = None
        self._live: Segment | None = None
        self._adopted: list[Shelf] = []
        self._has_more_orphans = False
        self._others_bytes = 0
        self._blocked_until_s = float("-inf")
        self.last_error = ""
        """Why the spool could not be written lately; empty if it could."""

    # --- request threads --------------------------------------------------------------------

    def append(self, events: Sequence[EventLog]) -> bool:
        """Write event logs with one write; False if they are not on disk. Never raises OSError.

        Raises:
            ValueError: an event log cannot be written down.

        """
        if not events:
            return True
        lines = record_lines(events)
        with self._lock:
            try:
                return self._append(lines)
            except (OSError, ImportError) as error:
                self.last_error = getattr(error, "strerror", None) or str(error)
                if self._live is None:
                    self._blocked_until_s = self._clock() + _REOPEN_AFTER_S
                return False

    def _append(self, lines: bytes) -> bool:
        live = self._live
        if live is None and self._clock() < self._blocked_until_s:
            return False
        own = self._own
        if own is None:
            own_bytes = 0
        elif live is not None and len(own.segments) == 1:
            own_bytes = live.size  # nearly always: a sum costs more than the write
        else:
            own_bytes = own.bytes_count
        if own_bytes + self._others_bytes + len(lines) > self._bytes_max:
            self.last_error = f"{self._bytes_max} bytes are full"
            return False
        if live is None or live.size + len(lines) > self._segment_bytes_max:
            self._own = self._own or Shelf.create(self._root)
            self._live = None
            live = self._live = self._own.add_segment()
        if os.write(live.fd, lines) != len(lines):
            self._live = None  # unless the half line can be taken back, nothing may follow it
            os.ftruncate(live.fd, live.size)
            self._live = live
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        live.size += len(lines)
        self.last_error = ""
        return True

    # --- the worker -------------------------------------------------------------------------

    def read(self) -> SpoolBatch | None:
        """Return the next event logs of this process that are not delivered; None: there are none.

        Acknowledge a batch before the next `read`; without that the same comes again.
        """
        with self._lock:
            own, live = self._own, self._live
        if own is None:
            return None
        if live is not None and own.segments[0] is live and live.read_end >= live.size:
            self._retire(live, RETIRE_BYTES)
            return None
        piece = own.read(live)
        return None if piece is None else SpoolBatch(piece, own)

    def read_adopted(self) -> SpoolBatch | None:
        """Return the next event logs of a process that is gone; None: there are none."""
        while self._adopted:
            shelf = self._adopted[0]
            try:
                piece = shelf.read(None)
            except OSError as error:
                self.last_error = error.strerror or str(error)
                self._adopted.pop(0).close()
                continue
            if piece is not None:
                return SpoolBatch(piece, shelf)
            self._adopted.pop(0).remove()
            if not self._adopted and self._has_more_orphans:
                self._adopt()
        return None

    def acknowledge(self, batch: SpoolBatch) -> None:
        """Note that a batch is delivered, or dropped for good."""
        batch.shelf.mark_delivered(batch.piece)

    def has_unread(self) -> bool:
        """Whether this process has written something that is not delivered."""
        with self._lock:
            own, live = self._own, self._live
            if own is None or not own.segments:
                return False
            first = own.segments[0]
            return first is not live or first.read_end < first.size

    def tidy(self) -> None:
        """Delete what is delivered, look for directories of dead processes, measure."""
        with self._lock:
            live = self._live
        if live is not None and not self.has_unread():
            self._retire(live, 0)
        self._adopt()

    @property
    def bytes_count(self) -> int:
        """Bytes on disk of this process and of those it adopted."""
        own = self._own
        return (own.bytes_count if own else 0) + sum(shelf.bytes_count for shelf in self._adopted)

    def close(self) -> None:
        """Close everything; what is not delivered stays on disk for the next process."""
        with self._lock:
            own, live, self._own, self._live = self._own, self._live, None, None
            if own is not None:
                if live is not None and own.segments[0] is live and live.read_end >= live.size:
                    own.remove_first()
                if own.segments:
                    own.close()
                else:
                    own.remove()
            for shelf in self._adopted:
                shelf.close()
            self._adopted = []

    def forget(self) -> None:
        """Start anew: this is a forked child, and all of it is the parent's."""
        shelves = [*self._adopted, *([self._own] if self._own else [])]
        for shelf in shelves:
            shelf.close()  # closes our copies; the parent's lock stays
        self._reset()

    def _retire(self, live: Segment, above_bytes: int) -> None:
        """Delete the live segment if all of it is delivered and it is worth it."""
        with self._lock:
            if self._live is live and live.read_end >= live.size > above_bytes and self._own:
                self._own.remove_first()
                self._live = None

    def _adopt(self) -> None:
        known = {shelf.path for shelf in self._adopted}
        if self._own is not None:
            known.add(self._own.path)
        others_bytes = 0
        try:
            paths = sorted(self._root.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
        except OSError:
            return  # one vanished while we looked; there is a next time
        for unnamed in self._root.glob(f"*{UNNAMED_SUFFIX}"):
            Shelf.sweep(unnamed, time.time())
        self._has_more_orphans = False
        for path in paths:
            if path in known:
                continue
            if len(self._adopted) >= ADOPTED_SHELVES_MAX:
                self._has_more_orphans = True
            elif shelf := self._adopted_shelf(path):
                self._adopted.append(shelf)
                continue
            others_bytes += _bytes_in(path)
        adopted_bytes = sum(shelf.bytes_count for shelf in self._adopted)
        self._others_bytes = others_bytes + adopted_bytes

    @staticmethod
    def _adopted_shelf(path: Path) -> Shelf | None:
        try:
            return Shelf.adopt(path)
        except ImportError:
            return None


def _bytes_in(path: Path) -> int:
    total = 0
    try:
        for item in path.iterdir():
            total += item.stat().st_size
    except OSError:
        return total  # its process is just removing it
    return total
