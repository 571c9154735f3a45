"""The way of event logs to a real HTTP server: at once, in order, whole, and bounded in size."""

from __future__ import annotations

import threading
import time

from otel_eventlog.delivery.worker import REST_S
from otel_eventlog.model import EventLog, Status
from tests.support.builders import event_log
from tests.support.delivering import MakeDelivery, put_all, some
from tests.support.fake_collector import FakeCollector
from tests.support.waiting import eventually


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


def test_a_steady_trickle_travels_in_few_requests(
    collector: FakeCollector, make_delivery: MakeDelivery
) -> None:
    """While event logs keep coming, there are no more requests than one for each rest."""
    delivery = make_delivery()
    delivery.put(event_log())
    assert delivery.force_flush()
    began = time.monotonic()
    for event in some(200):
        delivery.put(event)
        time.sleep(0.002)  # the trickle itself
    assert delivery.force_flush()
    rests = (time.monotonic() - began) / REST_S
    assert collector.accepted[-200:] == list(range(1, 201))
    assert len(collector.received) <= rests + 4


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
