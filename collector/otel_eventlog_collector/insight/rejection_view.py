"""A rejected record as the JSON object that the API, the command and the dashboard show. Pure."""

from __future__ import annotations

from typing import Any

from otel_eventlog_collector.event_json import rfc3339
from otel_eventlog_collector.rejections import Rejection


def rejection_json(rejection: Rejection) -> dict[str, Any]:
    """Return what is told of a rejected record: how it came, and why it was not stored."""
    record = rejection.record
    return {
        "time": rfc3339(rejection.time_unix_nano),
        "transport": rejection.transport,
        "signal": rejection.signal,
        "reason": record.reason,
        "message": record.sentence,
        "service": record.service or None,
        "trace_id": record.trace_id or None,
        "span_id": record.span_id or None,
        "attribute_bytes": dict(record.attribute_bytes),
    }
