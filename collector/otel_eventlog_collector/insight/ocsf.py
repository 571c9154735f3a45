"""Event logs as OCSF Authentication events (class 3002), for security tools. Pure.

Written for version 1.2.0 of the Open Cybersecurity Schema Framework (https://schema.ocsf.io/1.2.0/
classes/authentication), with nothing that later 1.x versions changed. What the class has no
attribute for stands in `unmapped`, under our own names: nothing is lost on the way.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

SCHEMA_VERSION = "1.2.0"
CATEGORY_UID, CLASS_UID = 3, 3002
LOGON, LOGOFF, PREAUTH, OTHER = 1, 2, 6, 99
_ACTIVITY_NAMES = {LOGON: "Logon", LOGOFF: "Logoff", PREAUTH: "Preauth"}
_STATUS = {"start": (0, "Unknown"), "success": (1, "Success"), "error": (2, "Failure")}
_SEVERITY = {"start": (1, "Informational"), "success": (1, "Informational"), "error": (2, "Low")}
_PROTOCOLS = {"oidc": (4, "OpenID"), "saml": (5, "SAML"), "oauth": (6, "OAUTH 2.0")}
_NS_PER_MS = 1_000_000

_LOGON_ENDS = ("Authenticate", "Exchange", "LoginOrCreate", "LoginOrSignup", "AuthenticateMagic")
_PREAUTH_ENDS = ("Start", "Send", "SendMagicByEmail", "Redirect", "Authorize")
_LOGOFF_ENDS = ("SessionsRevoke", "Logout")
_PREAUTH_METHODS = ("Email", "SMS", "WhatsApp")
_MAPPED = frozenset(
    {"event_id", "request_id", "status", "time", "time_unix_nano", "service"}
    | {"service_version", "user_id", "organization_id", "client_address"}
    | {"http_method", "http_status_code", "user_agent", "error_message", "session_token_hash"}
)
"""Fields of which nothing is left to say in `unmapped`."""


def activity_of(action: str) -> int:
    """Return what an action is among the activities of the class."""
    if action.endswith(_LOGOFF_ENDS):
        return LOGOFF
    # MagicLinksEmailLoginOrCreate sends the link; who has it is not in yet.
    if action.endswith(("LoginOrCreate", "LoginOrSignup")) and any(
        f"{method}Login" in action for method in _PREAUTH_METHODS
    ):
        return PREAUTH
    if action.endswith(_LOGON_ENDS):
        return LOGON
    return PREAUTH if action.endswith(_PREAUTH_ENDS) else OTHER


def ocsf_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the OCSF event of an event log (as `event_json` gives it)."""
    activity = activity_of(event["action"])
    status_id, status = _STATUS[event["status"]]
    severity_id, severity = _SEVERITY[event["status"]]
    found: dict[str, Any] = {
        "activity_id": activity,
        "activity_name": _ACTIVITY_NAMES.get(activity, event["action"]),
        "category_uid": CATEGORY_UID,
        "category_name": "Identity & Access Management",
        "class_uid": CLASS_UID,
        "class_name": "Authentication",
        "type_uid": CLASS_UID * 100 + activity,
        "time": event["time_unix_nano"] // _NS_PER_MS,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "message": f"{event['action']} {event['status']}",
        "metadata": _metadata(event),
        "user": _user(event),
        "service": _named(event["service"], version=event["service_version"]),
    }
    optional = {
        "status_code": _text(event["http_status_code"]) or event["error_type"],
        "status_detail": event["error_message"] or event["error_type"],
        "src_endpoint": _endpoint(event["client_address"]),
        "http_request": _without_none(
            {"http_method": event["http_method"], "user_agent": event["user_agent"]}
        ),
        "session": _without_none({"uid": event["session_token_hash"]}),
        "is_mfa": True if event["auth_factor"] == "secondary" else None,
        **_protocol(event["auth_method"]),
        "unmapped": _without_none(
            {name: value for name, value in event.items() if name not in _MAPPED}
            | {"time_unix_nano": event["time_unix_nano"]}
        ),
    }
    return found | {name: value for name, value in optional.items() if value not in (None, {})}


def _metadata(event: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "version": SCHEMA_VERSION,
        "product": {
            "name": "otel-eventlog",
            "vendor_name": "otel-eventlog",
            "version": version("otel-eventlog-collector"),
        },
        "uid": event["event_id"],
        "correlation_uid": event["request_id"],
        "event_code": event["action"],
        "log_name": "otel-eventlog",
        "original_time": event["time"],
    }


def _user(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the user; the class wants one, also where nobody knows who it was."""
    user = event["user_id"]
    found: dict[str, Any] = {"uid": user} if user else {"name": "unknown", "type_id": 0}
    if event["organization_id"]:
        found["org"] = {"uid": event["organization_id"]}
    return found


def _named(name: str | None, **more: str | None) -> dict[str, Any]:
    return _without_none({"name": name or "unknown", **more})


def _endpoint(address: str | None) -> dict[str, Any] | None:
    if address is None:
        return None
    try:
        return {"ip": str(ipaddress.ip_address(address))}
    except ValueError:
        return {"uid": address}  # a keyed hash


def _protocol(auth_method: str | None) -> dict[str, Any]:
    found = _PROTOCOLS.get((auth_method or "").partition("_")[0])
    return {"auth_protocol_id": found[0], "auth_protocol": found[1]} if found else {}


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _without_none(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value not in (None, {})}
