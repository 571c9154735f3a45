"""A collector's disk is full, or fails: it refuses, reads on, and recovers by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import grpc
import httpx
import pytest

from tests.support.days import fill_days, segments
from tests.support.disk_shim import Shim
from tests.support.failing_disk import FailingDisk, full_by_decree, full_file_system
from tests.support.mortal_collector import MortalCollector
from tests.support.oracle import Oracle
from tests.support.probe import Probe
from tests.support.senders import Senders, protobuf_client
from tests.support.waiting import eventually

RETRY_AFTER_S_MAX = 2
PATIENCE_S = 20.0

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(params=[full_file_system, full_by_decree])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FailingDisk]:
    """A disk that can be full, in truth or by decree."""
    make: Callable[[Path], AbstractContextManager[FailingDisk]] = request.param
    with make(tmp_path) as found:
        yield found


def refuses_as_it_should(collector: MortalCollector, probe: Probe) -> None:
    """Check both transports' refusal, that it says so itself, and that people still read."""
    assert eventually(probe.is_refused, within_s=PATIENCE_S)
    answer = probe.post()
    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert 1 <= int(answer.headers["Retry-After"]) <= RETRY_AFTER_S_MAX
    code, trailer = probe.call()
    assert code is grpc.StatusCode.UNAVAILABLE
    assert trailer >= {"grpc-status-details-bin", "google.rpc.retryinfo-bin"}
    with httpx.Client(base_url=collector.http, trust_env=False) as client:
        assert client.get("/api/v1/events").json()["events"]
        assert client.get("/healthz").status_code == httpx.codes.OK
        assert eventually(lambda: probe.is_refused() and not is_ready(client))


def recovers(collector: MortalCollector, probe: Probe) -> None:
    """Check that event logs are taken again, without anybody's help."""
    assert eventually(probe.is_taken, within_s=PATIENCE_S)
    with httpx.Client(base_url=collector.http, trust_env=False) as client:
        assert eventually(lambda: is_ready(client))


def is_ready(client: httpx.Client) -> bool:
    """Whether the collector says that it takes event logs."""
    return client.get("/readyz").status_code == httpx.codes.OK


def all_is_whole(collector: MortalCollector, oracle: Oracle) -> None:
    """Check what is stored against the oracle, and every file of the store."""
    assert oracle.acknowledged
    assert not oracle.verdict(collector.rows())
    collector.stop()
    for path in (collector.data / "segments").glob("*.db"):
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_a_full_disk(disk: FailingDisk) -> None:
    """Nothing acknowledged is lost, nothing acknowledged in vain, and room is enough to go on."""
    oracle = Oracle()
    with MortalCollector(disk.data, environment=disk.environment) as collector:
        probe = Probe(collector, oracle)
        with Senders(oracle, collector.otlp_http, collector.otlp_grpc_address):
            assert eventually(lambda: len(oracle.acknowledged) > 20, within_s=PATIENCE_S)
            disk.fill()
            refuses_as_it_should(collector, probe)
            disk.free()
            recovers(collector, probe)
        all_is_whole(collector, oracle)


def test_retention_makes_room_on_a_full_disk(tmp_path: Path) -> None:
    """Started where nothing can be written, a collector removes what has expired and goes on."""
    oracle = Oracle()
    with full_file_system(tmp_path) as disk:
        fill_days(disk.data, 3)
        stored = segments(disk.data)
        disk.fill()
        with MortalCollector(disk.data, "--retention", "24h") as collector:
            assert eventually(Probe(collector, oracle).is_taken, within_s=PATIENCE_S)
            assert not set(stored[:1]) & set(segments(disk.data))
            wanted = {key for number in oracle.acknowledged for key in oracle.expected(number)}
            assert wanted <= {row["event_id"] for row in collector.rows()}


def test_a_disk_that_cannot_sync(tmp_path: Path) -> None:
    """What could not be synced is refused; once the disk is well again, nothing is missing."""
    oracle = Oracle()
    shim = Shim(tmp_path / "data", tmp_path)
    with MortalCollector(tmp_path / "data", environment=shim.environment) as collector:
        probe = Probe(collector, oracle)
        with Senders(oracle, collector.otlp_http, collector.otlp_grpc_address):
            assert eventually(lambda: len(oracle.acknowledged) > 20, within_s=PATIENCE_S)
            shim.fail("sync-error")
            refuses_as_it_should(collector, probe)
            shim.mend("sync-error")
            recovers(collector, probe)
        all_is_whole(collector, oracle)


def test_what_was_not_synced_is_not_acknowledged_when_it_is_sent_again(tmp_path: Path) -> None:
    """A failed commit may be found in the write-ahead log later on: that is no proof of a sync."""
    oracle = Oracle()
    shim = Shim(tmp_path / "data", tmp_path)
    with MortalCollector(tmp_path / "data", environment=shim.environment) as collector:
        send, close = protobuf_client(oracle, collector.otlp_http)
        assert send(oracle.issue(1))
        shim.fail("sync-error")
        numbers = oracle.issue(1)
        answers = [send(numbers) for _ in range(5)]
        close()
        assert not any(answers)
