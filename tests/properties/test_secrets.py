"""Secrets planted wherever a span can hold one reach no wire, no file, no log and no answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from otel_eventlog.api import action, current_action, record
from otel_eventlog.delivery.delivery import Delivery
from otel_eventlog.installation import attach, detach
from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.processor import EventLogSpanProcessor
from otel_eventlog.settings import Settings, build_delivery
from otel_eventlog.snapshots import materialise
from otel_eventlog.wire import RESOURCE_ATTRIBUTES, TEXT_ATTRIBUTES, to_record
from tests.support import otlp_requests as otlp
from tests.support.builders import NOW, event_log, rule_set
from tests.support.fake_collector import FakeCollector, Reply
from tests.support.planted import (
    ANY,
    CREDENTIALS,
    IN_PATHS,
    IN_TEXT,
    LogKeeper,
    Planter,
)
from tests.support.service import RunningService, running_service
from tests.support.waiting import eventually

KEY = "5c1f0c3e9d7b4a2861f0e3d2c4b5a697"
SPANS = 12

RULES = """
[keep]
PasswordsAuthenticate = ["app.list"]
"*" = ["app.note"]
[[rule]]
name = "login"
action = "PasswordsAuthenticate"
kind = "any"
attributes = { "app.wanted" = true }
keep = ["app.kept", "app.empty"]
"""

NOTHING_IS_TAKEN = (
    *("url.path", "url.query", "url.full", "http.url", "http.target", "form", "db.statement"),
    *("password", "otp", "app.access_token", "session.id", "code", "app.unlisted", "baggage.sid"),
    *("http.request.header.authorization", "http.request.header.cookie", "messaging.body"),
    *("http.request.header.referer", "http.response.header.set-cookie", "http.request.body"),
    *("http.response.header.set_cookie", "http.response.header.location", "rpc.request.metadata"),
    *("http.response.header.content-type", "enduser.credential", "graphql.document"),
)
HASHED = ("eventlog.session_token_hash", "eventlog.session_jwt_hash")
IDENTIFIERS = (
    *("eventlog.user_id", "eventlog.organization_id", "eventlog.client_id", "eventlog.flow_id"),
    *("eventlog.correlation_id", "client.address", "http.request.method"),
)
OTHER_IDENTIFIERS = (
    *("user.id", "enduser.id", "http.client_ip", "net.sock.peer.addr", "http.method"),
    *("http.request.header.x-request-id", "http.request.header.x_correlation_id"),
)
WORDS = (
    *("eventlog.next_step", "eventlog.error_type", "eventlog.category", "eventlog.auth_method"),
    *("eventlog.auth_factor", "eventlog.message_status", "error.type", "user_agent.original"),
    *("http.user_agent", "eventlog.error_message", "app.kept", "app.note", "app.empty"),
)
RESOURCE = ("service.name", "service.namespace", "service.version", "deployment.environment")
OTHER_RESOURCE = ("process.command_args", "process.command_line", "host.name", "app.config")


def attributes_of(planter: Planter, number: int) -> dict[str, Any]:
    """Return the attributes of one span, a secret of its own in each; old and new names in turn."""
    attributes = planter.everywhere(ANY, (*NOTHING_IS_TAKEN, *HASHED))
    attributes |= planter.everywhere(CREDENTIALS, IDENTIFIERS)
    if number % 3 == 0:  # otherwise our own names hide what the others hold
        for name in IDENTIFIERS:
            del attributes[name]
        attributes |= planter.everywhere(CREDENTIALS, OTHER_IDENTIFIERS)
    if number % 3 == 1:
        attributes |= planter.everywhere({"e": IN_TEXT["e-mail address"]}, IDENTIFIERS[:5])
    attributes |= planter.everywhere(IN_TEXT, WORDS)
    if number % 2:
        del attributes["eventlog.error_message"], attributes["eventlog.error_type"]
    attributes["http.route"] = planter.plant(IN_PATHS, "http.route")
    attributes["app.list"] = tuple(planter.plant(IN_TEXT, "app.list") for _ in range(3))
    attributes["http.response.header.authorization"] = (planter.plant(ANY, "header array"),)
    attributes["http.response.status_code"] = (200, 302, 401, 500)[planter.number(4)]
    attributes["app.wanted"] = True
    if number % 4:
        attributes["eventlog.action"] = "PasswordsAuthenticate"
    else:
        attributes["eventlog.action"] = planter.plant(CREDENTIALS, "eventlog.action")
    return attributes


def resource_of(planter: Planter) -> dict[str, Any]:
    """Return resource attributes with secrets."""
    return planter.everywhere(CREDENTIALS, RESOURCE) | planter.everywhere(ANY, OTHER_RESOURCE)


# --- the application ------------------------------------------------------------------------------


def run_application(planter: Planter, provider: TracerProvider) -> None:
    """Do what a careless application does: span after span, and the explicit API."""
    tracer = provider.get_tracer("app", attributes={"scope": planter.plant(ANY, "scope")})
    linked = trace.Link(
        trace.SpanContext(1, 2, is_remote=True), {"link": planter.plant(ANY, "link")}
    )
    for number in range(SPANS):
        attributes = attributes_of(planter, number)
        at_start = {"app.wanted": True} if number % 2 else attributes
        with tracer.start_as_current_span(
            planter.plant(ANY, "span name"),
            kind=trace.SpanKind.SERVER,
            attributes=at_start,
            links=[linked],
        ) as span:
            span.set_attributes(attributes)
            span.add_event("log", {"event": planter.plant(ANY, "event")})
            if number % 3 == 0:
                say_more(planter)
            if number % 2:
                error = ValueError(planter.plant(IN_TEXT, "exception.message"))
                stack = {"exception.stacktrace": planter.plant(ANY, "exception.stacktrace")}
                span.record_exception(error, attributes=stack)
            span.set_status(trace.StatusCode.ERROR, planter.plant(IN_TEXT, "status message"))
    record(
        "EmailDelivery",
        user_id=planter.plant(CREDENTIALS, "record user_id"),
        message_status=planter.plant(IN_TEXT, "record message_status"),
        error_type=planter.plant(IN_TEXT, "record error_type"),
        error_message=planter.plant(IN_TEXT, "record error_message"),
        flow_id=planter.plant(CREDENTIALS, "record flow_id"),
        password=planter.plant(ANY, "record password"),
        session_token_hash=planter.plant(ANY, "record session_token_hash"),
        note=planter.plant(IN_TEXT, "record note"),
    )
    with suppress(ValueError), action("SessionsRevoke"):
        raise ValueError(planter.plant(IN_TEXT, "escaped exception"))


def say_more(planter: Planter) -> None:
    """Say secrets of the action in progress."""
    current = current_action()
    assert current.is_active
    for name in ("password", "sms_code", "smsCode", "refresh_token", "cookie", "csrf"):
        current.set(name, planter.plant(ANY, f"set({name})"))
    for name in ("note", "detail"):
        current.set(name, planter.plant(IN_TEXT, f"set({name})"))
    current.set(planter.plant(CREDENTIALS, "set() name"), "x")
    current.set_user(planter.plant(CREDENTIALS, "set_user"))
    current.set_client(planter.plant(CREDENTIALS, "set_client"))
    current.set_session(token=planter.plant(ANY, "session"), jwt=planter.plant(ANY, "jwt"))
    current.fail(planter.plant(IN_TEXT, "fail type"), planter.plant(IN_TEXT, "fail message"))


def check(planter: Planter, **seen: bytes) -> None:
    """Fail if a secret, or the key of the hashes, is in anything that was seen."""
    for where, content in seen.items():
        assert KEY.encode() not in content, where
        assert not planter.found_in(content), (where, planter.found_in(content)[:5])


def files_below(folder: Path) -> bytes:
    """Return the bytes of all files below a directory, and their names."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return b"\n".join([*(str(path).encode() for path in found), *map(Path.read_bytes, found)])


