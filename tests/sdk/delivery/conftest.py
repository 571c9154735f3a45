"""Fixtures: a fake collector, and deliveries that are shut down afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_eventlog.delivery import retry
from otel_eventlog.delivery.delivery import Delivery
from otel_eventlog.delivery.http_sender import HttpSender
from otel_eventlog.delivery.sender import Transport
from otel_eventlog.exporter import keep
from tests.support.fake_collector import FakeCollector


@pytest.fixture
def collector() -> Iterator[FakeCollector]:
    """Return a collector that listens."""
    collector = FakeCollector()
    yield collector
    collector.stop()


@pytest.fixture
def make_delivery(collector: FakeCollector) -> Iterator[Callable[..., Delivery]]:
    """Return what builds deliveries to the collector; options are those of `Delivery`."""
    made: list[Delivery] = []

    def make(transport: Transport | None = None, **options: Any) -> Delivery:
        sender = options.pop("sender", None)
        if sender is None:
            sender = HttpSender(transport or Transport(base_url=collector.url))
        materialise = options.pop("materialise", keep)
        delivery = Delivery(materialise, sender, **options)
        made.append(delivery)
        return delivery

    yield make
    collector.stop()
    for delivery in made:
        delivery.shutdown(timeout_s=5.0)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the pauses between attempts short."""
    monkeypatch.setattr(retry, "DELAY_S_MAX", 0.05)
    monkeypatch.setattr(retry, "REFUSED_DELAY_S_MAX", 0.05)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a spool directory that does not exist yet."""
    return tmp_path / "spool"
