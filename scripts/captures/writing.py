"""What two runs of a program came to, as the files of a capture."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from program import Asked, Program
from sink import SpanSink

_INTERNAL = ("trace_id", "nth", "known_limit")


def write_capture(
    folder: Path,
    *,
    program: str,
    versions: dict[str, str],
    packs: list[str],
    runs: Mapping[str, tuple[Program, SpanSink]],
    hide: Mapping[str, str],
    kinds: Sequence[str] = (),
) -> None:
    """Write a capture.

    Args:
        folder: where to.
        program: its name.
        versions: what it was made of.
        packs: packs that its users name.
        runs: variant → what was asked and what was sent.
        hide: texts in attributes, such as paths of this machine → what to write instead.
        kinds: kinds of spans to keep; all if there are none.

    """
    folder.mkdir(parents=True, exist_ok=True)
    expectations: dict[str, Any] = {
        "program": program,
        "versions": versions,
        "packs": packs,
        "requests": _requests(runs),
    }
    text = json.dumps(expectations, indent=2, ensure_ascii=False)
    (folder / "expectations.json").write_text(text + "\n")
    for variant, (_, sink) in runs.items():
        body = _as_one(sink, hide, kinds).SerializeToString()
        path = folder / f"spans.{variant}.otlp.pb.gz"
        path.write_bytes(gzip.compress(body, mtime=0))
        print(f"{path.name}: {sum(1 for _ in sink.spans())} spans, {path.stat().st_size} bytes")
    told = [request for request in expectations["requests"] if request["action"]]
    right = sum(request["outcome"] == _by_status(request["http_status"]) for request in told)
    print(f"{len(expectations['requests'])} requests, {len(told)} of them attempts;", end=" ")
    print(f"the HTTP status alone is right for {right} of these")


def _by_status(http_status: int | None) -> str:
    return "error" if http_status is None or http_status >= 400 else "success"


def _requests(runs: Mapping[str, tuple[Program, SpanSink]]) -> list[dict[str, Any]]:
    """Return the requests, which must have come to the same in all runs, with their spans."""
    listed = []
    for same in zip(*(program.asked for program, _ in runs.values()), strict=True):
        told = [_told(asked) for asked in same]
        for other in told[1:]:
            if other != told[0]:
                raise ValueError(f"the runs differ: {told[0]} and {other}")
        spans = {
            variant: _span_ids(sink, asked)
            for (variant, (_, sink)), asked in zip(runs.items(), same, strict=True)
        }
        listed.append({**told[0], "spans": spans})
    return listed


def _told(asked: Asked) -> dict[str, Any]:
    if not asked.outcome:
        raise ValueError(f"{asked.label}: nobody said what it came to; call was()")
    if (asked.action is None) != (asked.outcome == "none"):
        raise ValueError(f"{asked.label}: no action goes with the outcome none, and only with it")
    told = {name: value for name, value in asdict(asked).items() if name not in _INTERNAL}
    return {**told, "known_limit": asked.known_limit} if asked.known_limit else told


def _span_ids(sink: SpanSink, asked: Asked) -> dict[str, str]:
    span = sink.find(asked.trace_id, asked.kind)[asked.nth]
    return {"trace_id": asked.trace_id, "span_id": span.span_id.hex()}


def _as_one(
    sink: SpanSink, hide: Mapping[str, str], kinds: Sequence[str]
) -> ExportTraceServiceRequest:
    """Return everything received as one request, one entry for each resource and scope."""
    one = ExportTraceServiceRequest()
    resources: dict[bytes, ResourceSpans] = {}
    scopes: dict[tuple[bytes, bytes], ScopeSpans] = {}
    for request in sink.received:
        for resource_spans in request.resource_spans:
            resource = resource_spans.resource.SerializeToString(deterministic=True)
            if resource not in resources:
                resources[resource] = one.resource_spans.add(resource=resource_spans.resource)
            for scope_spans in resource_spans.scope_spans:
                scope = (resource, scope_spans.scope.SerializeToString(deterministic=True))
                if scope not in scopes:
                    scopes[scope] = resources[resource].scope_spans.add(scope=scope_spans.scope)
                wanted = {Span.SpanKind.Value(f"SPAN_KIND_{kind.upper()}") for kind in kinds}
                scopes[scope].spans.extend(
                    span for span in scope_spans.spans if not wanted or span.kind in wanted
                )
    for resource_spans in one.resource_spans:
        _hide(resource_spans.resource.attributes, hide)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                _hide_in_span(span, hide)
    return one


def _hide_in_span(span: Span, hide: Mapping[str, str]) -> None:
    _hide(span.attributes, hide)
    for event in span.events:
        _hide(event.attributes, hide)


def _hide(attributes: Any, hide: Mapping[str, str]) -> None:
    attribute: KeyValue
    for attribute in attributes:
        for text, instead in hide.items():
            if text in attribute.value.string_value:
                shown = attribute.value.string_value.replace(text, instead)
                attribute.value.string_value = shown
