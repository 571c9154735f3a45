"""Clerk's Python SDK: any of its methods, called with what it demands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args, get_origin, get_type_hints

from clerk_backend_api import Clerk
from clerk_backend_api.utils import BackoffStrategy, RetryConfig
from vendor import serve

from tests.support.plausible import arguments, value

HOST = "api.clerk.com"
ONCE = RetryConfig("none", BackoffStrategy(1, 1, 1.0, 1), retry_connection_errors=False)


def method_of(said: dict[str, Any]) -> Callable[..., Any]:
    """Return the method that the driver names."""
    found: Any = Clerk(bearer_auth="made-up", retry_config=ONCE)
    for name in said["method"].split("."):
        found = getattr(found, name)
    return found  # type: ignore[no-any-return]


def run(said: dict[str, Any]) -> Any:
    """Call one method."""
    method = method_of(said)
    return method(**arguments(method))


def plausible(said: dict[str, Any]) -> Any:
    """Return what the vendor answers when all is well."""
    returns = get_type_hints(method_of(said)).get("return")
    if get_origin(returns) is list:
        return [value(get_args(returns)[0], "item")]
    return value(returns, "answer")


serve({"call": run}, [HOST], plausible)
