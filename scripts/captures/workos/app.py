"""WorkOS's Python SDK: any of its methods, called with what it demands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args, get_origin, get_type_hints

from vendor import serve
from workos import WorkOSClient

from tests.support.plausible import arguments, body

HOST = "api.workos.com"


def method_of(said: dict[str, Any]) -> Callable[..., Any]:
    """Return the method that the driver names."""
    found: Any = WorkOSClient(api_key="made-up", client_id="client-1", max_retries=0)
    for name in said["method"].split("."):
        found = getattr(found, name)
    return found  # type: ignore[no-any-return]


def run(said: dict[str, Any]) -> Any:
    """Call one method."""
    method = method_of(said)
    return method(**(arguments(method) | said.get("arguments", {})))


def plausible(said: dict[str, Any]) -> Any:
    """Return what the vendor answers when all is well."""
    returns = get_type_hints(method_of(said)).get("return")
    if get_origin(returns) is not None and hasattr(get_origin(returns), "__iter__"):
        inner = get_args(returns)[0]
        return {"object": "list", "data": [body(inner)], "list_metadata": {}}
    return body(returns) if isinstance(returns, type) and returns is not type(None) else {}


serve({"call": run}, [HOST], plausible)
