"""What each answer of a collector leads to: what can be kept is, and nothing is kept for ever."""

from __future__ import annotations

import pytest

from otel_eventlog.delivery import transmit
from tests.support.builders import event_log
from tests.support.delivering import MakeDelivery, put_all, some
from tests.support.fake_collector import FakeCollector, Reply, partial_success


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504, 0])
def test_a_collector_that_is_busy_is_asked_again(
    status: int, collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """Answers that mean "later", and a connection that breaks, lose nothing."""
    collector.replies.extend([Reply(status), Reply(status)])
    delivery = make_delivery()
    put_all(delivery, some(5))
    assert delivery.force_flush()
    assert sorted(collector.accepted) == [1, 2, 3, 4, 5]
    assert not delivery.stats().dropped


def test_retry_after_is_honoured(collector: FakeCollector, make_delivery: MakeDelivery) -> None:
    """A collector that asks for a second is left alone for a second."""
    collector.replies.append(Reply(503, {"retry-after": "1"}))
    delivery = make_delivery()
    delivery.put(event_log())
    assert delivery.force_flush()
    first, second = collector.received
    assert 1.0 <= second.time_s - first.time_s < 5.0


def test_one_bad_record_takes_no_other_with_it(
    collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """When a request is rejected for one record, that one is dropped and counted, no other."""
    collector.judge = lambda records, _size: (
        Reply(400) if any(record.span_id[-1] == 77 for record in records) else None
    )
    delivery = make_delivery()
    collector.stop()
    put_all(delivery, some(200))
    collector.start()
    assert delivery.force_flush()
    assert sorted(collector.accepted) == [n for n in range(1, 201) if n != 77]
    assert delivery.stats().dropped == {"rejected": 1}
    assert delivery.stats().delivered == 199


def test_a_collector_that_rejects_everything_is_not_asked_for_every_record(
    collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """A batch that is rejected whole costs a bounded number of requests."""
    collector.judge = lambda _records, _size: Reply(400)
    delivery = make_delivery()
    collector.stop()
    put_all(delivery, some(500))
    collector.start()
    assert delivery.force_flush()
    assert delivery.stats().dropped == {"rejected": 500}
    assert len(collector.received) < 100


def test_requests_too_large_are_halved(
    collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """A collector with a smaller limit gets everything, and soon in requests that fit."""
    limit = 30_000
    collector.judge = lambda _records, size: Reply(413) if size > limit else None
    delivery = make_delivery()
    collector.stop()
    put_all(delivery, some(500))
    collector.start()
    assert delivery.force_flush()
    refused = sum(received.answered.status == 413 for received in collector.received)
    assert sorted(collector.accepted) == list(range(1, 501))
    put_all(delivery, some(500, first=501))
    assert delivery.force_flush()
    again = sum(received.answered.status == 413 for received in collector.received) - refused
    assert sorted(collector.accepted) == list(range(1, 1001))
    assert again <= 1
    assert not delivery.stats().dropped


def test_a_single_record_too_large_is_dropped(
    collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """What the collector does not even take alone is dropped, counted, and holds up nothing."""
    collector.judge = lambda _records, size: Reply(413) if size > 5_000 else None
    delivery = make_delivery()
    put_all(delivery, [event_log(span_id=1, user_agent="x" * 9_000), event_log(span_id=2)])
    assert delivery.force_flush()
    assert collector.accepted == [2]
    assert delivery.stats().dropped == {"too_large": 1}


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("status", [301, 307, 401, 403, 404, 405, 407, 415])
def test_a_mended_token_or_address_loses_nothing(
    status: int, collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """Answers that mean a wrong setting are retried, because settings get mended."""
    collector.replies.extend([Reply(status, {"location": f"{collector.url}/elsewhere"})] * 3)
    delivery = make_delivery()
    put_all(delivery, some(3))
    assert delivery.force_flush()
    assert sorted(collector.accepted) == [1, 2, 3]
    assert {received.path for received in collector.received} == {"/v1/logs"}


@pytest.mark.usefixtures("hurried")
def test_a_collector_that_breaks_is_asked_again_but_not_for_ever(
    collector: FakeCollector, make_delivery: MakeDelivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 500 that passes loses nothing; a record that always causes one does not stop the rest."""
    monkeypatch.setattr(transmit, "FAILED_ATTEMPTS_MAX", 3)
    collector.replies.extend([Reply(500), Reply(500)])
    delivery = make_delivery()
    delivery.put(event_log(span_id=1))
    assert delivery.force_flush()
    assert collector.accepted == [1]
    collector.judge = lambda records, _size: (
        Reply(500) if any(record.span_id[-1] == 2 for record in records) else None
    )
    put_all(delivery, some(3, first=2))
    assert delivery.force_flush()
    assert sorted(collector.accepted) == [1, 3, 4]
    assert delivery.stats().dropped == {"rejected": 1}


def test_a_partial_success_is_counted(
    collector: FakeCollector, make_delivery: MakeDelivery, caplog: pytest.LogCaptureFixture
) -> None:
    """Records that a 200 names as rejected count as dropped, are logged, and not sent again."""
    collector.replies.append(partial_success(1, "no span id"))
    delivery = make_delivery()
    delivery.put(event_log())
    assert delivery.force_flush()
    assert delivery.stats().dropped == {"rejected": 1}
    assert delivery.stats().delivered == 0
    assert len(collector.received) == 1
    assert "no span id" in caplog.text
