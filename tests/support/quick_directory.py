"""A directory in memory where there is one: for tests that prove nothing about disks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only as the parent of a directory of our own


@contextmanager
def quick_directory() -> Iterator[Path]:
    """Make a directory in which a fsync costs nothing, and remove it afterwards."""
    parent = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=parent) as name:
        yield Path(name)
