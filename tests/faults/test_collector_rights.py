"""Whatever the umask: nobody else on the machine can read what a collector keeps."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.mortal_collector import MortalCollector
from tests.support.oracle import Oracle
from tests.support.senders import protobuf_client

DIRECTORY, FILE = 0o700, 0o600

pytestmark = [pytest.mark.e2e]


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Let this process, and those that it starts, make files with other rights."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_nobody_else_may_read_the_data(tmp_path: Path) -> None:
    """Directories 0700 and files 0600, those beside the databases included, under umask 000."""
    oracle = Oracle()
    with umask(0), MortalCollector(tmp_path / "data") as collector:
        send, close = protobuf_client(oracle, collector.otlp_http)
        assert send(oracle.issue(1))
        close()
        found = {
            path: stat.S_IMODE(path.stat().st_mode)
            for path in [tmp_path / "data", *(tmp_path / "data").rglob("*")]
        }
        assert any(path.name.endswith("-wal") for path in found)
    wrong = {
        str(path): oct(mode)
        for path, mode in found.items()
        if mode != (DIRECTORY if path.is_dir() else FILE)
    }
    assert not wrong
