"""One span to ask the rules about, from its short form or from JSON. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from otel_eventlog import semconv
from otel_eventlog.model import AttributeValue, SpanData, SpanEvent, SpanKind, SpanStatus
from otel_eventlog_collector.errors import PermanentError
from otel_eventlog_collector.otlp.decode_json import decode_traces_json
from otel_eventlog_collector.rule_tools.foreign_spans import span_of_console, spans_of_jaeger

_BLANKS = re.compile(r"[\s,]*")
SPANS_MAX = 10_000
"""Most spans looked at in one file."""

SPAN_KINDS = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "internal": SpanKind.INTERNAL,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
SPAN_STATUSES = {"unset": SpanStatus.UNSET, "ok": SpanStatus.OK, "error": SpanStatus.ERROR}
_A_TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
_A_SPAN_ID = "b7ad6b7169203331"
_A_TIME_UNIX_NANO = 1_767_225_600_000_000_000
_A_DURATION_NS = 20_000_000


def short_span(  # noqa: PLR0913 - one argument for each thing that a person may say of a span
    *,
    kind: str = "server",
    method: str | None = None,
    route: str | None = None,
    path: str | None = None,
    host: str | None = None,
    query: str | None = None,
    scope: str = "",
    status: int | None = None,
    location: str | None = None,
    content_type: str | None = None,
    exception: str | None = None,
    rpc_system: str | None = None,
    rpc_service: str | None = None,
    rpc_method: str | None = None,
    rpc_status: int | str | None = None,
    span_status: str = "unset",
    attributes: Mapping[str, AttributeValue] | None = None,
) -> SpanData:
    """Return a finished span as an instrumentation makes it, in today's attribute names.

    Response headers stand on it as OpenTelemetry captures them. `attributes` are added at the end
    and win.
    """
    made: dict[str, AttributeValue | None] = {
        "http.request.method": method.upper() if method else None,
        "http.route": route,
        "http.response.status_code": status,
        "http.response.header.location": [location] if location else None,
        "http.response.header.content-type": [content_type] if content_type else None,
        "rpc.system": rpc_system or ("grpc" if rpc_service or rpc_method else None),
        "rpc.service": rpc_service,
        "rpc.method": rpc_method,
        "rpc.grpc.status_code": rpc_status,
        "server.address": host,
    }
    if kind == "client" and (path or host):
        address = f"https://{host or 'localhost'}{path or '/'}"
        made["url.full"] = f"{address}?{query}" if query else address
    else:
        made |= {"url.path": path, "url.query": query}
    given = {name: value for name, value in made.items() if value is not None}
    events = [] if exception is None else [_exception(exception)]
    return SpanData(
        trace_id=int(_A_TRACE_ID, 16),
        span_id=int(_A_SPAN_ID, 16),
        parent_span_id=0,
        name=" ".join(part for part in (method, route) if part),
        kind=SPAN_KINDS[kind],
        start_unix_nano=_A_TIME_UNIX_NANO,
        end_unix_nano=_A_TIME_UNIX_NANO + _A_DURATION_NS,
        attributes=given | dict(attributes or {}),
        resource={},
        scope_name=scope,
        span_status=SPAN_STATUSES[span_status],
        events=events,
        trace_sampled=True,
    )


def _exception(kind: str) -> SpanEvent:
    return SpanEvent(semconv.EXCEPTION_EVENT, {semconv.EXCEPTION_TYPE: kind})


def spans_from_json(text: str) -> list[SpanData]:
    """Return the spans of a JSON text: whatever a person has at hand.

    That is one OTLP span, an ExportTraceServiceRequest or its resourceSpans, a trace of Jaeger's
    API or its download, spans as the SDK's ConsoleSpanExporter prints them, several of these one
    after the other (as the Collector's file exporter writes lines), or event logs as `query
    --json` prints them: their method, route and status stand for the span then.

    Raises:
        ValueError: it is none of these; the text says what it should be.

    """
    spans: list[SpanData] = []
    for number, document in _documents(text):
        try:
            spans += _spans(document)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}" if number > 1 else str(error)) from None
        except RecursionError:
            raise ValueError("is nested too deep to be spans") from None
        if len(spans) > SPANS_MAX:
            raise ValueError(f"holds more than {SPANS_MAX} spans; give fewer")
    if not spans:
        raise ValueError("holds no span; write an OTLP span or request in JSON")
    return spans


def _documents(text: str) -> Iterator[tuple[int, Any]]:
    """Yield every JSON value of a text, however they are separated, with the line it begins on."""
    decoder = json.JSONDecoder()
    at = _skip_blanks(text, 0)
    while at < len(text):
        line = text.count("\n", 0, at) + 1
        try:
            document, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"is not JSON: {error}") from None
        yield line, document
        at = _skip_blanks(text, end)


def _skip_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return at if found is None else found.end()


def _spans(document: Any) -> list[SpanData]:
    if isinstance(document, list):
        return [span for each in document for span in _spans(each)]
    if not isinstance(document, dict):
        raise ValueError("is no JSON object; write an OTLP span")  # noqa: TRY004 - the one error
    for is_this, read in _FORMS:
        if is_this(document):
            return read(document)
    raise ValueError('is no OTLP span; that has "kind" and "attributes"')


def _one_span(span: Mapping[str, Any]) -> list[SpanData]:
    scope = {"name": span["scope"]} if isinstance(span.get("scope"), str) else {}
    scope_spans = {"scope": scope, "spans": [_completed(span)]}
    return _decoded({"resourceSpans": [{"scopeSpans": [scope_spans]}]})


def _completed(span: Mapping[str, Any]) -> dict[str, Any]:
    """Return a span with the ids and times that a person who writes one down leaves out."""
    start = span.get("startTimeUnixNano") or str(_A_TIME_UNIX_NANO)
    usual = {"traceId": _A_TRACE_ID, "spanId": _A_SPAN_ID, "startTimeUnixNano": start}
    return {**usual, **{key: value for key, value in span.items() if value is not None}}


def _decoded(request: Mapping[str, Any]) -> list[SpanData]:
    try:
        decoded = decode_traces_json(json.dumps(request).encode())
    except PermanentError as error:
        raise ValueError(f"is no OTLP request: {error}") from None
    if decoded.rejected:
        raise ValueError(f"is not right as OTLP: {decoded.error_message}")
    return list(decoded.spans)


def _of_event(event: Mapping[str, Any]) -> SpanData:
    """Return a span like the one that an event log was made of, as far as it tells."""
    texts = {key: event.get(key) for key in ("http_method", "http_route", "user_id")}
    status = event.get("http_status_code")
    kept = event.get("attributes")
    attributes = dict(kept) if isinstance(kept, dict) else {}
    if isinstance(texts["user_id"], str):
        attributes["user.id"] = texts["user_id"]
    return short_span(
        method=_text(texts["http_method"]),
        route=_text(texts["http_route"]),
        status=status if isinstance(status, int) else None,
        attributes=attributes,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def attribute_values(values: Sequence[str]) -> dict[str, AttributeValue]:
    """Return attributes written `name=value`.

    Raises:
        ValueError: one has no `=`; the text quotes it.

    """
    found: dict[str, AttributeValue] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise ValueError(f"{text!r} is no attribute; write name=value, as in app.mfa=due")
        found[name] = {"true": True, "false": False}.get(value, value)
    return found


_Document = Mapping[str, Any]
# In the order in which they are tried. Jaeger's two APIs put what they found below result or data.
_FORMS: tuple[tuple[Callable[[_Document], bool], Callable[[_Document], list[SpanData]]], ...] = (
    (lambda it: isinstance(it.get("result"), (dict, list)), lambda it: _spans(it["result"])),
    (lambda it: isinstance(it.get("data"), (dict, list)), lambda it: _spans(it["data"])),
    (lambda it: "resourceSpans" in it, _decoded),
    (lambda it: "scopeSpans" in it, lambda it: _decoded({"resourceSpans": [it]})),
    (lambda it: "event_id" in it and "action" in it, lambda it: [_of_event(it)]),
    (lambda it: "processes" in it and "spans" in it, spans_of_jaeger),
    (lambda it: "context" in it and "kind" in it, lambda it: [span_of_console(it)]),
    (lambda it: bool({"kind", "attributes", "traceId", "spanId"} & it.keys()), _one_span),
)
