#!/usr/bin/env python3
"""Print how much of each capture its packs get right, beside what the HTTP status alone does.

    .venv/bin/python scripts/captures/score.py [PROGRAM]…

An attempt is right by its status if that tells success from error. It is right by the packs if
action, outcome and next step are those that really happened; a request that was no attempt, if
there is no event log.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank, SpanData
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from otel_eventlog_collector.otlp.decode_protobuf import decode_traces_protobuf

CAPTURES = Path(__file__).parent.parent.parent / "tests" / "data" / "captures"
VARIANTS = ("default", "stable")


def main() -> None:
    """Print one line for each program."""
    names = sys.argv[1:] or sorted(
        path.parent.name for path in CAPTURES.glob("*/expectations.json")
    )
    print(f"{'program':24} requests attempts by status", *(f"{name:>8}" for name in VARIANTS))
    for name in names:
        told = json.loads((CAPTURES / name / "expectations.json").read_text())
        requests = told["requests"]
        attempts = [request for request in requests if request["action"]]
        by_status = sum(
            (request["outcome"] == "error") == ((request["http_status"] or 500) >= 400)
            for request in attempts
        )
        own = CAPTURES / name / "rules.toml"
        rules = load_rule_set([own] if own.exists() else [], told["packs"])
        mapper = Mapper(rules, Privacy(), Rank.DERIVED)
        right = [count_right(name, variant, requests, mapper) for variant in VARIANTS]
        print(f"{name:24} {len(requests):8} {len(attempts):8} {by_status:9}", end=" ")
        print(*(f"{count:8}" for count in right))


def count_right(name: str, variant: str, requests: list[dict[str, Any]], mapper: Mapper) -> int:
    """Return how many requests are shown as what they really were."""
    body = gzip.decompress((CAPTURES / name / f"spans.{variant}.otlp.pb.gz").read_bytes())
    spans = {f"{span.span_id:016x}": span for span in decode_traces_protobuf(body).spans}
    return sum(
        shown(mapper, spans[request["spans"][variant]["span_id"]]) == truth(request)
        for request in requests
    )


def truth(request: dict[str, Any]) -> tuple[str, str, str | None] | None:
    """Return what really happened."""
    if request["action"] is None:
        return None
    return request["action"], request["outcome"], request["next_step"]


def shown(mapper: Mapper, span: SpanData) -> tuple[str, str, str | None] | None:
    """Return what the event logs say."""
    events = mapper.map_span(span)
    return (events[1].action, str(events[1].status), events[1].next_step) if events else None


if __name__ == "__main__":
    main()
