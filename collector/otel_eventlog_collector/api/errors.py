"""The one shape of every error of the API.

    {"ok": false, "error": "…", "errors": [{"field": "since", "message": "…"}], "status": 400}

`errors` has one entry for each wrong parameter, and none where no parameter is to blame.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from otel_eventlog_collector.errors import (
    CollectorError,
    PermanentError,
    QueryError,
    RetryableError,
)

_log = logging.getLogger(__name__)


def error_response(
    status: int,
    error: str,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return an error in the one shape."""
    content = {"ok": False, "error": error, "errors": list(errors), "status": status}
    return JSONResponse(content, status, {"Cache-Control": "no-store", **(headers or {})})


def on_collector_error(_request: Request, error: Exception) -> Response:
    """Answer an error that was raised on purpose."""
    if isinstance(error, QueryError):
        errors = [{"field": one.field, "message": one.message} for one in error.mistakes]
        return error_response(error.http_status, error.message, errors)
    message = str(error)
    if isinstance(error, CollectorError) and error.hint:
        message = f"{error.message}; {error.hint}"
    if isinstance(error, RetryableError):
        headers = {"Retry-After": str(error.retry_after_s)}
        return error_response(error.http_status, message, headers=headers)
    if isinstance(error, PermanentError):
        return error_response(error.http_status, message)
    return on_unexpected(_request, error)


def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the router refuses: unknown paths, wrong methods."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    method, path = request.method[:16], request.url.path[:128]
    message = {
        404: f"there is nothing at {path!r}; GET /api/v1/openapi.json lists what there is",
        405: f"{method} is not possible at {path!r}; use {(headers or {}).get('Allow', 'GET')}",
    }.get(status, str(error))
    return error_response(status, message, headers=headers)


def on_unexpected(request: Request, error: Exception) -> Response:
    """Answer a mistake of ours: logged whole, told without details."""
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return error_response(500, "the collector made a mistake; its log says more")
