"""Traces in a real Jaeger, event logs in our collector, and the link from these to those."""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.interop.jaeger import Jaeger, JaegerSpan, pages_directory, running_jaeger
from tests.interop.jaeger_build import GoMissingError, find_or_build
from tests.interop.polling import eventually
from tests.interop.shop import (
    PASSWORD,
    event_logs_to,
    log_in,
    register,
    running_shop,
    traces_to,
)
from tests.support.collector import Collector, query, run, serving

pytestmark = [pytest.mark.interop, pytest.mark.slow]

UNSAMPLED_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OURS = ("eventlog.action", "eventlog.request_id")
PORTS = ("http.host", "net.host.name", "net.host.port", "net.peer.port")
"""Tags with a port in them: they differ from process to process, or from request to request."""


@pytest.fixture(scope="session")
def jaeger(request: pytest.FixtureRequest) -> Iterator[Jaeger]:
    """A running Jaeger with its traces in memory."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    faulthandler.cancel_dump_traceback_later()  # a first build takes longer than any test
    try:
        with capture.global_and_fixture_disabled():
            program = find_or_build()
    except GoMissingError as missing:
        pytest.skip(str(missing))
    with running_jaeger(program, pages=pages_directory()) as jaeger:
        yield jaeger


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory, jaeger: Jaeger) -> Iterator[Collector]:
    """A running collector whose links lead to that Jaeger, and which passes on traces to it."""
    data = tmp_path_factory.mktemp("collector") / "data"
    options = ("--trace-url", jaeger.trace_url, "--forward-traces-to", jaeger.otlp_http)
    with serving(data, *options) as collector:
        yield collector


@pytest.fixture(scope="module", params=["http/protobuf", "grpc"])
def shop(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    jaeger: Jaeger,
    collector: Collector,
) -> Iterator[httpx.Client]:
    """The demo's shop with an account; traces go to Jaeger, event logs to the collector."""
    service = "shop-" + request.param.partition("/")[0]
    endpoint = jaeger.otlp_grpc if request.param == "grpc" else jaeger.otlp_http
    settings = traces_to(endpoint, request.param) | event_logs_to(collector.otlp_http)
    with running_shop(tmp_path_factory.mktemp("shop"), service, **settings) as browser:
        register(browser)
        yield browser


def finished_request(collector: Collector, **known: str) -> dict[str, Any]:
    """The one request with these fields, as soon as both of its event logs are there."""
    with httpx.Client(base_url=collector.http + "/api/v1") as api:

        def line() -> list[dict[str, Any]]:
            found = api.get("/requests", params={**known, "state": "finished"})
            return list(found.raise_for_status().json()["requests"])

        (found,) = eventually(line, what=f"both event logs of {known}")
        detail = api.get(f"/requests/{found['request_id']}").raise_for_status().json()["request"]
    assert isinstance(detail, dict)
    return detail


def request_of(response: httpx.Response, collector: Collector) -> dict[str, Any]:
    """The request that an answer of the shop names in its header."""
    return finished_request(collector, request_id=response.headers["X-EventLog-Request-Id"])


@pytest.mark.parametrize(
    ("password", "status"), [(PASSWORD, "success"), ("wrong", "error")], ids=["right", "wrong"]
)
def test_the_link_of_an_event_log_opens_its_trace(
    shop: httpx.Client, collector: Collector, jaeger: Jaeger, password: str, status: str
) -> None:
    """Behind the link lies the very trace, and in it the span that both event logs name."""
    found = request_of(log_in(shop, password), collector)

    start, outcome = found["start"], found["outcome"]
    assert (outcome["action"], outcome["status"]) == ("PasswordsAuthenticate", status)
    page = httpx.get(found["trace_url"])
    assert page.is_success
    assert page.headers["content-type"].startswith("text/html")
    linked = found["trace_url"].removeprefix(jaeger.pages + "/trace/")
    assert linked == start["trace_id"] == outcome["trace_id"]
    spans = eventually(lambda: jaeger.spans(linked), what="the trace to arrive in Jaeger")
    span = spans[outcome["span_id"]]
    assert start["span_id"] == outcome["span_id"]
    assert (span.service, span.name) == (outcome["service"], "POST /login")
    assert span.tags["eventlog.action"] == outcome["action"]
    assert span.tags["eventlog.request_id"] == start["request_id"] == outcome["request_id"]


def test_jaeger_finds_the_trace_by_request_id(
    shop: httpx.Client, collector: Collector, jaeger: Jaeger
) -> None:
    """Searched for the tag eventlog.request_id, Jaeger returns that trace and no other."""
    log_in(shop, PASSWORD)
    outcome = request_of(log_in(shop, PASSWORD), collector)["outcome"]

    traces = eventually(
        lambda: jaeger.search(outcome["service"], {"eventlog.request_id": outcome["request_id"]}),
        what="Jaeger to find the trace",
    )

    assert traces == [outcome["trace_id"]]


