"""What each action does over a time: how often, how well, how fast. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from otel_eventlog.actions import lookup
from otel_eventlog.model import Status
from otel_eventlog_collector.query import ActionFigures, DurationCount

ERROR_TYPES_MAX = 5
"""Reasons listed of one action, the most frequent first."""
_NS_PER_MIN = 60 * 1_000_000_000


def action_line(figures: ActionFigures, window_ns: int) -> dict[str, Any]:
    """Return one action as `GET /api/v1/actions` shows it.

    Args:
        figures: what was counted within the window.
        window_ns: how long the window is.

    """
    counts = {
        status.value: sum(each.get(status.value, 0) for each in figures.slices) for status in Status
    }
    finished = counts[Status.SUCCESS] + counts[Status.ERROR]
    # A request may have lost either half: its start by a late rule, its outcome by a crash.
    requests = max(counts[Status.START], finished)
    reasons = sorted(figures.error_types.items(), key=lambda item: (-item[1], item[0] or ""))
    info = lookup(figures.action)
    return {
        "action": figures.action,
        "category": info.category,
        "meaning": info.meaning or None,
        **counts,
        "error_rate": counts[Status.ERROR] / finished if finished else None,
        "requests": requests,
        "requests_per_min": requests * _NS_PER_MIN / window_ns if window_ns > 0 else None,
        "p50_ns": percentile_ns(figures.durations, 50),
        "p95_ns": percentile_ns(figures.durations, 95),
        "error_types": [
            {"value": reason, "count": count} for reason, count in reasons[:ERROR_TYPES_MAX]
        ],
        "slices": {
            status.value: [each.get(status.value, 0) for each in figures.slices]
            for status in Status
        },
    }


def percentile_ns(durations: Sequence[DurationCount], percent: int) -> int | None:
    """Return the duration that so many percent of the outcomes do not exceed, None without any.

    Within a class of durations the outcomes are taken as spread evenly.
    """
    total = sum(each.outcomes for each in durations)
    if total == 0:
        return None
    rank = -(-total * percent // 100)
    passed = 0
    for each in sorted(durations, key=lambda each: each.shortest_ns):
        if passed + each.outcomes >= rank:
            width = each.longest_ns - each.shortest_ns
            return each.shortest_ns + width * (2 * (rank - passed) - 1) // (2 * each.outcomes)
        passed += each.outcomes
    raise AssertionError("the rank lies among the outcomes")


def duration_error_max(figures: Sequence[ActionFigures]) -> float:
    """Return by which part of itself a percentile may be wrong: how wide the classes are."""
    return max(
        (
            (each.longest_ns - each.shortest_ns) / each.shortest_ns
            for action in figures
            for each in action.durations
            if each.shortest_ns
        ),
        default=0.0,
    )
