"""An event log as the JSON object that the API, the command line and the exports show.

Field names of section 1 of the specification; `time` and `observed_time` as RFC 3339 UTC with
nanoseconds, `time_unix_nano` beside it as an integer; absent values are null.
"""

from __future__ import annotations

import time
from typing import Any

from otel_eventlog.model import EventLog

_NS_PER_S = 1_000_000_000


def rfc3339(unix_nano: int) -> str:
    """Return nanoseconds since the epoch as `2026-11-23T10:42:00.123456789Z`."""
    seconds, nanos = divmod(unix_nano, _NS_PER_S)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{nanos:09d}Z"


def event_json(event: EventLog) -> dict[str, Any]:
    """Return an event log as a dictionary that `json.dumps` takes."""
    return {
        "event_id": event.event_id,
        "request_id": event.request_id,
        "phase": event.phase.value,
        "action": event.action,
        "category": event.category or None,
        "status": event.status.value,
        "outcome_source": event.outcome_source.value if event.outcome_source else None,
        "next_step": event.next_step,
        "time": rfc3339(event.time_unix_nano),
        "time_unix_nano": event.time_unix_nano,
        "observed_time": rfc3339(event.observed_unix_nano) if event.observed_unix_nano else None,
        "duration_ns": event.duration_ns,
        "project": event.project or None,
        "environment": event.environment or None,
        "service": event.service or None,
        "service_version": event.service_version or None,
        "trace_id": f"{event.trace_id:032x}" if event.trace_id else None,
        "span_id": f"{event.span_id:016x}" if event.span_id else None,
        "parent_span_id": f"{event.parent_span_id:016x}" if event.parent_span_id else None,
        "trace_sampled": event.trace_sampled,
        "clock_skewed": event.clock_skewed,
        "correlation_id": event.correlation_id,
        "flow_id": event.flow_id,
        "user_id": event.user_id,
        "organization_id": event.organization_id,
        "client_id": event.client_id,
        "auth_method": event.auth_method,
        "auth_factor": event.auth_factor,
        "http_method": event.http_method,
        "http_route": event.http_route,
        "http_status_code": event.http_status_code,
        "error_type": event.error_type,
        "error_message": event.error_message,
        "session_token_hash": event.session_token_hash,
        "session_jwt_hash": event.session_jwt_hash,
        "client_address": event.client_address,
        "user_agent": event.user_agent,
        "message_status": event.message_status,
        "attributes": dict(event.attributes),
    }
