"""A collector that answers 400, 413, 429 and 503 to a real application, with and without hints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, formatdate

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.support.fake_collector import FakeCollector, Reply
from tests.support.shops import gunicorn
from tests.support.traffic import Traffic
from tests.support.waiting import eventually

PATIENCE_S = 90.0
SIZE_MAX = 6_000
BAD = {"shop-00020", "shop-00090", "shop-00150"}
"""Correlation ids of the requests whose event logs are bad."""

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture
def moody() -> Iterator[FakeCollector]:
    """Return a collector."""
    collector = FakeCollector()
    yield collector
    collector.stop()


def in_seconds(seconds: float) -> str:
    """Return the date that lies so far ahead, as HTTP writes it."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def is_bad(record: LogRecord) -> bool:
    """Whether the collector of these tests will never take a record."""
    return any(attribute.value.string_value in BAD for attribute in record.attributes)


def test_every_answer_in_turn(moody: FakeCollector) -> None:
    """Busy, too large, bad: each answer costs the records that deserve it, and no other.

    Hints to wait are honoured in seconds and as a date; past ones and nonsense do no harm.
    """

    def judge(records: list[LogRecord], size: int) -> Reply | None:
        if size > SIZE_MAX:
            return Reply(413)
        return Reply(400) if any(map(is_bad, records)) else None

    hints = ["1", in_seconds(2), formatdate(0, usegmt=True), "soon", "-1", ""]
    moody.replies.extend(Reply(503, {"retry-after": hint}) for hint in hints)
    moody.replies.extend([Reply(429), Reply(429, {"retry-after": "0"})])
    moody.judge = judge
    with gunicorn("shop", moody.url) as shop:
        with Traffic("shop", shop.url, pause_s=0.01) as traffic:
            assert eventually(lambda: len(traffic.answered) > 200, within_s=PATIENCE_S)
            assert eventually(lambda: not moody.replies, within_s=PATIENCE_S)
        assert not traffic.unanswered
        total = 2 * len(traffic.answered)

        def is_settled() -> bool:
            stats = shop.counters()
            settled: int = stats["delivered"] + stats["dropped"].get("rejected", 0)
            return settled == total

        assert eventually(is_settled, within_s=PATIENCE_S)
        stats = shop.counters()
    assert set(stats["dropped"]) == {"rejected"}
    assert max(Counter(moody.event_ids).values()) == 1
    assert len(moody.event_ids) == stats["delivered"]
    assert not any(map(is_bad, moody.accepted_records))
    assert stats["dropped"]["rejected"] == 2 * len(BAD)
    after_a_second = moody.received[1].time_s - moody.received[0].time_s
    assert after_a_second >= 1.0
