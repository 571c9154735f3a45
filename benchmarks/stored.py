"""Whether what a collector stored during a benchmark is right, asked through its API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.live_collector import Collector
from benchmarks.load import Answer
from otel_eventlog_collector.query import FILTER_FIELDS

SINCE = ("since", "-1h")
FACET_VALUES_MAX = "100"


def check_stored(collector: Collector, answers: Sequence[Answer]) -> list[str]:
    """Return what is wrong: counts that are not what was acknowledged, filters that miss.

    Args:
        collector: it stores nothing but what the load sent.
        answers: everything that was sent to it.

    """
    truth: Counter[str] = Counter()
    for answer in answers:
        truth.update(answer.truth)
    # A request that was refused or broke off may have been stored all the same.
    is_exact = not any(answer.failures for answer in answers)
    return [*_wrong_counts(collector, truth, is_exact=is_exact), *_blind_filters(collector)]


def _wrong_counts(collector: Collector, truth: Counter[str], *, is_exact: bool) -> Iterator[str]:
    fields = sorted({key.partition("=")[0] for key in truth})
    parameters = [SINCE, ("limit", FACET_VALUES_MAX), *(("field", name) for name in fields)]
    facets = collector.get("/api/v1/facets", parameters)["facets"]
    for key, expected in truth.items():
        name, _, value = key.partition("=")
        counted = {entry["value"]: entry["count"] for entry in facets[name]}.get(value, 0)
        # Counts of errors are only known for what applications say; spans add their own.
        is_least = not is_exact or name == "error_type"
        if counted < expected or (counted > expected and not is_least):
            yield f"{key}: {counted:,} stored, {expected:,} acknowledged"
    buckets = collector.get("/api/v1/histogram", [SINCE])["buckets"]
    total = sum(sum(bucket["counts"].values()) for bucket in buckets)
    expected = sum(count for key, count in truth.items() if key.startswith("service="))
    if total < expected or (is_exact and total > expected):
        yield f"the histogram counts {total:,}, {expected:,} were acknowledged"


def _blind_filters(collector: Collector) -> Iterator[str]:
    """Look for real event logs by each of their fields, the newest and the oldest."""
    for order in ("desc", "asc"):
        for status in ("success", "error"):
            page = collector.get(
                "/api/v1/events", [SINCE, ("order", order), ("status", status), ("limit", "5")]
            )
            for event in page["events"]:
                yield from _blind_to(collector, event)


def _blind_to(collector: Collector, event: dict[str, Any]) -> Iterator[str]:
    for name in FILTER_FIELDS:
        value = event[name]
        if value is None:
            continue
        narrow = [("event_id", str(event["event_id"])), (name, str(value))]
        both = collector.get("/api/v1/events", narrow)["events"]
        alone = collector.get("/api/v1/events", [(name, str(value)), ("limit", "20")])["events"]
        if [found["event_id"] for found in both] != [event["event_id"]]:
            yield f"{name}={value} does not find event {event['event_id']}"
        elif not alone or any(found[name] != value for found in alone):
            yield f"{name}={value} finds something else"
