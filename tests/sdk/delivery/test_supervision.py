"""The delivery's thread breaks, or we do: it goes on, nothing is lost, and it is counted."""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Iterator

import pytest

from otel_eventlog.delivery import delivery as delivery_module
from otel_eventlog.delivery import worker
from otel_eventlog.delivery.delivery import Delivery
from otel_eventlog.delivery.http_sender import HttpSender
from otel_eventlog.delivery.sender import SendResult, Transport
from tests.support.builders import event_log
from tests.support.delivering import MakeDelivery, put_all, some
from tests.support.fake_collector import FakeCollector, Reply
from tests.support.waiting import eventually

THREAD_NAME = "otel-eventlog-delivery"
PATIENCE_S = 30.0


@pytest.fixture(autouse=True)
def brief_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the waits after something broke short."""
    monkeypatch.setattr(worker, "BROKEN_PAUSE_S", 0.05)
    monkeypatch.setattr(delivery_module, "RESTART_INTERVAL_S", 0.05)


def strike(delivery: Delivery) -> None:
    """Raise SystemExit inside the delivery's thread, wherever it is just now."""
    thread = delivery._thread
    assert thread is not None
    assert thread.name == THREAD_NAME
    assert thread.ident is not None
    hits = ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
    )
    assert hits == 1


def test_a_thread_that_is_struck_goes_on(
    collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """What the thread had in its hands when it broke off is delivered all the same, and counted."""
    collector.judge = lambda _records, _size: Reply(503)
    delivery = make_delivery()
    put_all(delivery, some(100))
    assert eventually(lambda: delivery.stats().retried > 1, within_s=PATIENCE_S)
    strike(delivery)
    assert eventually(lambda: delivery.stats().restarts == 1, within_s=PATIENCE_S)
    collector.judge = lambda _records, _size: None
    put_all(delivery, some(100, first=101))
    assert delivery.force_flush(PATIENCE_S)
    assert sorted(set(collector.accepted)) == list(range(1, 201))
    assert not delivery.stats().dropped


def test_a_thread_that_is_gone_is_started_again(
    collector: FakeCollector, make_delivery: MakeDelivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next event log starts a new thread, which also delivers what the dead one left."""
    collector.judge = lambda _records, _size: Reply(503)
    delivery = make_delivery()
    put_all(delivery, some(10))
    assert eventually(lambda: delivery.stats().retried > 1, within_s=PATIENCE_S)
    monkeypatch.setattr(worker, "BROKEN_PAUSE_S", PATIENCE_S)
    dead = delivery._thread
    assert dead is not None
    strike(delivery)
    # Struck inside the loop it pauses; struck there as well it ends.
    assert eventually(lambda: "pause" in _functions_of(dead), within_s=PATIENCE_S)
    strike(delivery)
    delivery._worker._stopping.set()  # wakes it; an exception waits for the next instruction
    dead.join(PATIENCE_S)
    assert not dead.is_alive()
    delivery._worker._stopping.clear()
    collector.judge = lambda _records, _size: None
    delivery.put(event_log(span_id=11))
    assert delivery.force_flush(PATIENCE_S)
    assert sorted(set(collector.accepted)) == list(range(1, 12))
    assert delivery.stats().restarts == 1
    assert not delivery.stats().dropped


def _functions_of(thread: threading.Thread) -> list[str]:
    import sys

    frame = sys._current_frames().get(thread.ident or 0)
    names = []
    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names


class Stumbling(HttpSender):
    """A sender that breaks its promise never to raise, for requests with a certain text."""

    def send(self, body: bytes, timeout_s: float) -> SendResult:
        """Make one attempt, or raise."""
        if b"poison" in body:
            msg = "a mistake"
            raise ZeroDivisionError(msg)
        return super().send(body, timeout_s)


def test_what_makes_us_stumble_again_and_again_is_dropped_and_counted(
    collector: FakeCollector, make_delivery: MakeDelivery, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of ours costs the event logs in hand, at most, and is said; the others go on."""
    delivery = make_delivery(sender=Stumbling(Transport(base_url=collector.url)))
    delivery.put(event_log(span_id=1))
    assert delivery.force_flush(PATIENCE_S)
    delivery.put(event_log(span_id=2, user_id="poison"))
    assert eventually(lambda: delivery.stats().dropped == {"broken": 1}, within_s=PATIENCE_S)
    delivery.put(event_log(span_id=3))
    assert delivery.force_flush(PATIENCE_S)
    assert collector.accepted == [1, 3]
    assert "stumbled: ZeroDivisionError" in caplog.text


@pytest.fixture
def raising_filter() -> Iterator[None]:
    """Put a filter on our logger that raises, as a mistake in an application might."""

    def refuse(_record: logging.LogRecord) -> bool:
        msg = "a mistake in the application"
        raise KeyError(msg)

    logger = logging.getLogger("otel_eventlog")
    logger.addFilter(refuse)
    yield
    logger.removeFilter(refuse)


@pytest.mark.usefixtures("raising_filter", "hurried")
def test_a_logging_configuration_that_raises_stops_nothing(
    collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """The delivery goes on when its own log lines cannot be written."""
    collector.replies.extend([Reply(503)] * 3)
    delivery = make_delivery()
    put_all(delivery, some(3))
    assert delivery.force_flush(PATIENCE_S)
    assert sorted(collector.accepted) == [1, 2, 3]
    assert delivery.stats().restarts == 0
