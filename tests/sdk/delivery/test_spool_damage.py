"""The spool on a bad day: broken files, full disks, odd directories."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from otel_eventlog.delivery.spool import Spool
from tests.support.builders import event_log
from tests.support.delivering import MakeDelivery, some
from tests.support.fake_collector import FakeCollector, Reply
from tests.support.spooling import PUTTER, files, run_script
from tests.support.waiting import eventually


@pytest.mark.parametrize("seed", range(10))
def test_a_flipped_byte_costs_one_record_at_most(seed: int, folder: Path) -> None:
    """Whichever byte goes bad, every other record is read, and the broken one is counted."""
    chance = random.Random(seed)
    spool = Spool(folder)
    assert spool.append(some(50))
    spool.close()
    (segment,) = folder.rglob("*.seg")
    data = bytearray(segment.read_bytes())
    header_end = data.index(b"\n")
    place = chance.randrange(header_end + 1, len(data))
    data[place] ^= chance.randrange(1, 256)
    segment.write_bytes(data)
    heir = Spool(folder)
    heir.tidy()
    batch = heir.read_adopted()
    assert batch is not None
    found = [event.span_id for event in batch.events]
    missing = set(range(1, 51)) - set(found)
    assert len(missing) <= 2  # a line feed gone bad glues two lines together
    assert found == sorted(found)
    assert 1 <= batch.piece.corrupt_count <= 2
    heir.close()


def test_a_torn_last_record_is_left_out(
    folder: Path, collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """A record of which only a part reached the disk is counted; those before it are delivered."""
    spool = Spool(folder)
    assert spool.append(some(10))
    spool.close()
    (segment,) = folder.rglob("*.seg")
    os.truncate(segment, segment.stat().st_size - 20)
    delivery = make_delivery(spool=Spool(folder))
    delivery.start()
    assert eventually(lambda: len(collector.accepted) == 9)
    assert eventually(lambda: delivery.stats().dropped == {"spool_corrupt": 1})
    assert eventually(lambda: not files(folder))


def test_nonsense_in_the_directory_harms_nobody(
    folder: Path, collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """Random bytes, empty and foreign files, links: counted or ignored, and delivery goes on."""
    odd = folder / "1-odd.spool"
    odd.mkdir(parents=True)
    (odd / "lock").touch()
    (odd / "00000001.seg").write_bytes(random.Random(1).randbytes(300_000))
    (odd / "00000002.seg").touch()
    (odd / "notes.seg").write_text("hello")
    (folder / "2-file.spool").write_text("hello")
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "lock").touch()
    (folder / "3-link.spool").symlink_to(elsewhere)
    delivery = make_delivery(spool=Spool(folder))
    delivery.put(event_log(span_id=7))
    assert delivery.force_flush()
    assert collector.accepted == [7]
    assert eventually(lambda: delivery.stats().corrupt > 0)
    assert (elsewhere / "lock").exists()


def test_another_versions_fields(folder: Path) -> None:
    """A record with a field more or less than this version knows is read all the same."""
    spool = Spool(folder)
    assert spool.append([event_log(span_id=5, user_id="u-1")])
    spool.close()
    (segment,) = folder.rglob("*.seg")
    import json
    import zlib

    lines = segment.read_bytes().splitlines()
    header, values = (json.loads(line[9:]) for line in lines)
    place = header["fields"].index("user_id")
    header["fields"][place] = "from_the_future"
    texts = [json.dumps(value).encode() for value in (header, values)]
    segment.write_bytes(b"".join(b"%08x %s\n" % (zlib.crc32(text), text) for text in texts))
    heir = Spool(folder)
    heir.tidy()
    batch = heir.read_adopted()
    assert batch is not None
    (event,) = batch.events
    assert event.span_id == 5
    assert event.user_id is None
    heir.close()


def test_every_field_survives(folder: Path) -> None:
    """What is read back equals what was written, text of any kind included."""
    spool = Spool(folder)
    event = event_log(
        user_id="line\nfeed \u2028 \x00 😀 \ud800",
        attributes={"list": ["a", "b"], "n": 2**63 - 1, "x": 0.5, "yes": True, "none": ""},
        http_status_code=200,
        duration_ns=5,
        trace_sampled=None,
        trace_id=2**128 - 1,
    )
    assert spool.append([event])
    batch = spool.read()
    assert batch is not None
    assert batch.events == (event,)
    spool.close()


def test_a_full_spool_falls_back_to_memory(
    folder: Path, collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """Beyond its bytes the spool takes no more; memory does, then the oldest there is dropped."""
    collector.stop()
    delivery = make_delivery(spool=Spool(folder, bytes_max=64 * 1024), queue_events_max=100)
    for event in some(1_000):
        delivery.put(event)
    assert sum(path.stat().st_size for path in files(folder)) <= 70 * 1024
    spooled = 1_000 - delivery.stats().spool_failures
    assert spooled > 50
    collector.start()
    assert delivery.force_flush()
    stats = delivery.stats()
    assert stats.delivered + stats.dropped["queue_full"] == 1_000
    assert set(collector.accepted) >= {*range(1, spooled + 1), *range(901, 1_001)}
    for event in some(100, first=2_001):
        delivery.put(event)
    assert delivery.force_flush()
    assert collector.accepted[-100:] == list(range(2_001, 2_101))
    assert delivery.stats().spool_failures == 1_000 - spooled


def test_all_processes_share_the_bound(folder: Path) -> None:
    """What others have left in the directory counts, so that a crash loop cannot fill the disk."""
    for number in range(4):
        spool = Spool(folder, bytes_max=40_000)
        spool.tidy()
        spool.append(some(40, first=number * 100))
        spool.forget()  # as a process that is gone: nothing removed, lock free
    assert sum(path.stat().st_size for path in files(folder)) < 60_000


def test_a_disk_that_is_full_never_reaches_the_caller(
    folder: Path, collector: FakeCollector
) -> None:
    """When writing fails half-way, `put` does not raise, and memory takes over: nothing lost."""
    script = PUTTER + (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "for number in range(1, 201):\n"
        "    delivery.put(event_log(span_id=number))\n"
        "assert delivery.force_flush()\n"
        "assert delivery.stats().spool_failures > 0, delivery.stats()\n"
        "assert not delivery.stats().dropped, delivery.stats()\n"
    )
    finished = run_script(script, collector.url, str(folder))
    assert finished.returncode == 0, finished.stderr
    assert sorted(set(collector.accepted)) == list(range(1, 201))
    assert len(collector.accepted) == 200


def test_a_directory_that_cannot_be_made_is_said(
    tmp_path: Path,
    collector: FakeCollector,
    make_delivery: MakeDelivery,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without a usable directory event logs go through memory, and the log says why."""
    blocked = tmp_path / "file"
    blocked.write_text("no directory")
    delivery = make_delivery(spool=Spool(blocked / "spool"))
    for event in some(20):
        delivery.put(event)
    assert delivery.force_flush()
    assert sorted(collector.accepted) == list(range(1, 21))
    assert delivery.stats().spool_failures == 20
    assert eventually(lambda: "spool cannot be written" in caplog.text)
    delivery.shutdown()
    assert sum("spool cannot be written" in line for line in caplog.messages) == 1


def test_a_rejected_record_is_not_kept(
    folder: Path, collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """What the collector will never take leaves the spool too; it would block it for ever."""
    collector.judge = lambda _records, _size: Reply(400)
    delivery = make_delivery(spool=Spool(folder))
    delivery.put(event_log(span_id=1))
    assert delivery.force_flush()
    assert delivery.stats().dropped == {"rejected": 1}
    collector.judge = lambda _records, _size: None
    delivery.put(event_log(span_id=2))
    assert delivery.force_flush()
    assert collector.accepted == [2]
