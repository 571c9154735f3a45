"""Connections to SQLite files: every setting made here, and checked after it was made."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from otel_eventlog_collector.errors import ConfigError, StoreUnavailable

APPLICATION_ID = 0x6F65766C
"""`oevl` in the header of every database file of ours (PRAGMA application_id)."""
FORMAT_VERSION = 2
"""PRAGMA user_version of every file; a newer one is refused untouched."""

BUSY_TIMEOUT_MS = 5000
WAL_AUTOCHECKPOINT_PAGES = 8000
JOURNAL_SIZE_LIMIT_BYTES = 64 * 1024 * 1024
PAGE_SIZE_BYTES = 8192
WRITER_CACHE_KIB = 16 * 1024
READER_CACHE_KIB = 2 * 1024
FILE_MODE = 0o600
DIRECTORY_MODE = 0o700

_HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\x00"


class DamagedFile(StoreUnavailable):
    """A file that cannot be a segment of ours: broken, or somebody else's."""


class Header(NamedTuple):
    """What the first bytes of a database file say, read without opening it as a database."""

    application_id: int
    format_version: int


def read_header(path: Path) -> Header | None:
    """Read a file's header; None when it is no SQLite database."""
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
    if len(head) < _HEADER_BYTES or not head.startswith(_MAGIC):
        return None
    return Header(int.from_bytes(head[68:72], "big"), int.from_bytes(head[60:64], "big"))


def check_header(path: Path) -> None:
    """Refuse a database file that is not ours, or of a later version of the program.

    Raises:
        ConfigError: it is not ours or too new; the file is untouched.

    """
    header = read_header(path)
    if header is None or header.application_id != APPLICATION_ID:
        raise ConfigError(
            f"{str(path)!r} is not a database of otel-eventlog",
            hint="name another data directory with --data",
        )
    check_format(path, header)


def check_format(path: Path, header: Header) -> None:
    """Refuse a database file of a later version of the program.

    Raises:
        ConfigError: it is too new; the file is untouched.

    """
    if header.format_version > FORMAT_VERSION:
        raise ConfigError(
            f"{str(path)!r} has format {header.format_version}, this version knows up to"
            f" {FORMAT_VERSION}",
            hint="it was written by a later otel-eventlog-collector: upgrade this one",
        )


def side_files(path: Path) -> tuple[Path, Path]:
    """Return the paths of the write-ahead log and its shared index."""
    return path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")


def remove_database(path: Path) -> None:
    """Remove a database file that is of no more use, if it is there, and its side files."""
    for file in (*side_files(path), path):
        file.unlink(missing_ok=True)


def replace_database(path: Path, by: Path) -> None:
    """Put one database file in the place of another, at once and durably.

    Nobody writes to either, and their write-ahead logs are empty. Readers of the old one keep it
    until they are done; it must not share its side files with the new one.
    """
    for file in (*side_files(path), *side_files(by)):
        file.unlink(missing_ok=True)
    by.rename(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make creations and removals in a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_plain_file(path: Path) -> bool:
    """Whether the path is a regular file itself: symbolic links are never followed."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def is_damage(error: BaseException) -> bool:
    """Whether an error says that a database file is broken, or none."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the one writing and checkpointing connection of a file, creating the file.

    The file is made with mode 0600 first: SQLite gives its side files the same mode.

    Raises:
        StoreUnavailable: a setting that durability or erasure rests on did not take.

    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA page_size={PAGE_SIZE_BYTES}")
        connection.execute("PRAGMA auto_vacuum=NONE")
        _require(connection, "journal_mode", "WAL", "wal")
        _require(connection, "synchronous", "FULL", 2)
        _require(connection, "secure_delete", "ON", 1)
        _require(connection, "busy_timeout", BUSY_TIMEOUT_MS, BUSY_TIMEOUT_MS)
        _require(
            connection, "wal_autocheckpoint", WAL_AUTOCHECKPOINT_PAGES, WAL_AUTOCHECKPOINT_PAGES
        )
        _require(
            connection, "journal_size_limit", JOURNAL_SIZE_LIMIT_BYTES, JOURNAL_SIZE_LIMIT_BYTES
        )
        _require(connection, "cache_size", -WRITER_CACHE_KIB, -WRITER_CACHE_KIB)
        _require(connection, "temp_store", "MEMORY", 2)
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("PRAGMA trusted_schema=OFF")
    except BaseException:
        connection.close()
        raise
    return connection


def _require(connection: sqlite3.Connection, name: str, value: object, expected: object) -> None:
    connection.execute(f"PRAGMA {name}={value}").fetchall()
    actual = connection.execute(f"PRAGMA {name}").fetchone()[0]
    if actual != expected:
        raise StoreUnavailable(
            f"SQLite did not accept {name}={value} (it says {actual!r})",
            hint="the file system may not support shared memory; use a local disk",
        )


class Snapshot(NamedTuple):
    """What a reading connection was opened on."""

    inode: int
    size: int
    mtime_ns: int
    is_immutable: bool


def _snapshot(path: Path, *, is_immutable: bool) -> Snapshot:
    found = path.stat()
    return Snapshot(found.st_ino, found.st_size, found.st_mtime_ns, is_immutable)


def open_reader(path: Path) -> tuple[sqlite3.Connection, Snapshot]:
    """Open a file for reading only, creating nothing beside it.

    With a write-ahead log there, a collector serves the file (or was killed): the ordinary way.
    Without one nobody writes, and the file is opened as immutable, because the ordinary way would
    create side files. Whoever reads so checks afterwards, with `is_current`, that it stayed true.

    Raises:
        FileNotFoundError: the file is gone.
        sqlite3.Error: it is no database, or cannot be read.

    """
    wal, shm = side_files(path)
    snapshot = _snapshot(path, is_immutable=not wal.exists())
    if snapshot.is_immutable:
        parameters = "mode=ro&immutable=1"
    elif shm.exists():
        parameters = "mode=ro"
    else:
        # A copy of a directory, without the index: it is rebuilt in memory, with no lock to take.
        parameters = "mode=ro&vfs=unix-none"
    uri = f"file:{quote(str(path.absolute()))}?{parameters}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        if "unix-none" in parameters:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute(f"PRAGMA cache_size=-{READER_CACHE_KIB}")
        connection.execute("PRAGMA temp_store=MEMORY")
    except BaseException:
        connection.close()
        raise
    connection.row_factory = sqlite3.Row
    return connection, snapshot


def is_current(path: Path, snapshot: Snapshot) -> bool:
    """Whether a reading connection still sees the file of that name as it is.

    Raises:
        FileNotFoundError: there is no such file any more.

    """
    found = _snapshot(path, is_immutable=snapshot.is_immutable)
    if snapshot.is_immutable:
        return found == snapshot and not side_files(path)[0].exists()
    return found.inode == snapshot.inode


def sync_log(path: Path) -> None:
    """Make what stands in a database's write-ahead log already survive a power cut.

    A process that was killed between write and sync, or whose sync failed, leaves commits there
    that can be read: a redelivery finds them stored, writes nothing, and would be acknowledged.

    Raises:
        OSError: it cannot be synced.

    """
    try:
        descriptor = os.open(side_files(path)[0], os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_directory(path.parent)
