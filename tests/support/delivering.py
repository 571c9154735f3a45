"""Event logs to deliver, and who delivers them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from otel_eventlog.delivery.delivery import Delivery
from otel_eventlog.model import EventLog
from tests.support.builders import event_log

MakeDelivery = Callable[..., Delivery]
"""Type of the fixture `make_delivery`."""


def some(count: int, first: int = 1) -> list[EventLog]:
    """Return event logs whose span ids count up."""
    return [event_log(span_id=number) for number in range(first, first + count)]


def put_all(delivery: Delivery, events: Iterable[EventLog]) -> None:
    """Put every event log."""
    for event in events:
        delivery.put(event)
