"""The live tail over server-sent events: no gap, no repetition, bounded."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from otel_eventlog.model import EventLog
from otel_eventlog_collector import tail
from otel_eventlog_collector.api import stream
from tests.support.builders import event_log
from tests.support.crowd import some_requests
from tests.support.service import RunningService, running_service
from tests.support.waiting import eventually

PATH = "/api/v1/events/stream"


@dataclass
class Watcher:
    """A client that reads a stream in a thread.

    Attributes:
        ids: ids of the event logs received, in their order.
        positions: the position told with each.
        other: names of the other messages, and comments.

    """

    ids: list[str] = field(default_factory=list)
    positions: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    status: int = 0
    ended: bool = False

    def follow(self, response: httpx.Response) -> None:
        """Read messages until the stream ends."""
        self.status = response.status_code
        name, position = "", ""
        try:
            for line in response.iter_lines():
                key, _, value = line.partition(": ")
                if key == "event":
                    name = value
                elif key == "id":
                    position = value
                elif key == "":
                    self.other += [line.strip(": ")] if line else []
                elif key == "data" and name:
                    self.other.append(name)
                elif key == "data":
                    self.ids.append(json.loads(value)["event_id"])
                    self.positions.append(position)
                if not line:
                    name = ""
        except (httpx.StreamError, httpx.TransportError):
            pass
        finally:
            self.ended = True


@contextmanager
def watching(running: RunningService, position: str = "", **parameters: str) -> Iterator[Watcher]:
    """Follow the stream in a thread; enter when the server is watching, leave when it hung up."""
    watcher = Watcher()
    headers = {"Last-Event-ID": position} if position else {}
    with httpx.Client(base_url=running.url, timeout=20, trust_env=False) as http:
        request = http.build_request("GET", PATH, params=parameters, headers=headers)
        response = http.send(request, stream=True)
        thread = threading.Thread(target=watcher.follow, args=(response,))
        thread.start()
        try:
            assert eventually(lambda: "ready" in watcher.other or watcher.ended)
            yield watcher
        finally:
            # Closing the socket under the reading thread ends its waiting.
            stream_of = response.extensions["network_stream"]
            with suppress(OSError):  # the server may have hung up already
                stream_of.get_extra_info("socket").shutdown(2)
            thread.join(10)
            response.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningService]:
    """An empty collector."""
    with running_service(tmp_path / "data") as running:
        yield running


def ids(events: list[EventLog]) -> list[str]:
    """Return the ids of event logs."""
    return [event.event_id for event in events]


def test_what_is_committed_arrives_once_and_in_order(running: RunningService) -> None:
    """A watcher sees each event log committed while it watches, in the order of commits."""
    events = some_requests(60)
    running.write(events[:20])
    with watching(running) as watcher:
        for start in range(20, len(events), 10):
            running.write(events[start : start + 10])
        assert eventually(lambda: len(watcher.ids) >= len(events) - 20)
        assert watcher.ids == ids(events[20:])


def test_filters_hold_for_the_stream(running: RunningService) -> None:
    """A watcher with filters sees what passes them, and nothing else."""
    events = some_requests(60)
    with watching(running, q="-status:start", service="shop") as watcher:
        running.write(events)
        expected = [e for e in events if e.status != "start" and e.service == "shop"]
        assert eventually(lambda: len(watcher.ids) >= len(expected))
        assert watcher.ids == ids(expected)


def test_a_watcher_goes_on_where_it_stopped_across_a_restart(tmp_path: Path) -> None:
    """With Last-Event-ID a client misses and repeats nothing, also when the collector restarted."""
    events = some_requests(60)
    with running_service(tmp_path / "data") as running, watching(running) as first:
        running.write(events[:40])
        assert eventually(lambda: len(first.ids) >= 40)
        stopped_after = 25
        running.write(events[40:80])
    with running_service(tmp_path / "data") as running:
        position = first.positions[stopped_after - 1]
        with watching(running, position) as second:
            running.write(events[80:])
            assert eventually(lambda: len(second.ids) >= len(events) - stopped_after)
        assert first.ids[:stopped_after] + second.ids == ids(events)


def test_the_position_can_be_a_parameter(running: RunningService) -> None:
    """Clients that cannot set headers give the position in the address."""
    running.write(some_requests(5))
    with watching(running) as watcher:
        event = event_log(span_id=9)
        running.write([event])
        assert eventually(lambda: bool(watcher.ids))
        position = watcher.positions[-1]
        later = event_log(span_id=10)
        running.write([later])
    with watching(running, last_event_id=position) as again:
        assert eventually(lambda: bool(again.ids))
        assert again.ids == [later.event_id]


def test_a_position_that_is_none_is_told(running: RunningService) -> None:
    """Nonsense as position is a 400 in the one shape, not an endless stream."""
    answer = running.http.get(PATH, headers={"Last-Event-ID": "nonsense"})
    assert answer.status_code == 400
    assert answer.json()["ok"] is False


def test_a_quiet_stream_shows_that_it_lives(
    running: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without news there are heartbeats, so that a dead connection can be told from a quiet one."""
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.0)
    with watching(running) as watcher:
        assert eventually(lambda: "heartbeat" in watcher.other)
        assert watcher.ids == []


def test_the_number_of_watchers_is_bounded(
    running: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One watcher too many is told to come back; when one leaves there is room again."""
    monkeypatch.setattr(tail, "WATCHERS_MAX", 2)

    def watchers() -> int:
        return int(running.get("status")["watchers"])

    with watching(running):
        with watching(running):
            assert eventually(lambda: watchers() == 2)
            answer = running.http.get(PATH)
            assert answer.status_code == 429
            assert int(answer.headers["retry-after"]) <= 2
        running.write([event_log()])
        assert eventually(lambda: watchers() == 1)


def test_watchers_do_not_hold_up_the_end(tmp_path: Path) -> None:
    """A collector that stops ends its streams instead of waiting for them."""
    with running_service(tmp_path / "data") as running, watching(running) as watcher:
        running.service._tail.close()
        assert eventually(lambda: watcher.ended)
