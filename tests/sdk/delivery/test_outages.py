"""Nobody there, nobody answering, and more event logs than fit."""

from __future__ import annotations

import threading
import time

import pytest

from tests.support.builders import event_log
from tests.support.delivering import MakeDelivery, put_all, some
from tests.support.fake_collector import FakeCollector, Reply
from tests.support.waiting import eventually


def test_a_collector_that_is_down_and_comes_back_gets_everything(
    collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """What was put while nobody listened arrives, once and in order, when somebody does."""
    delivery = make_delivery()
    put_all(delivery, some(3))
    assert delivery.force_flush()
    collector.stop()
    put_all(delivery, some(300, first=4))
    assert eventually(lambda: delivery.stats().is_failing)
    collector.start()
    assert delivery.force_flush()
    assert collector.accepted == list(range(1, 304))
    assert delivery.stats().delivered == 303
    assert not delivery.stats().dropped


def test_a_restart_under_traffic_loses_nothing(
    collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """A collector that restarts again and again while event logs come in gets every one."""
    delivery = make_delivery()
    for round_number in range(5):
        put_all(delivery, some(20, first=1 + round_number * 20))
        collector.stop()
        collector.start()
    assert delivery.force_flush(20)
    assert sorted(set(collector.accepted)) == list(range(1, 101))
    assert not delivery.stats().dropped


def test_a_collector_that_never_answers_is_left(
    collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """After the time for an answer the request is sent again."""
    collector.replies.append(Reply(is_silent=True))
    delivery = make_delivery(answer_timeout_s=0.2)
    delivery.put(event_log())
    assert delivery.force_flush()
    assert len(collector.received) == 2
    assert delivery.stats().retried == 1


def test_a_full_queue_drops_the_oldest_and_counts(
    collector: FakeCollector, make_delivery: MakeDelivery, caplog: pytest.LogCaptureFixture
) -> None:
    """Ten times more than the queue holds: every event log is either delivered or counted."""
    delivery = make_delivery(queue_events_max=100)
    collector.stop()
    put_all(delivery, some(1_000))
    assert delivery.stats().queued <= 100
    collector.start()
    assert delivery.force_flush()
    stats = delivery.stats()
    assert stats.delivered + stats.dropped["queue_full"] == 1_000
    assert collector.accepted[-100:] == list(range(901, 1_001))
    assert eventually(lambda: "queue_full" in caplog.text)


def test_a_flush_outlives_a_full_queue(
    collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """Somebody who waits for the delivery is answered even if all that waited was dropped."""
    delivery = make_delivery(queue_events_max=10)
    collector.stop()
    put_all(delivery, some(10))
    # From here on the worker has its hands full, and what comes stays in the queue.
    assert eventually(lambda: delivery.stats().retried > 0)
    answers: list[bool] = []
    waiter = threading.Thread(target=lambda: answers.append(delivery.force_flush(60)))
    waiter.start()
    assert eventually(lambda: delivery.stats().queued > 0)
    put_all(delivery, some(50, first=11))
    collector.start()
    waiter.join(60)
    assert answers == [True]


def test_a_flush_says_when_the_time_was_too_short(
    collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """With the collector down a flush returns False, in time; with nothing to do it is True."""
    delivery = make_delivery()
    assert delivery.force_flush(0)
    collector.stop()
    delivery.put(event_log())
    before = time.monotonic()
    assert not delivery.force_flush(0.2)
    assert time.monotonic() - before < 2.0


@pytest.mark.parametrize("is_silent", [False, True])
def test_shutdown_is_bounded(
    is_silent: bool,  # noqa: FBT001 - the parameter of a test
    collector: FakeCollector,
    make_delivery: MakeDelivery,
) -> None:
    """No collector, or one that never answers, holds up the end for a few seconds only; counted."""
    delivery = make_delivery()
    if is_silent:
        collector.judge = lambda _records, _size: Reply(is_silent=True)
    else:
        collector.stop()
    put_all(delivery, some(700))
    before = time.monotonic()
    delivery.shutdown()
    assert time.monotonic() - before < 4.0
    assert delivery.stats().dropped == {"shutdown": 700}
