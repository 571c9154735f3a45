"""What the published OCSF schema asks of an Authentication event, as data.

Read from the schema's sources at tag v1.2.0 (https://github.com/ocsf/ocsf-schema, the files
events/base_event.json, events/iam/authentication.json, includes/, objects/ and dictionary.json)
and compared with version 1.9.0-dev of July 2026, which asks for nothing more. Written down by
hand: names, requirements and enumerations, none of its text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

VERSION = "1.2.0"

ACTIVITIES = {0, 1, 2, 3, 4, 5, 6, 99}
SEVERITIES = {0, 1, 2, 3, 4, 5, 6, 99}
STATUSES = {0: "Unknown", 1: "Success", 2: "Failure", 99: None}
AUTH_PROTOCOLS = {*range(13), 99}

REQUIRED: Mapping[str, type] = {
    "activity_id": int,
    "category_uid": int,
    "class_uid": int,
    "type_uid": int,
    "time": int,
    "severity_id": int,
    "metadata": dict,
    "user": dict,
}
OPTIONAL: Mapping[str, type] = {
    "activity_name": str,
    "category_name": str,
    "class_name": str,
    "severity": str,
    "status_id": int,
    "status": str,
    "status_code": str,
    "status_detail": str,
    "message": str,
    "service": dict,
    "src_endpoint": dict,
    "http_request": dict,
    "session": dict,
    "is_mfa": bool,
    "auth_protocol_id": int,
    "auth_protocol": str,
    "unmapped": dict,
}
"""Attributes that the class has and we use."""
AT_LEAST_ONE = ("service", "dst_endpoint")

OBJECTS: Mapping[str, tuple[Sequence[str], Sequence[str], Sequence[str]]] = {
    # name: what it must have, what else it may have (of what we use), of which one must be there
    "metadata": (
        ("version", "product"),
        ("uid", "correlation_uid", "event_code", "log_name", "original_time"),
        (),
    ),
    "product": (("vendor_name",), ("name", "version"), ("name", "uid")),
    "user": ((), ("uid", "name", "type_id", "org"), ("account", "name", "uid")),
    "org": ((), ("uid",), ("name", "uid")),
    "service": ((), ("name", "version"), ("name", "uid")),
    "src_endpoint": ((), ("ip", "uid"), ("ip", "uid", "name", "hostname")),
    "http_request": ((), ("http_method", "user_agent"), ()),
    "session": ((), ("uid",), ()),
}


def mistakes(event: Mapping[str, Any]) -> list[str]:
    """Return everything in which an event is no OCSF Authentication event."""
    found = [f"{name} is missing" for name in REQUIRED if name not in event]
    known = {**REQUIRED, **OPTIONAL}
    for name, value in event.items():
        if name not in known:
            found.append(f"{name} is no attribute of the class")
        elif type(value) is not known[name]:
            found.append(f"{name} is a {type(value).__name__}")
    if not any(name in event for name in AT_LEAST_ONE):
        found.append("neither service nor dst_endpoint")
    if found:
        return found
    found += _numbers(event)
    for name in OBJECTS:
        holder = {"product": event["metadata"], "org": event["user"]}.get(name, event)
        if name in holder:
            found += _object(name, holder[name])
    return found


def _numbers(event: Mapping[str, Any]) -> list[str]:
    found = []
    if (event["category_uid"], event["class_uid"]) != (3, 3002):
        found.append("is not of class 3002 in category 3")
    if event["activity_id"] not in ACTIVITIES:
        found.append("activity_id is none of the class")
    if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
        found.append("type_uid is not class_uid * 100 + activity_id")
    if event["severity_id"] not in SEVERITIES:
        found.append("severity_id is none")
    if event.get("status_id", 0) not in STATUSES:
        found.append("status_id is none")
    elif STATUSES[event.get("status_id", 0)] not in (None, event.get("status")):
        found.append("status is not the caption of status_id")
    if event.get("auth_protocol_id", 0) not in AUTH_PROTOCOLS:
        found.append("auth_protocol_id is none")
    if not 1_000_000_000_000 < event["time"] < 10_000_000_000_000:
        found.append("time is no milliseconds")
    if event["metadata"].get("version") != VERSION:
        found.append("metadata.version is another one")
    return found


def _object(name: str, value: Mapping[str, Any]) -> list[str]:
    required, optional, one_of = OBJECTS[name]
    found = [f"{name}.{each} is missing" for each in required if each not in value]
    allowed = {*required, *optional, *(("product",) if name == "metadata" else ())}
    found += [f"{name}.{each} is no attribute of it" for each in value if each not in allowed]
    if one_of and not any(each in value for each in one_of):
        found.append(f"{name} has none of {one_of}")
    return found
