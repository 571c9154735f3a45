"""The delivery against a real HTTP server: nothing lost, nothing blocked, everything counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import pytest

from otel_eventlog.delivery import retry, transmit
from otel_eventlog.delivery.delivery import Delivery
from otel_eventlog.delivery.sender import Transport
from otel_eventlog.model import EventLog, Status
from tests.support.builders import event_log
from tests.support.fake_collector import FakeCollector, Reply, partial_success
from tests.support.waiting import eventually

MakeDelivery = Callable[..., Delivery]


def some(count: int, first: int = 1) -> list[EventLog]:
    """Return event logs whose span ids count up."""
    return [event_log(span_id=number) for number in range(first, first + count)]


def put_all(delivery: Delivery, events: Iterable[EventLog]) -> None:
    """Put every event log."""
    for event in events:
        delivery.put(event)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the pauses between attempts short."""
    monkeypatch.setattr(retry, "DELAY_S_MAX", 0.05)
    monkeypatch.setattr(retry, "REFUSED_DELAY_S_MAX", 0.05)


def test_a_record_leaves_at_once(collector: FakeCollector, make_delivery: MakeDelivery) -> None:
    """A start reaches the collector within 200 ms, once the thread has done its imports."""
    delivery = make_delivery()
    delivery.start()
    delivery.put(event_log(Status.START))
    assert delivery.force_flush()
    delays = []
    for number in range(5):
        before = time.monotonic()
        delivery.put(event_log(Status.START))
        assert eventually(lambda seen=number: len(collector.received) == seen + 2)
        delays.append(collector.received[-1].time_s - before)
    assert min(delays) < 0.2


