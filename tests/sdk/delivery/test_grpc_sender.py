"""One attempt over gRPC, against a real gRPC server, and a delivery that uses it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status as RpcStatus

from otel_eventlog.delivery.delivery import Delivery
from otel_eventlog.delivery.grpc_sender import GrpcSender
from otel_eventlog.delivery.sender import Answer, Transport
from tests.support.builders import event_log
from tests.support.grpc_collector import GrpcCollector

Code = grpc.StatusCode


@pytest.fixture
def grpc_collector() -> Iterator[GrpcCollector]:
    """Return a gRPC collector that listens."""
    collector = GrpcCollector()
    yield collector
    collector.stop()


@pytest.fixture
def sender(grpc_collector: GrpcCollector) -> Iterator[GrpcSender]:
    """Return a sender to it."""
    base_url = f"http://127.0.0.1:{grpc_collector.port}"
    sender = GrpcSender(Transport(base_url=base_url, headers=(("x-tenant", "acme"),)))
    yield sender
    sender.close()


def retry_info(seconds: int) -> RetryInfo:
    """Return the hint to come back later."""
    return RetryInfo(retry_delay=Duration(seconds=seconds))


def in_status(info: RetryInfo) -> bytes:
    """Return the hint packed into a `google.rpc.Status`."""
    status = RpcStatus(code=14)
    status.details.add().Pack(info)
    return status.SerializeToString()


def test_records_arrive_with_our_headers(
    grpc_collector: GrpcCollector, sender: GrpcSender, make_delivery: Callable[..., Delivery]
) -> None:
    """What is put arrives over gRPC, in order, with the headers of the settings."""
    delivery = make_delivery(sender=sender)
    for number in range(1, 101):
        delivery.put(event_log(span_id=number))
    assert delivery.force_flush(20)
    assert grpc_collector.accepted == list(range(1, 101))
    assert grpc_collector.metadata[0]["x-tenant"] == "acme"


@pytest.mark.parametrize(
    ("code", "text", "answer"),
    [
        (Code.UNAVAILABLE, "", Answer.UNAVAILABLE),
        (Code.DEADLINE_EXCEEDED, "", Answer.UNAVAILABLE),
        (Code.DATA_LOSS, "", Answer.UNAVAILABLE),
        (Code.RESOURCE_EXHAUSTED, "busy", Answer.UNAVAILABLE),
        (Code.RESOURCE_EXHAUSTED, "Received message larger than max (9 vs. 4)", Answer.TOO_LARGE),
        (Code.INVALID_ARGUMENT, "", Answer.REJECTED),
        (Code.UNAUTHENTICATED, "", Answer.REFUSED),
        (Code.PERMISSION_DENIED, "", Answer.REFUSED),
        (Code.UNIMPLEMENTED, "", Answer.REFUSED),
        (Code.INTERNAL, "", Answer.FAILED),
    ],
)
def test_what_to_do_about_each_code(
    code: Any, text: str, answer: Answer, grpc_collector: GrpcCollector, sender: GrpcSender
) -> None:
    """Every status code leads to what the OTLP specification says, and no doubt to a loss."""
    grpc_collector.replies.append((code, text, ()))
    result = sender.send(_one_record(), 5.0)
    assert result.answer is answer
    assert code.name in result.detail


@pytest.mark.parametrize(
    ("trailers", "seconds"),
    [
        ((("google.rpc.retryinfo-bin", retry_info(2).SerializeToString()),), 2.0),
        ((("grpc-status-details-bin", in_status(retry_info(3))),), 3.0),
        ((("google.rpc.retryinfo-bin", b"\xff\xff\xff"),), None),
        ((), None),
    ],
)
def test_retry_info_is_found_in_both_places(
    trailers: tuple[tuple[str, bytes], ...],
    seconds: float | None,
    grpc_collector: GrpcCollector,
    sender: GrpcSender,
) -> None:
    """The delay a server asks for is read from either trailer; nonsense is no hint."""
    grpc_collector.replies.append((Code.UNAVAILABLE, "busy", trailers))
    assert sender.send(_one_record(), 5.0).retry_after_s == seconds


def test_one_bad_record_takes_no_other_with_it(
    grpc_collector: GrpcCollector, sender: GrpcSender, make_delivery: Callable[..., Delivery]
) -> None:
    """INVALID_ARGUMENT for a batch is narrowed down to the one record that deserves it."""
    grpc_collector.bad_span_id = 30
    delivery = make_delivery(sender=sender)
    for number in range(1, 51):
        delivery.put(event_log(span_id=number))
    assert delivery.force_flush(20)
    assert sorted(grpc_collector.accepted) == [n for n in range(1, 51) if n != 30]
    assert delivery.stats().dropped == {"rejected": 1}


def test_nobody_listening_loses_nothing() -> None:
    """Without a server the attempt says unavailable, and does not raise."""
    sender = GrpcSender(Transport(base_url="http://127.0.0.1:9"))
    result = sender.send(_one_record(), 2.0)
    sender.close()
    assert result.answer is Answer.UNAVAILABLE


def test_without_grpc_the_log_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
    make_delivery: Callable[..., Delivery],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A missing extra neither raises nor loses: the event logs wait, and the log says why."""
    monkeypatch.setitem(sys.modules, "grpc", None)
    delivery = make_delivery(sender=GrpcSender(Transport(base_url="http://127.0.0.1:9")))
    delivery.put(event_log())
    assert not delivery.force_flush(0.5)
    assert not delivery.stats().dropped
    assert caplog.text.count("pip install 'otel-eventlog[grpc]'") == 1


def _one_record() -> bytes:
    from otel_eventlog.delivery.encode import encode_all, pack

    (parcel,) = pack(encode_all([event_log()], on_failure=pytest.fail), "1.0")
    return parcel.body
