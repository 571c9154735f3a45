"""A collector's disk that a test fills, breaks and mends while the collector runs."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.disk_shim import Shim
from tests.support.small_disk import small_disk

SIZE_KIB = 12 * 1024
BALLAST_BYTES = 4096


@dataclass(frozen=True)
class FailingDisk:
    """A place for data whose disk can be full.

    Attributes:
        data: the data directory, not there yet.
        environment: what the collector's process needs to feel it.
        fill: from now on there is no room.
        free: there is room again.

    """

    data: Path
    environment: Mapping[str, str]
    fill: Callable[[], None]
    free: Callable[[], None]


@contextmanager
def full_file_system(folder: Path) -> Iterator[FailingDisk]:
    """Make a file system of its own that is really full; needs a user who may mount one."""
    disk = folder / "disk"
    ballast = disk / "ballast"

    def fill() -> None:
        with ballast.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(BALLAST_BYTES))
            except OSError as error:
                assert error.errno == errno.ENOSPC  # noqa: PT017 - it ends the endless loop

    with small_disk(disk, SIZE_KIB) as is_mounted:
        if not is_mounted:
            pytest.skip("needs a user who may mount a tmpfs; the other variant needs none")
        yield FailingDisk(disk / "data", {}, fill, ballast.unlink)


@contextmanager
def full_by_decree(folder: Path) -> Iterator[FailingDisk]:
    """Have every write that makes a file longer fail; works for any user."""
    shim = Shim(folder / "data", folder)
    yield FailingDisk(
        folder / "data",
        shim.environment,
        lambda: shim.fail("no-space"),
        lambda: shim.mend("no-space"),
    )