def test_an_unsampled_caller_yields_event_logs_without_link(
    shop: httpx.Client, collector: Collector, jaeger: Jaeger
) -> None:
    """Asked not to sample, the shop sends Jaeger nothing; its event logs are there, unlinked."""
    context = f"00-{UNSAMPLED_TRACE}-00f067aa0ba902b7-00"
    hidden = request_of(log_in(shop, "wrong", traceparent=context), collector)
    shown = request_of(log_in(shop, "wrong"), collector)

    assert (hidden["trace_id"], hidden["trace_sampled"]) == (UNSAMPLED_TRACE, False)
    assert hidden["trace_url"] is None
    eventually(lambda: jaeger.spans(shown["trace_id"]), what="the later trace in Jaeger")
    assert jaeger.spans(UNSAMPLED_TRACE) == {}


def test_at_ratio_zero_jaeger_receives_nothing(
    tmp_path: Path, collector: Collector, jaeger: Jaeger
) -> None:
    """With a sampling ratio of 0 both event logs of a login appear, and not one span in Jaeger."""
    settings = traces_to(jaeger.otlp_http) | event_logs_to(collector.otlp_http)
    settings |= {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}

    with running_shop(tmp_path, "shop-unsampled", **settings) as browser:
        found = request_of(log_in(browser, "wrong"), collector)

    assert (found["outcome"]["status"], found["trace_url"]) == ("error", None)
    assert jaeger.spans(found["trace_id"]) == {}
    assert "shop-unsampled" not in jaeger.services()


def test_jaeger_receives_the_same_spans_as_without_us(
    tmp_path: Path, collector: Collector, jaeger: Jaeger
) -> None:
    """Event logs add two attributes to the spans of auth calls, and change nothing else."""
    ours = event_logs_to(collector.otlp_http)
    traces = traces_to(jaeger.otlp_http)
    for service, settings in (("shop-with", traces | ours), ("shop-without", traces)):
        with running_shop(tmp_path, service, **settings) as browser:
            register(browser)
            log_in(browser, PASSWORD)
            log_in(browser, "wrong")
            browser.get("/session")
            browser.get("/offers")
            browser.post("/sso/authenticate", data={"company": "unknown", "email": "a@b.example"})

    with_us, without_us = (spans_of(jaeger, "shop-with"), spans_of(jaeger, "shop-without"))

    assert [span.name for span in with_us] == [span.name for span in without_us]
    assert [comparable(span) for span in with_us] == [comparable(span) for span in without_us]
    assert [span.name for span in with_us if set(OURS) & set(span.tags)] == [
        *("POST /register", "POST /login", "POST /login"),
        *("GET /session", "POST /sso/authenticate"),
    ]


def spans_of(jaeger: Jaeger, service: str) -> list[JaegerSpan]:
    """All spans of a service that has ended, in the order of their start."""
    traces = eventually(lambda: jaeger.search(service, {}), what=f"traces of {service}")
    spans = [span for trace in traces for span in jaeger.spans(trace).values()]
    return sorted(spans, key=lambda span: span.start_us)


def comparable(span: JaegerSpan) -> dict[str, Any]:
    """A span's tags without ours and without ports."""
    return {key: value for key, value in span.tags.items() if key not in (*OURS, *PORTS)}


def test_the_collector_passes_traces_on(
    tmp_path: Path, collector: Collector, jaeger: Jaeger
) -> None:
    """An app that sends its traces to us alone is in Jaeger all the same, linked to as ever."""
    with running_shop(tmp_path, "shop-passed-on", **traces_to(collector.otlp_http)) as browser:
        log_in(browser, "wrong")
        browser.get("/offers")

    found = finished_request(collector, service="shop-passed-on")

    assert found["outcome"]["action"] == "PasswordsAuthenticate"
    linked = found["trace_url"].removeprefix(jaeger.pages + "/trace/")
    spans = eventually(lambda: jaeger.spans(linked), what="the trace to arrive in Jaeger")
    assert spans[found["outcome"]["span_id"]].name == "POST /login"
    assert "GET /offers" in {span.name for span in spans_of(jaeger, "shop-passed-on")}


def test_every_event_log_of_the_demo_leads_to_its_span(tmp_path: Path, jaeger: Jaeger) -> None:
    """After `otel-eventlog demo --jaeger`, each sampled outcome's span is there, with its ids."""
    data = tmp_path / "data"
    listeners: list[str | Path] = [
        p for o in ("--otlp-http", "--otlp-grpc", "--http") for p in (o, "127.0.0.1:0")
    ]
    options: list[str | Path] = ["--duration", "8", "--data", data, "--jaeger", jaeger.otlp_http]
    done = run("demo", *options, *listeners)
    assert done.returncode == 0, done.stdout + done.stderr

    outcomes = query("--data", data, "--limit", "1000", "--status", "success", "--status", "error")

    sampled = [outcome for outcome in outcomes if outcome["trace_sampled"]]
    assert len(sampled) > 20
    for outcome in sampled:
        span = jaeger.spans(outcome["trace_id"])[outcome["span_id"]]
        assert span.tags["eventlog.action"] == outcome["action"]
        assert span.tags["eventlog.request_id"] == outcome["request_id"]
    for outcome in outcomes:
        assert outcome["trace_sampled"] or not jaeger.spans(outcome["trace_id"])