def test_the_record_is_what_the_wire_says(
    collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """Path, content type, scope, resource, ids, event name and nested attributes are OTLP's."""
    delivery = make_delivery()
    event = event_log(project="acme", attributes={"plan": "pro", "tags": ["a", "b"], "n": 2**70})
    delivery.put(event)
    assert delivery.force_flush()
    (received,) = collector.received
    assert received.path == "/v1/logs"
    assert received.headers["content-type"] == "application/x-protobuf"
    resource_logs = received.request.resource_logs[0]
    resource = {item.key: item.value.string_value for item in resource_logs.resource.attributes}
    assert resource == {"service.name": "shop", "service.namespace": "acme"}
    assert resource_logs.scope_logs[0].scope.name == "otel_eventlog"
    assert resource_logs.scope_logs[0].scope.version
    (record,) = received.records
    assert record.event_name == "eventlog.success"
    assert record.trace_id == event.trace_id.to_bytes(16, "big")
    assert record.span_id == event.span_id.to_bytes(8, "big")
    assert record.time_unix_nano == event.time_unix_nano
    attributes = {item.key: item.value for item in record.attributes}
    assert attributes["eventlog.request_id"].string_value == event.request_id
    nested = {
        item.key: item.value for item in attributes["eventlog.attributes"].kvlist_value.values
    }
    assert nested["plan"].string_value == "pro"
    assert [item.string_value for item in nested["tags"].array_value.values] == ["a", "b"]
    assert nested["n"].string_value == repr(2**70)


def test_what_waits_travels_together(collector: FakeCollector, make_delivery: MakeDelivery) -> None:
    """Thousands that wait go in few requests of at most 512 records, in order."""
    delivery = make_delivery()
    collector.stop()
    put_all(delivery, some(2_000))
    collector.start()
    assert delivery.force_flush()
    assert collector.accepted == list(range(1, 2_001))
    sizes = [len(received.records) for received in collector.received]
    assert max(sizes) <= 512
    assert len(sizes) <= 8


def test_resources_are_kept_apart(collector: FakeCollector, make_delivery: MakeDelivery) -> None:
    """Event logs of two services never share a resource."""
    delivery = make_delivery()
    collector.stop()
    put_all(delivery, [event_log(span_id=1, service="a"), event_log(span_id=2, service="b")])
    collector.start()
    assert delivery.force_flush()
    services = {
        int.from_bytes(record.span_id, "big"): resource_logs.resource.attributes[
            0
        ].value.string_value
        for received in collector.received
        for resource_logs in received.request.resource_logs
        for record in resource_logs.scope_logs[0].log_records
    }
    assert services == {1: "a", 2: "b"}


def test_requests_stay_below_a_mebibyte(
    collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """Large event logs are spread over several requests of at most 1 MiB."""
    sizes: list[int] = []
    collector.judge = lambda _records, size: sizes.append(size)
    delivery = make_delivery()
    collector.stop()
    put_all(delivery, [event_log(span_id=n, user_agent="x" * 20_000) for n in range(1, 201)])
    collector.start()
    assert delivery.force_flush()
    assert collector.accepted == list(range(1, 201))
    assert max(sizes) <= 1024 * 1024


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


def test_shutdown_delivers_what_waits_and_may_be_repeated(
    collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """Everything put before the end arrives; what comes after is counted, and raises nothing."""
    delivery = make_delivery()
    put_all(delivery, some(1_000))
    delivery.shutdown()
    delivery.shutdown()
    assert sorted(collector.accepted) == list(range(1, 1_001))
    delivery.put(event_log())
    assert delivery.stats().dropped == {"shutdown": 1}
    assert delivery.force_flush(0)


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


def test_put_never_raises(collector: FakeCollector, make_delivery: MakeDelivery) -> None:
    """An item that cannot be turned into event logs is counted and takes no other with it."""

    def materialise(item: object) -> list[EventLog]:
        if isinstance(item, EventLog):
            return [item]
        raise KeyError(item)

    delivery = make_delivery(materialise=materialise)
    delivery.put(event_log(span_id=1))
    delivery.put("nonsense")
    delivery.put(event_log(span_id=2))
    assert delivery.force_flush()
    assert sorted(collector.accepted) == [1, 2]
    assert delivery.stats().dropped == {"unmappable": 1}


def test_an_event_log_that_cannot_be_encoded_takes_no_other_with_it(
    collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """An impossible id is dropped and counted; half a character is replaced."""
    delivery = make_delivery()
    collector.stop()
    put_all(
        delivery,
        [
            event_log(span_id=1, user_id="half \ud800"),
            event_log(span_id=2, trace_id=1 << 128),
            event_log(span_id=3),
        ],
    )
    collector.start()
    assert delivery.force_flush()
    assert sorted(collector.accepted) == [1, 3]
    assert delivery.stats().dropped == {"unencodable": 1}


def test_one_item_may_be_several_event_logs(
    collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """An item may stand for both halves of a request, or for nothing."""
    delivery = make_delivery(materialise=some)
    for count in (2, 0, 3):
        delivery.put(count)
    assert delivery.force_flush()
    assert len(collector.accepted) == 5


def test_threads_lose_nothing(collector: FakeCollector, make_delivery: MakeDelivery) -> None:
    """Sixteen threads at once: everything arrives, each thread's event logs in its order."""
    delivery = make_delivery()
    threads = [
        threading.Thread(target=put_all, args=(delivery, some(200, first=1_000 * number)))
        for number in range(1, 17)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert delivery.force_flush()
    for number in range(1, 17):
        of_thread = [found for found in collector.accepted if found // 1_000 == number]
        assert of_thread == list(range(1_000 * number, 1_000 * number + 200))


@pytest.mark.usefixtures("hurried")
def test_trouble_is_logged_once_a_minute(
    collector: FakeCollector, make_delivery: MakeDelivery, caplog: pytest.LogCaptureFixture
) -> None:
    """Many failed attempts make one line, and that line holds no header."""
    ahead_s = [0.0]
    collector.judge = lambda _records, _size: Reply(503)
    transport = Transport(base_url=collector.url, headers=(("authorization", "Bearer s3cret"),))
    delivery = make_delivery(transport, clock=lambda: time.monotonic() + ahead_s[0])
    delivery.put(event_log())
    assert eventually(lambda: delivery.stats().retried >= 3)
    lines = [line for line in caplog.messages if "cannot be delivered" in line]
    assert len(lines) == 1
    assert f"127.0.0.1:{collector.port}" in lines[0]
    assert "503" in lines[0]
    ahead_s[0] = 61.0
    tries = delivery.stats().retried
    assert eventually(lambda: delivery.stats().retried > tries + 1)
    assert sum("cannot be delivered" in line for line in caplog.messages) == 2
    assert "s3cret" not in caplog.text
