"""A directory on a file system of its own that is soon full."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOUNT, UMOUNT = "/bin/mount", "/bin/umount"


@contextmanager
def small_disk(folder: Path, size_kib: int) -> Iterator[bool]:
    """Mount a tiny file system on a directory; False where this user may not mount anything."""
    folder.mkdir()
    mount = [MOUNT, "-t", "tmpfs", "-o", f"size={size_kib}k,mode=700", "tmpfs", str(folder)]
    try:
        is_mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        is_mounted = False
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run([UMOUNT, "--lazy", str(folder)], check=True)
