"""The spool directory of one process: a lock, its segments, and how far they are delivered.

    4711-9f3c2a10.spool/
        lock             held with flock as long as the process lives
        00000001.seg     segments in order; only the last one grows
        delivered        "00000001 0000000000004096": segment and offset, up to which all is done

Used by the worker alone; what request threads touch is guarded in `spool.py`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from otel_eventlog.delivery.segment import Piece, header_line, read_field_names, read_piece

SUFFIX = ".spool"
UNNAMED_SUFFIX = ".tmp"
ASIDE_SUFFIX = ".aside"
"""Set aside: delivered, but something that is not ours lies in it."""

UNNAMED_AGE_S_MIN = 60.0
"""Making a directory and naming it takes a millisecond."""

_LOCK = "lock"
_DELIVERED = "delivered"
_SEGMENT_SUFFIX = ".seg"
_MARK_BYTES = 26
_CREATE = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)


@dataclass(slots=True)
class Segment:
    """One file. `read_end` is how far it is delivered, `size` how far it is written."""

    number: int
    path: Path
    fd: int
    size: int
    field_names: tuple[str, ...]
    read_end: int = 0


class Shelf:
    """A directory of segments whose lock this process holds."""

    def __init__(self, path: Path, lock_fd: int) -> None:
        """Take over a directory; `create` and `adopt` make one."""
        self.path = path
        self._lock_fd = lock_fd
        self._mark_fd = -1
        self._last_number = 0
        self.segments: deque[Segment] = deque()

    @classmethod
    def create(cls, root: Path) -> Shelf:
        """Make a new directory. It gets its name when it is locked, so nobody adopts it before.

        Raises:
            OSError: it cannot be made.
            ImportError: this system has no flock.

        """
        import fcntl

        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        unnamed = root / f"{name}{UNNAMED_SUFFIX}"
        unnamed.mkdir(mode=0o700)
        lock_fd = -1
        try:
            lock_fd = os.open(unnamed / _LOCK, _CREATE | os.O_EXCL, 0o600)
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path = root / f"{name}{SUFFIX}"
            unnamed.rename(path)
        except OSError:
            if lock_fd >= 0:
                os.close(lock_fd)
            _remove_unnamed(unnamed)
            raise
        return cls(path, lock_fd)

    @staticmethod
    def sweep(unnamed: Path, now_s: float) -> None:
        """Remove a directory whose process was killed before it could give it its name.

        Args:
            unnamed: the directory.
            now_s: seconds since the epoch; a young one is just being made.

        """
        with contextlib.suppress(OSError):
            if now_s - unnamed.stat().st_mtime > UNNAMED_AGE_S_MIN:
                _remove_unnamed(unnamed)

    @classmethod
    def adopt(cls, path: Path) -> Shelf | None:
        """Take over the directory of a process that is gone; None if it lives or is not ours."""
        import fcntl

        try:
            # Planted by somebody else, it would let them report events in our name.
            if path.is_symlink() or path.stat().st_uid != os.geteuid():
                return None
            # Its lock may be gone: the process was killed while it removed its directory.
            lock_fd = os.open(path / _LOCK, _CREATE, 0o600)
        except OSError:
            return None
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shelf = cls(path, lock_fd)
            shelf._load()
        except OSError:
            os.close(lock_fd)
            return None
        return shelf

    def _load(self) -> None:
        number, offset = self._read_mark()
        for path in sorted(self.path.glob(f"*{_SEGMENT_SUFFIX}")):
            if not path.stem.isdecimal() or path.is_symlink():
                continue
            fd = os.open(path, _CREATE & ~os.O_CREAT)
            segment = Segment(int(path.stem), path, fd, os.fstat(fd).st_size, read_field_names(fd))
            if segment.number < number:
                segment.read_end = segment.size
            elif segment.number == number:
                segment.read_end = min(offset, segment.size)
            self.segments.append(segment)

    def add_segment(self) -> Segment:
        """Begin a new segment, with its first line."""
        number = self._last_number + 1
        path = self.path / f"{number:08d}{_SEGMENT_SUFFIX}"
        fd = os.open(path, _CREATE | os.O_EXCL | os.O_APPEND, 0o600)
        header = header_line()
        try:
            is_whole = os.write(fd, header) == len(header)
        except OSError:
            is_whole = False
        if not is_whole:
            os.close(fd)
            path.unlink(missing_ok=True)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._last_number = number
        segment = Segment(number, path, fd, len(header), read_field_names(fd))
        self.segments.append(segment)
        return segment

    def read(self, live: Segment | None) -> Piece | None:
        """Return the next lines that are not delivered yet; None if there are none.

        Segments that are delivered to their end are removed on the way, except the live one.
        """
        while self.segments:
            segment = self.segments[0]
            piece = read_piece(
                segment.fd,
                segment.read_end,
                segment.size,
                segment.field_names,
                is_closed=segment is not live,
            )
            if piece.end > segment.read_end:
                if piece.events or piece.corrupt_count:
                    return piece
                segment.read_end = piece.end  # only the first line
                continue
            if segment is live:
                return None
            self.remove_first()
        return None

    def mark_delivered(self, piece: Piece) -> None:
        """Remember that a piece is done, also for whoever takes over when we are killed."""
        segment = self.segments[0]
        segment.read_end = piece.end
        try:
            if self._mark_fd < 0:
                self._mark_fd = os.open(self.path / _DELIVERED, _CREATE, 0o600)
            os.pwrite(self._mark_fd, b"%08d %016d\n" % (segment.number, piece.end), 0)
        except OSError:
            return  # then some of it may be sent twice, which is stored once

    def remove_first(self) -> None:
        """Delete the first segment: all of it is delivered."""
        segment = self.segments.popleft()
        os.close(segment.fd)
        with contextlib.suppress(OSError):
            segment.path.unlink()

    def remove(self) -> None:
        """Delete the directory, which has no segment any more, and give up the lock."""
        for name in (_DELIVERED, _LOCK):
            with contextlib.suppress(OSError):
                (self.path / name).unlink()
        try:
            self.path.rmdir()
        except OSError:
            with contextlib.suppress(OSError):
                # Somebody may just be looking whether the lock is free, which makes it anew.
                if {item.name for item in self.path.iterdir()} - {_LOCK}:
                    self.path.rename(self.path.with_suffix(ASIDE_SUFFIX))
        self.close()

    def close(self) -> None:
        """Close every file; the lock goes when no other process holds it open."""
        for fd in (self._mark_fd, self._lock_fd, *(segment.fd for segment in self.segments)):
            if fd >= 0:
                with contextlib.suppress(OSError):
                    os.close(fd)
        self._mark_fd = self._lock_fd = -1
        self.segments.clear()

    @property
    def bytes_count(self) -> int:
        """Size of all segments."""
        return sum(segment.size for segment in tuple(self.segments))

    def _read_mark(self) -> tuple[int, int]:
        try:
            text = (self.path / _DELIVERED).read_bytes()[:_MARK_BYTES]
            number, offset = text.split()
            return int(number), int(offset)
        except (OSError, ValueError):
            return 0, 0


def _remove_unnamed(path: Path) -> None:
    with contextlib.suppress(OSError):
        (path / _LOCK).unlink(missing_ok=True)
        path.rmdir()
