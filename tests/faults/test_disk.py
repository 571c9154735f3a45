"""The spool's disk is full: the application does not notice, and nothing is lost."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_collector import FakeCollector
from tests.support.mortal_collector import MortalCollector
from tests.support.shops import Shop, gunicorn
from tests.support.small_disk import small_disk
from tests.support.traffic import Traffic, expected, statuses
from tests.support.waiting import eventually

SIZE_KIB = 256
PATIENCE_S = 60.0

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LIMITED = """
import resource
def post_worker_init(worker):
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
"""


@contextlib.contextmanager
def shop_on_a_small_disk(folder: Path, endpoint: str) -> Iterator[Shop]:
    """Run an application whose spool soon has no room.

    A real full disk where the user may mount one, else a limit on the size of a file, which the
    kernel enforces as it does the end of a disk: half a write, then an error.
    """
    spool = folder / "disk"
    with small_disk(spool, SIZE_KIB) as is_mounted:
        environment = {"OTEL_EVENTLOG_SPOOL_DIR": str(spool)}
        if is_mounted:
            (spool / "ballast").write_bytes(bytes((SIZE_KIB - 64) * 1024))
        else:
            configuration = folder / "gunicorn_limits.py"
            configuration.write_text(LIMITED)
            environment["GUNICORN_CMD_ARGS"] = f"--config {configuration}"
        with gunicorn("shop", endpoint, **environment) as shop:
            yield shop


def test_a_full_disk_during_an_outage(tmp_path: Path) -> None:
    """Every request is answered while the disk is full, and both its event logs arrive later."""
    with MortalCollector(tmp_path / "data") as collector:
        collector.stop()
        with (
            shop_on_a_small_disk(tmp_path, collector.otlp_http) as shop,
            Traffic("shop", shop.url, pause_s=0.005) as traffic,
        ):
            assert eventually(lambda: shop.counters()["spool_failures"] > 20, within_s=PATIENCE_S)
            assert shop.counters()["spooled_bytes"] > 0
            traffic.stop()
            collector.start()
            wanted = expected(traffic)
            assert eventually(lambda: statuses(collector.rows()) == wanted, within_s=PATIENCE_S)
            assert not shop.counters()["dropped"]
        assert not traffic.unanswered
        assert len(collector.rows()) == 2 * len(wanted)


def test_a_disk_that_is_full_from_the_start_and_has_room_later(tmp_path: Path) -> None:
    """Without room for a single file memory takes over; with room again the spool is used again."""
    collector = FakeCollector()
    disk = tmp_path / "disk"
    try:
        with small_disk(disk, SIZE_KIB) as is_mounted:
            blocker = disk / "spool"
            if is_mounted:
                with contextlib.suppress(OSError), (disk / "ballast").open("wb", 0) as ballast:
                    while True:
                        ballast.write(bytes(1024))
            else:
                blocker.write_text("in the way")
            environment = {"OTEL_EVENTLOG_SPOOL_DIR": str(blocker)}
            with gunicorn("shop", collector.url, **environment) as shop:
                with Traffic("shop", shop.url, pause_s=0.01) as traffic:
                    assert eventually(
                        lambda: shop.counters()["spool_failures"] > 20, within_s=PATIENCE_S
                    )
                    (disk / "ballast" if is_mounted else blocker).unlink()
                    assert eventually(
                        lambda: any(blocker.glob("*.spool/*.seg")), within_s=PATIENCE_S
                    )
                assert not traffic.unanswered
                count = 2 * len(traffic.answered)
                assert eventually(
                    lambda: len(set(collector.event_ids)) == count, within_s=PATIENCE_S
                )
                assert not shop.counters()["dropped"]
    finally:
        collector.stop()
