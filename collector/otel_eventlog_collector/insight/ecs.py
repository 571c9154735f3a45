"""Event logs as documents of the Elastic Common Schema, for Elasticsearch and OpenSearch. Pure.

The categorization fields take only the values that the schema allows (https://www.elastic.co/docs/
reference/ecs/ecs-category-field-values-reference). What the schema has no field for stands under
`otel_eventlog`, an object of our own, as the schema asks for custom fields.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

SCHEMA_VERSION = "8.17.0"
DATASET = "otel_eventlog.events"
_OUTCOMES = {"start": "unknown", "success": "success", "error": "failure"}
_TYPES = {"start": "start", "success": "end", "error": "end"}
_IAM = frozenset({"connected_apps", "members", "organizations", "rbac", "scim", "users"})
_CHANGES = (
    ("Create", "creation"),
    ("Delete", "deletion"),
    ("Update", "change"),
)
_OWN = (
    "phase",
    "category",
    "outcome_source",
    "next_step",
    "trace_sampled",
    "clock_skewed",
    "flow_id",
    "client_id",
    "auth_method",
    "auth_factor",
    "http_route",
    "session_token_hash",
    "session_jwt_hash",
    "message_status",
    "request_id",
    "correlation_id",
    "parent_span_id",
    "project",
    "attributes",
)


def ecs_document(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ECS document of an event log (as `event_json` gives it)."""
    found: dict[str, Any] = {
        "@timestamp": event["time"],
        "ecs": {"version": SCHEMA_VERSION},
        "message": f"{event['action']} {event['status']}",
        "event": {
            "kind": "event",
            **_categories(event),
            "id": event["event_id"],
            "action": event["action"],
            "outcome": _OUTCOMES[event["status"]],
            "duration": event["duration_ns"],
            "created": event["observed_time"],
            "reason": event["error_message"] or event["error_type"],
            "code": event["error_type"],
            "dataset": DATASET,
            "module": "otel_eventlog",
        },
        "service": {
            "name": event["service"],
            "version": event["service_version"],
            "environment": event["environment"],
        },
        "trace": {"id": event["trace_id"]},
        "span": {"id": event["span_id"]},
        "user": {"id": event["user_id"]},
        "organization": {"id": event["organization_id"]},
        "http": {
            # Who calls gives the request its id; ours is always there.
            "request": {
                "id": event["correlation_id"] or event["request_id"],
                "method": event["http_method"],
            },
            "response": {"status_code": event["http_status_code"]},
        },
        "error": {"type": event["error_type"], "message": event["error_message"]},
        "user_agent": {"original": event["user_agent"]},
        **_addresses(event["client_address"]),
        "otel_eventlog": {name: event[name] for name in _OWN}
        | {"time_unix_nano": event["time_unix_nano"]},
    }
    related = {"user": _list(event["user_id"])} | _related_ip(event["client_address"])
    return _pruned(found | {"related": related})


def _categories(event: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return `event.category` and `event.type`, only with values that belong together."""
    category, action = event["category"], event["action"]
    if category in _IAM:
        changes = [kind for word, kind in _CHANGES if word in action] or ["info"]
        about = ["user"] if category in ("users", "members") else []
        return {"category": ["iam"], "type": [*changes[:1], *about]}
    if category == "dashboard":
        return {"category": ["configuration"], "type": ["change"]}
    if category == "email":
        return {"category": ["email"], "type": ["info"]}
    return {"category": ["authentication"], "type": [_TYPES[event["status"]]]}


def _addresses(address: str | None) -> dict[str, Any]:
    if address is None:
        return {}
    # `address` takes any text, `ip` an address only; a keyed hash is none.
    found = {"address": address, "ip": address if _is_ip(address) else None}
    return {"client": dict(found), "source": dict(found)}


def _related_ip(address: str | None) -> dict[str, Any]:
    return {"ip": [address]} if address and _is_ip(address) else {}


def _is_ip(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def _list(value: str | None) -> list[str] | None:
    return None if value is None else [value]


def _pruned(found: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is absent, and objects in which nothing is left."""
    kept: dict[str, Any] = {}
    for name, value in found.items():
        inner = _pruned(value) if isinstance(value, Mapping) else value
        if inner is not None and inner != {}:
            kept[name] = inner
    return kept
