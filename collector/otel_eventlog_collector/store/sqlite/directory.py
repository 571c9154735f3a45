"""The data directory: whose it is, who holds it, which day segments it has."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import re
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.protocols import SetAside
from otel_eventlog_collector.store.sqlite.connect import (
    DIRECTORY_MODE,
    FILE_MODE,
    check_header,
    is_plain_file,
    side_files,
    sync_directory,
)

CATALOG_NAME = "catalog.db"
SEGMENTS_NAME = "segments"
LOCK_NAME = "collector.lock"
RETIRED_SUFFIX = ".removed"
SET_ASIDE_SUFFIX = ".set-aside"
"""Ends the name of a day's file that could not be read; a text file beside it says why."""

_SEGMENT_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.db")
_EPOCH = dt.date(1970, 1, 1)
# What a directory may hold that is not ours yet: the traces of a first start that was cut short,
# and what a freshly made file system has.
_HARMLESS = {LOCK_NAME, SEGMENTS_NAME, "lost+found"}
_LOCK_BYTES_MAX = 4096
_LOCK_TRIES = 5
_LOCK_RETRY_S = 0.02


def segment_name(day: int) -> str:
    """Return the name of a day's segment, `2026-11-23`, from its number of days since 1970."""
    return (_EPOCH + dt.timedelta(days=day)).isoformat()


def segment_day(name: str) -> int:
    """Undo `segment_name`.

    Raises:
        ValueError: the name is no date.

    """
    return (dt.date.fromisoformat(name) - _EPOCH).days


@dataclass(frozen=True, slots=True)
class LockInfo:
    """Who serves a data directory: its process, and the addresses it listens on (by name)."""

    pid: int
    urls: Mapping[str, str]


class DataDirectory:
    """Paths inside one data directory."""

    def __init__(self, path: Path) -> None:
        """Only remember the path; nothing is touched."""
        self.path = path
        self.catalog_path = path / CATALOG_NAME
        self.segments_path = path / SEGMENTS_NAME
        self.lock_path = path / LOCK_NAME

    def segment_path(self, day: int) -> Path:
        """Return the path of a day's segment."""
        return self.segments_path / f"{segment_name(day)}.db"

    def days(self) -> list[int]:
        """Return the days that have a segment, oldest first; anything else there is ignored."""
        try:
            with os.scandir(self.segments_path) as entries:
                names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        except FileNotFoundError:
            return []
        days = []
        for name in names:
            if match := _SEGMENT_NAME.fullmatch(name):
                with suppress(ValueError):
                    days.append(segment_day(match[1]))
        return sorted(days)

    def bytes_on_disk(self) -> int:
        """Return the bytes of everything in the directory."""
        return _bytes_of([*self.path.glob("*"), *self.segments_path.glob("*")])

    def segment_bytes(self, day: int) -> int:
        """Return the bytes of one day's segment, its write-ahead log included."""
        return _bytes_of([self.segment_path(day), *side_files(self.segment_path(day))])

    def check(self) -> bool:
        """Return whether the directory is ours already; False = it may become ours.

        Raises:
            ConfigError: it is something else's, or of a later version; untouched.

        """
        hint = "name an empty or new directory, or one that a collector made, with --data"
        if not self.path.exists():
            return False
        if not self.path.is_dir():
            raise ConfigError(f"data directory {str(self.path)!r} is not a directory", hint=hint)
        try:
            names = {entry.name for entry in self.path.iterdir()}
        except PermissionError as error:
            raise ConfigError(
                f"data directory {str(self.path)!r} cannot be read: {error.strerror}", hint=hint
            ) from None
        if CATALOG_NAME in names:
            if not is_plain_file(self.catalog_path):
                raise ConfigError(f"{str(self.catalog_path)!r} is not a plain file", hint=hint)
            check_header(self.catalog_path)
            return True
        foreign = sorted(
            name for name in names - _HARMLESS if not name.startswith(f"{CATALOG_NAME}.new")
        )
        if foreign or self.days():
            found = foreign[0] if foreign else f"{SEGMENTS_NAME} without {CATALOG_NAME}"
            raise ConfigError(
                f"data directory {str(self.path)!r} is not empty and not ours:"
                f" it holds {found!r} and no {CATALOG_NAME}",
                hint=hint,
            )
        return False

    def create(self) -> None:
        """Make the directories, mode 0700.

        Raises:
            ConfigError: they cannot be made.

        """
        try:
            self.path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            self.path.chmod(DIRECTORY_MODE)
            self.segments_path.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"data directory {str(self.path)!r} cannot be made: {error.strerror}",
                hint="name a directory that you may write to with --data",
            ) from None

    def retire_segment(self, day: int) -> int:
        """Take a day's segment out of sight, quickly; return its bytes. `sweep` removes it.

        The caller has closed its writing connection, and no other can be made meanwhile.
        """
        path = self.segment_path(day)
        freed = 0
        for file in side_files(path):
            with suppress(FileNotFoundError):
                freed += file.lstat().st_size
                file.unlink()
        with suppress(FileNotFoundError):
            freed += path.lstat().st_size
            path.rename(path.with_name(path.name + RETIRED_SUFFIX))
        return freed

    def sweep(self) -> None:
        """Remove what was retired. Works on a full disk; the space comes back at once."""
        for file in self.segments_path.glob(f"*{RETIRED_SUFFIX}"):
            file.unlink(missing_ok=True)
        sync_directory(self.segments_path)

    def set_aside(self, day: int, reason: str) -> Path:
        """Rename a day's file that cannot be read, with what SQLite needs beside it to look at it.

        The caller has closed its writing connection. The reason stands in a text file beside it.
        """
        path = self.segment_path(day)
        number = 1
        while (aside := path.with_name(f"{path.name}{SET_ASIDE_SUFFIX}{number}")).exists():
            number += 1
        with suppress(OSError):  # on a full disk the reason is lost, the rest is not
            aside.with_name(aside.name + ".txt").write_text(reason + "\n", encoding="utf-8")
        for file, wanted in zip(
            (*side_files(path), path), (*side_files(aside), aside), strict=True
        ):
            with suppress(FileNotFoundError):
                file.rename(wanted)
        sync_directory(self.segments_path)
        return aside

    def files_set_aside(self) -> list[SetAside]:
        """Return the files that were set aside, oldest day first, each with the reason."""
        found = []
        for path in sorted(self.segments_path.glob(f"*{SET_ASIDE_SUFFIX}[0-9]*")):
            if path.name.endswith(("-wal", "-shm", ".txt")):
                continue
            reason = "unknown"
            with suppress(OSError, UnicodeError):
                reason = path.with_name(path.name + ".txt").read_text("utf-8").strip()
            found.append(SetAside(path.name, reason))
        return found

    def remove_set_aside(self, before_day: int) -> int:
        """Remove what was set aside of the days before one; return its bytes."""
        freed = 0
        for path in self.segments_path.glob(f"*{SET_ASIDE_SUFFIX}[0-9]*"):
            with suppress(ValueError, FileNotFoundError):
                if segment_day(path.name.split(".")[0]) < before_day:
                    freed += path.lstat().st_size
                    path.unlink()
        return freed


