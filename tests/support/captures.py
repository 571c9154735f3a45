"""Spans of three real programs (tests/data/captures), their times moved to today."""

from __future__ import annotations

import gzip
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

CAPTURES = Path(__file__).parent.parent / "data" / "captures"
PROGRAMS = ("flask-login", "flask-jwt-extended", "fastapi-users")
VARIANTS = ("default", "stable")
_TIME_FIELDS = re.compile(r'("(?:startT|endT|t)imeUnixNano":\s*"?)(\d+)')

SHIFT_NS = (time.time_ns() // 10**9 - 3600) * 10**9 - 1_795_419_828 * 10**9
"""Moves the captures, made in November 2026, to an hour before this test run."""


@dataclass(frozen=True)
class Expected:
    """One request of a capture: what it was and what really happened."""

    label: str
    span_ids: tuple[str, ...]
    action: str
    outcome: str
    http_agrees: bool


def expectations(program: str) -> dict[str, Any]:
    """Return what is written about a program's requests, and the rules for it."""
    path = CAPTURES / program / "expectations.json.gz"
    loaded: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return loaded


def expected_requests(program: str, variant: str) -> list[Expected]:
    """Return the requests that one variant's spans show; concurrent ones are found by parent."""
    told = expectations(program)
    return [
        Expected(
            request["label"],
            tuple(span["span_id"] for span in request["spans"][variant]),
            "" if request["action"].startswith("(") else request["action"],
            request["auth_outcome"],
            bool(request.get("http_agrees_with_auth")),
        )
        for request in told["requests"]
    ]


def concurrent_logins(program: str, variant: str) -> dict[str, str]:
    """Return outcome by trace id of the logins made at the same time."""
    told = expectations(program).get("concurrent_logins", {}).get(variant, {"requests": []})
    return {request["trace_id"]: request["auth_outcome"] for request in told["requests"]}


def rules_toml(program: str) -> str:
    """Return the capture's own rules as a rule file."""
    return "\n".join(
        f'[[rule]]\nname = "{rule["method"]} {rule["route"]}"\naction = "{rule["action"]}"\n'
        f'method = "{rule["method"]}"\nroute = "{rule["route"]}"\n'
        for rule in expectations(program)["rules"]
    )


def protobuf(program: str, variant: str) -> bytes:
    """Return one export request as OTLP protobuf."""
    request = ExportTraceServiceRequest.FromString(_read(program, variant, "pb"))
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                span.start_time_unix_nano += SHIFT_NS
                span.end_time_unix_nano += SHIFT_NS
                for event in span.events:
                    event.time_unix_nano += SHIFT_NS
    return request.SerializeToString()


def otlp_json(program: str, variant: str) -> bytes:
    """Return the same export request as OTLP JSON, as text replaced in the captured one."""
    text = _read(program, variant, "json").decode()
    moved, count = _TIME_FIELDS.subn(lambda m: f"{m[1]}{int(m[2]) + SHIFT_NS}", text)
    assert count
    return moved.encode()


def _read(program: str, variant: str, encoding: str) -> bytes:
    path = CAPTURES / program / f"spans.{variant}.otlp.{encoding}.gz"
    return gzip.decompress(path.read_bytes())