def received_by(collector: FakeCollector) -> bytes:
    """Return everything a collector was sent."""
    return b"\n".join(
        one.request.SerializeToString() + repr((one.path, one.headers)).encode()
        for one in collector.received
    )


def traced(planter: Planter, delivery: Delivery, mapper: Mapper) -> None:
    """Run the application with our processor on a provider of its own."""
    provider = TracerProvider(resource=Resource(resource_of(planter)), shutdown_on_exit=False)
    processor = EventLogSpanProcessor(mapper, delivery)
    processor.tracer_provider = provider
    sampler = provider.sampler
    attach(provider, processor)
    try:
        run_application(planter, provider)
    finally:
        detach(provider, processor, sampler)


FEW = settings(
    max_examples=4,
    phases=[Phase.explicit, Phase.generate],  # a secret is as bad in a large example
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@FEW
@given(st.integers(0, 2**64), st.booleans())
def test_no_secret_leaves_an_application(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    has_spool: bool,  # noqa: FBT001 - drawn
) -> None:
    """Neither the wire nor the spool nor a log line holds one; the event logs are there."""
    planter = Planter(seed)
    collector = FakeCollector()
    spool_dir = tmp_path_factory.mktemp("spool")
    privacy = Privacy(KEY.encode(), hash_client_address=True, hash_identifiers=True)
    mapper = Mapper(rule_set(RULES), privacy, Rank.APP)
    wanted = 2 * (SPANS + 1) + 1
    collector.judge = lambda _records, _bytes: Reply(status=503, headers={"retry-after": "1"})
    with LogKeeper() as log:
        configured = Settings(endpoint=collector.url, spool_dir=spool_dir if has_spool else None)
        delivery = build_delivery(configured, partial(materialise, mapper))
        try:
            traced(planter, delivery, mapper)
            assert eventually(lambda: bool(collector.received), within_s=60)
            on_disk = files_below(spool_dir)
            collector.judge = lambda _records, _bytes: None
            assert eventually(lambda: len(set(collector.accepted)) >= SPANS, within_s=60)
            assert delivery.force_flush(60)
        finally:
            delivery.shutdown()
            collector.stop()
    assert len(collector.accepted) == wanted
    assert has_spool == (b"PasswordsAuthenticate" in on_disk)
    check(planter, wire=received_by(collector), spool=on_disk, log="\n".join(log.lines).encode())


# --- the collector --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """Run a real collector with hashing switched on."""
    folder = tmp_path_factory.mktemp("collector")
    (folder / "key").write_text(KEY)
    (folder / "rules.toml").write_text(RULES)
    with running_service(
        folder / "data",
        rules=(folder / "rules.toml",),
        hash_key_file=folder / "key",
        hash_client_address=True,
        hash_identifiers=True,
    ) as service:
        yield service


def foreign_spans(planter: Planter) -> ExportTraceServiceRequest:
    """Return spans of some other language, with secrets in every field."""
    request = otlp.traces(
        [
            Span(
                trace_id=planter.number(2**127).to_bytes(16),
                span_id=planter.span_id().to_bytes(8),
                name=planter.plant(ANY, "name"),
                kind=trace.SpanKind.SERVER.value + 1,
                trace_state=f"x={planter.plant(ANY, 'trace state')}",
                start_time_unix_nano=NOW + number,
                end_time_unix_nano=NOW + 5_000_000,
                attributes=otlp.key_values(
                    {
                        **attributes_of(planter, number),
                        "app.nested": {"password": planter.plant(ANY, "nested")},
                        "app.empty": {"note": [planter.plant(ANY, "deep")]},
                    }
                ),
                events=[
                    Span.Event(
                        name="exception",
                        attributes=otlp.key_values(
                            {
                                "exception.type": planter.plant(IN_TEXT, "exception.type"),
                                "exception.message": planter.plant(IN_TEXT, "exception.message"),
                                "exception.stacktrace": planter.plant(ANY, "stacktrace"),
                            }
                        ),
                    ),
                    Span.Event(name=planter.plant(ANY, "event name")),
                ],
                links=[Span.Link(attributes=otlp.key_values({"l": planter.plant(ANY, "link")}))],
                status={"code": 2, "message": planter.plant(IN_TEXT, "status message")},  # type: ignore[arg-type]
            )
            for number in range(SPANS)
        ]
    )
    request.resource_spans[0].resource.attributes.extend(otlp.key_values(resource_of(planter)))
    request.resource_spans[0].scope_spans[0].scope.version = planter.plant(ANY, "scope version")
    return request


WIRE_KINDS = {
    "user_agent": IN_TEXT,
    "http_route": IN_PATHS,
    "error_message": IN_TEXT,
    "session_token_hash": ANY,
    "session_jwt_hash": ANY,
    **dict.fromkeys(("error_type", "next_step", "category", "auth_method"), IN_TEXT),
    **dict.fromkeys(("auth_factor", "message_status"), IN_TEXT),
}
"""Field → what is planted in it; credentials in all others."""


def foreign_event_logs(planter: Planter) -> ExportLogsServiceRequest:
    """Return event logs that some other program wrote, with secrets in every field."""
    records = []
    for number in range(SPANS):
        event = event_log(span_id=planter.span_id())
        event.attributes = {
            "note": planter.plant(IN_TEXT, "attributes"),
            "password": planter.plant(ANY, "attributes password"),
            "list": [planter.plant(IN_TEXT, "attributes list")],
            "tab": {"secret": planter.plant(ANY, "attributes nested")},  # type: ignore[dict-item]
            planter.plant(CREDENTIALS, "attributes name"): "x",
        }
        for name in TEXT_ATTRIBUTES:
            kinds = WIRE_KINDS.get(name, CREDENTIALS)
            if name == "user_id" and number % 2:
                kinds = {"e": IN_TEXT["e-mail address"]}
            if name != "action" or number % 2:
                setattr(event, name, planter.plant(kinds, f"wire {name}"))
        made = to_record(event)
        made.body = planter.plant(ANY, "body")
        made.severity_text = planter.plant(ANY, "severity text")
        made.attributes |= planter.everywhere(ANY, NOTHING_IS_TAKEN)
        records.append(otlp.log_record(made))
    wrong = to_record(event_log())
    wrong.attributes["eventlog.request_id"] = planter.plant(IN_TEXT, "request id")
    unstarted = to_record(event_log())
    unstarted.attributes["eventlog.start_time_unix_nano"] = planter.plant(IN_TEXT, "start time")
    request = otlp.logs([*records, *map(otlp.log_record, (wrong, unstarted))])
    request.resource_logs[0].resource.attributes.extend(
        otlp.key_values(planter.everywhere(CREDENTIALS, sum(RESOURCE_ATTRIBUTES.values(), ())))
    )
    return request


def send(collector: RunningService, path: str, request: Any, *, as_json: bool) -> bytes:
    """Send a request, which must be accepted at least in part, and return the answer."""
    body = otlp.as_json(request) if as_json else request.SerializeToString()
    content_type = "application/json" if as_json else "application/x-protobuf"
    url = collector.service.listeners["otlp-http"] + path
    headers = {"content-type": content_type}
    with httpx.Client(trust_env=False, timeout=60) as client:
        answer = client.post(url, content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.content


def answers_of(collector: RunningService) -> bytes:
    """Return what the API shows."""
    paths = ("histogram", "facets", "actions", "status", "requests", "export?format=csv")
    urls = [*(f"/api/v1/{path}" for path in paths), "/metrics", "/api/v1/export?format=jsonl"]
    return b"\n".join(collector.http.get(url).content for url in urls)


@FEW
@given(st.integers(0, 2**64), st.booleans())
def test_no_secret_gets_into_a_collector(
    collector: RunningService,
    seed: int,
    as_json: bool,  # noqa: FBT001 - drawn
) -> None:
    """Neither its files nor its log nor its answers hold one, whoever sent spans and event logs."""
    planter = Planter(seed)
    with LogKeeper() as log:
        traces = send(collector, "/v1/traces", foreign_spans(planter), as_json=as_json)
        logs = send(collector, "/v1/logs", foreign_event_logs(planter), as_json=as_json)
        shown = answers_of(collector)
    assert len(planter.span_ids) == 2 * SPANS
    assert all(f"{span_id:016x}".encode() in shown for span_id in planter.span_ids)
    check(
        planter,
        answers=traces + logs,
        files=files_below(collector.service._settings.data),
        log="\n".join(log.lines).encode(),
        api=shown,
    )
