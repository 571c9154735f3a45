"""Zero code: ordinary applications, `opentelemetry-instrument` and one environment variable."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from otel_eventlog.model import EventLog, Status
from tests.support.collector import query, serving
from tests.support.otlp_sink import OtlpSink
from tests.support.processes import BIN, free_port, plain_environment, running

APPS = Path(__file__).parent / "apps"
UNSAMPLED = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}
ALL_OFF = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}
PARENT_OFF = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@contextmanager
def instrumented(app: str, traces: OtlpSink, **environment: str) -> Iterator[httpx.Client]:
    """Run an application of `apps/` under `opentelemetry-instrument`; yield a client for it."""
    port = free_port()
    everything = plain_environment(
        PORT=str(port),
        OTEL_SERVICE_NAME="shop",
        OTEL_EXPORTER_OTLP_ENDPOINT=traces.url,
        OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        **environment,
    )
    command = [BIN / "opentelemetry-instrument", sys.executable, APPS / f"{app}.py"]
    with (
        running(command, port, everything),
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client


def visit(client: httpx.Client) -> None:
    """Log in rightly, wrongly, and as somebody who wants to stay unseen; read the news."""
    right, wrong = ({"user": "ada", "password": text} for text in ("correct horse", "hunter2"))
    assert client.post("/login", json=right, headers={"X-Request-Id": "abc-1"}).is_success
    assert client.post("/login", json=wrong).status_code == 401
    assert client.post("/login", json=wrong, headers=UNSAMPLED).status_code == 401
    assert client.get("/news").is_success


def spans_without_us(app: str, **environment: str) -> Counter[str]:
    """Return what the trace exporter sends for the same visit when we are not switched on."""
    with OtlpSink() as traces:
        with instrumented(app, traces, **environment) as client:
            visit(client)
        return Counter(span.name for span in traces.spans)


def pairs(events: list[EventLog]) -> list[list[EventLog]]:
    """Return the event logs by request, in order of the requests' starts."""
    by_request: dict[str, list[EventLog]] = {}
    for event in sorted(events, key=lambda event: event.time_unix_nano):
        by_request.setdefault(event.request_id, []).append(event)
    return list(by_request.values())


@pytest.mark.parametrize(
    ("app", "sampling"),
    [
        ("plain_flask", {}),
        ("plain_fastapi", {}),
        ("plain_flask", PARENT_OFF),
        ("plain_fastapi", ALL_OFF),
    ],
    ids=["flask", "fastapi", "flask-unsampled", "fastapi-unsampled"],
)
def test_every_login_leaves_both_event_logs_and_jaeger_gets_no_span_more(
    app: str, sampling: dict[str, str]
) -> None:
    """Each login is a start and an outcome, whatever is sampled; exported spans stay the same."""
    with OtlpSink() as traces, OtlpSink() as collector:
        with instrumented(app, traces, OTEL_EVENTLOG_ENDPOINT=collector.url, **sampling) as client:
            visit(client)
            live = collector.wait_for_events(6)
        assert collector.events == live, "something came after the application's end"
        exported = Counter(span.name for span in traces.spans)
    requests = pairs(live)
    assert [[event.status for event in request] for request in requests] == [
        [Status.START, Status.SUCCESS],
        [Status.START, Status.ERROR],
        [Status.START, Status.ERROR],
    ]
    assert {event.action for event in live} == {"PasswordsAuthenticate"}
    assert {event.service for event in live} == {"shop"}
    assert [request[0].correlation_id for request in requests] == ["abc-1", None, None]
    assert not any("hunter2" in repr(event) for event in live)
    assert exported == spans_without_us(app, **sampling)
    assert bool(exported) is not bool(sampling)


def test_the_collector_stores_every_login_of_both_applications(tmp_path: Path) -> None:
    """With the real collector, each login is one start and one outcome, found by its request id."""
    with OtlpSink() as traces, serving(tmp_path / "data") as collector:
        for app in ("plain_flask", "plain_fastapi"):
            environment = PARENT_OFF | {"OTEL_EVENTLOG_ENDPOINT": collector.otlp_http}
            with instrumented(app, traces, **environment) as client:
                visit(client)
        rows = query("--url", collector.http)
    statuses: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: str(row["event_id"])):
        statuses.setdefault(row["request_id"], []).append(row["status"])
    assert sorted(statuses.values()) == [["start", "error"]] * 4 + [["start", "success"]] * 2
    assert {row["action"] for row in rows} == {"PasswordsAuthenticate"}
    assert {row["trace_sampled"] for row in rows} == {False}
    assert traces.spans == []


def test_the_exporter_is_a_fallback_where_only_exporters_can_be_named() -> None:
    """`OTEL_TRACES_EXPORTER=otlp,eventlog` alone yields both event logs of every sampled login."""
    with OtlpSink() as traces, OtlpSink() as collector:
        environment = {
            "OTEL_TRACES_EXPORTER": "otlp,eventlog",
            "OTEL_EVENTLOG_ENDPOINT": collector.url,
            # The hook would do the same job live; here it is to be the exporter's.
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "eventlog",
        }
        with instrumented("plain_flask", traces, **environment) as client:
            visit(client)
        requests = pairs(collector.wait_for_events(4))
        assert [[event.status for event in request] for request in requests] == [
            [Status.START, Status.SUCCESS],
            [Status.START, Status.ERROR],
        ]
        assert len(traces.spans) == 3


def test_without_our_variables_nothing_is_sent_and_nothing_changes() -> None:
    """Installed and not switched on, the package leaves responses and spans as they are."""
    with OtlpSink() as traces:
        with instrumented("plain_flask", traces) as client:
            answer = client.post("/login", json={"user": "ada", "password": "correct horse"})
        assert not [name for name in answer.headers if "eventlog" in name.lower()]
        (span,) = traces.spans
        assert not [pair.key for pair in span.attributes if pair.key.startswith("eventlog.")]
        assert traces.events == []
