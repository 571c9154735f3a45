"""The library `disk_shim.c`: its building, its switches, and the log that it writes."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from tests.support.preloading import preloaded

_SOURCE = Path(__file__).with_suffix(".c")
_HEAD = struct.Struct("=IIQQQ")


class Effect(IntEnum):
    """What a record of the log is about; `disk_shim.c` has the same numbers."""

    CREATE = 1
    WRITE = 2
    TRUNCATE = 3
    SYNC = 4
    UNLINK = 5
    RENAME = 6
    MKDIR = 7
    MARK = 100


@dataclass(frozen=True, slots=True)
class Record:
    """One effect on the disk, or a mark that a test made between two.

    Attributes:
        effect: what happened.
        path: below the root: what was made, removed or renamed.
        file: the inode that was made, written or synced.
        offset: where a write begins, the size after a truncation.
        data: what was written; the new path of a renaming; the text of a mark.

    """

    effect: Effect
    path: str
    file: int
    offset: int
    data: bytes


class Shim:
    """The library around a process: what it records, and how the disk fails.

    Args:
        root: the directory whose files are looked at; it need not be there yet.
        folder: where log and switches are kept; outside of the root.

    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.log = folder / "disk.log"
        self._switches = folder / "faults"
        self._switches.mkdir()
        self.environment = {
            "LD_PRELOAD": str(preloaded(_SOURCE)),
            "DISK_SHIM_ROOT": str(root),
            "DISK_SHIM_FAULTS": str(self._switches),
        }
        self.recording_environment = {**self.environment, "DISK_SHIM_LOG": str(self.log)}

    def fail(self, fault: str) -> None:
        """Let the disk fail from now on: as `disk_shim.c` knows how."""
        (self._switches / fault).touch()

    def mend(self, fault: str) -> None:
        """Undo `fail`."""
        (self._switches / fault).unlink()

    def mark(self, text: str) -> None:
        """Note something between two effects, from whatever process."""
        mark(self.log, text)

    def records(self) -> Iterator[Record]:
        """Read the log; a last record that was cut off by a kill is left out."""
        content = self.log.read_bytes()
        position = 0
        while position + _HEAD.size <= len(content):
            kind, path_bytes, file, offset, data_bytes = _HEAD.unpack_from(content, position)
            begin = position + _HEAD.size
            position = begin + path_bytes + data_bytes
            if position > len(content):
                break
            path = content[begin : begin + path_bytes].decode()
            yield Record(Effect(kind), path, file, offset, content[begin + path_bytes : position])


def mark(log: Path, text: str) -> None:
    """Append a mark to a log of the library."""
    data = text.encode()
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        written = os.write(descriptor, _HEAD.pack(Effect.MARK, 0, 0, 0, len(data)) + data)
    finally:
        os.close(descriptor)
    if written != _HEAD.size + len(data):
        raise OSError(errno.EIO, "the mark was not written whole")
