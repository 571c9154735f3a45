"""`GET /api/v1/openapi.json`: the API described for programs (OpenAPI 3.1)."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from otel_eventlog_collector.api.openapi.paths import paths
from otel_eventlog_collector.api.openapi.schemas import schemas

__all__ = ["document"]


@cache
def document() -> dict[str, Any]:
    """Return the description of the API."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "otel-eventlog collector",
            "version": version("otel-eventlog-collector"),
            "description": "Event logs of authentication calls: search, follow, count, export.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"bearer": []}],
        "paths": paths(),
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of `otel-eventlog token create`: scope read, and for "
                    "what changes something scope admin. Nobody needs one on loopback unless the "
                    "collector has a token file.",
                }
            },
            "schemas": schemas(),
        },
    }
