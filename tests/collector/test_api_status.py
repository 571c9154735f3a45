"""What the collector says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from otel_eventlog_collector.tokens import Scope, new_token, write_tokens
from tests.support.builders import NOW, event_log
from tests.support.clock import DAY
from tests.support.otlp_requests import span, traces
from tests.support.service import RunningService, running_service


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningService]:
    """A collector that passes traces on to nobody."""
    url = "http://somebody:secret@127.0.0.1:9/v1/traces?key=secret"
    with running_service(tmp_path / "data", forward_traces_to=url, max_size="1GB") as running:
        yield running


def send(running: RunningService, *spans: object) -> None:
    """Send spans over OTLP."""
    body = traces(spans).SerializeToString()  # type: ignore[arg-type]
    url = running.service.listeners["otlp-http"] + "/v1/traces"
    headers = {"Content-Type": "application/x-protobuf"}
    assert httpx.post(url, content=body, headers=headers, trust_env=False).status_code == 200


def test_days_add_up_to_the_store(running: RunningService) -> None:
    """Each day has its event logs and its bytes, the oldest first."""
    times = [NOW, NOW - DAY, NOW - DAY]
    running.write(
        [event_log(span_id=n, start_unix_nano=at) for n, at in enumerate(times, 1)],
    )
    store = running.get("status")["store"]
    assert [day["events"] for day in store["days"]] == [2, 1]
    assert store["days"] == sorted(store["days"], key=lambda day: day["day"])
    assert store["events"] == 3
    assert 0 < sum(day["bytes_on_disk"] for day in store["days"]) <= store["bytes_on_disk"]


def test_what_came_and_what_was_not_kept(running: RunningService) -> None:
    """Stored, repeated and unwanted records are told apart, with the reason."""
    wanted, unwanted = span(1), span(2, attributes=[])
    send(running, wanted, unwanted)
    send(running, wanted)
    found = running.get("status")
    assert found["received"] == [{"signal": "traces", "count": 3}]
    assert [each["count"] for each in found["dropped"]] == [1]
    assert found["dropped"][0]["reason"]
    assert (found["events"]["stored"], found["events"]["duplicate"]) == (2, 2)
    assert sum(found["ingest"]["per_minute"]) == 2


def test_destinations_show_no_credentials(running: RunningService) -> None:
    """A destination says where it is and how it goes; what opens it stays out."""
    (destination,) = running.get("status")["destinations"]
    assert destination["url"] == "http://127.0.0.1:9/v1/traces"
    assert destination["signal"] == "traces"
    assert destination["waiting_bytes"] == 0


def test_limits_and_the_last_purge(running: RunningService) -> None:
    """The size cap, the retention and the last purge are told."""
    found = running.get("status")
    assert found["size_bytes_max"] == 10**9
    assert found["store"]["retention_ns"] == 30 * DAY
    assert found["last_purge"]["refused"] is None
    assert found["tokens_required"] is False


def test_that_tokens_are_needed_is_told(tmp_path: Path) -> None:
    """Who reads the status knows whether others need a token."""
    text, entry = new_token(b"r" * 32, "", [Scope.READ], "")
    write_tokens(tmp_path / "tokens.json", [entry])
    with running_service(tmp_path / "data", token_file=tmp_path / "tokens.json") as running:
        headers = {"Authorization": f"Bearer {text}"}
        found = running.http.get("/api/v1/status", headers=headers).json()
    assert found["tokens_required"] is True
