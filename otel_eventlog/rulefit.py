"""Whether one rule fits one span: every condition but the route, which is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from otel_eventlog.model import AttributeValue
from otel_eventlog.request_facts import host, query_names, same_value
from otel_eventlog.rules import Rule

NEVER_AN_ATTEMPT = frozenset({"HEAD", "OPTIONS"})

Attributes = Mapping[str, AttributeValue]


def takes_method(rule: Rule, method: str | None) -> bool:
    """Whether a rule takes an HTTP method; without methods of its own any but HEAD and OPTIONS."""
    return method in rule.methods if rule.methods else method not in NEVER_AN_ATTEMPT


def rpc_key(attributes: Attributes) -> tuple[str, str] | None:
    """Service and method; newer conventions write both into `rpc.method` as `service/method`."""
    method = attributes.get("rpc.method")
    service = attributes.get("rpc.service")
    if not isinstance(method, str):
        return None
    if not isinstance(service, str):
        service, _, method = method.rpartition("/")
    return service, method


def fits_settled(rule: Rule, attributes: Attributes) -> bool:
    """Judge what is known at a span's start and did not file the rule: host, rpc beside a route."""
    if rule.host:
        name = host(attributes)
        if name is None or not any(fnmatchcase(name, glob) for glob in rule.host):
            return False
    if rule.route is None or (rule.rpc_service is None and rule.rpc_method is None):
        return True
    service, method = rpc_key(attributes) or (None, None)
    return rule.rpc_service in (None, service) and rule.rpc_method in (None, method)


def fits_late(rule: Rule, attributes: Attributes, scope_name: str | None) -> bool | None:
    """Judge scope, query and attributes; None if that may turn out to fit later.

    A rule without a route or RPC would wait for every span: its attributes and query parameters
    must be there from the start.
    """
    if rule.scope and scope_name is not None and not fits_scope(rule, scope_name):
        return False
    fits = (not rule.query or query_names(attributes).issuperset(rule.query)) and all(
        same_value(wanted, attributes.get(key)) for key, wanted in rule.attributes.items()
    )
    if fits:
        return None if rule.scope and scope_name is None else True
    is_loose = rule.route is None and rule.rpc_service is None and rule.rpc_method is None
    return False if is_loose else None


def fits_scope(rule: Rule, scope_name: str) -> bool:
    """Whether an instrumentation scope is one of those that a rule asks for."""
    return not rule.scope or any(fnmatchcase(scope_name, glob) for glob in rule.scope)