class DirectoryLock:
    """The lock of the one process that writes to a directory; freed with the process."""

    def __init__(self, directory: DataDirectory) -> None:
        """Take the lock.

        Raises:
            ConfigError: another process holds it; the message says which.

        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._descriptor = os.open(directory.lock_path, flags, FILE_MODE)
        except OSError as error:
            raise ConfigError(
                f"{str(directory.lock_path)!r} cannot be opened: {error.strerror}",
                hint="the data directory must be writable for the user who runs the collector",
            ) from None
        if not _try_lock(self._descriptor):
            os.close(self._descriptor)
            raise ConfigError(
                f"data directory {str(directory.path)!r} is in use by {_holder_text(directory)}",
                hint="stop that one first, or name another directory with --data",
            )
        self.describe({})

    def describe(self, urls: Mapping[str, str]) -> None:
        """Write into the lock file who holds it, for the command line and for people."""
        text = json.dumps({"pid": os.getpid(), "urls": dict(urls)}) + "\n"
        with suppress(OSError):  # on a full disk the lock holds all the same, without a name
            os.pwrite(self._descriptor, text.encode(), 0)
            os.ftruncate(self._descriptor, len(text.encode()))

    def release(self) -> None:
        """Give the lock back. The file stays: removing it would race with the next one."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def _try_lock(descriptor: int) -> bool:
    """Take the lock; a few tries, because `lock_holder` holds it for a moment to look."""
    for tries_left in reversed(range(_LOCK_TRIES)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if tries_left:
                time.sleep(_LOCK_RETRY_S)
        else:
            return True
    return False


def lock_holder(directory: Path) -> LockInfo | None:
    """Return who serves a data directory just now, or None. Creates nothing, waits for nothing."""
    path = directory / LOCK_NAME
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _parse_lock(os.pread(descriptor, _LOCK_BYTES_MAX, 0))
    else:
        return None
    finally:
        os.close(descriptor)


def _parse_lock(content: bytes) -> LockInfo:
    try:
        found = json.loads(content)
        return LockInfo(int(found["pid"]), {str(k): str(v) for k, v in found["urls"].items()})
    except (ValueError, KeyError, TypeError, AttributeError):
        return LockInfo(0, {})


def _holder_text(directory: DataDirectory) -> str:
    holder = lock_holder(directory.path)
    if holder is None or not holder.pid:
        return "another process"
    urls = ", ".join(f"{name} {url}" for name, url in sorted(holder.urls.items()))
    return f"process {holder.pid}" + (f" ({urls})" if urls else "")


def _bytes_of(files: Iterable[Path]) -> int:
    total = 0
    for file in files:
        with suppress(FileNotFoundError):
            if is_plain_file(file):
                total += file.lstat().st_size
    return total
