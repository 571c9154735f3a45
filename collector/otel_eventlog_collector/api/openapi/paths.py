"""The endpoints of the API, described: what each takes and what it answers."""

from __future__ import annotations

from typing import Any

from otel_eventlog_collector.api.openapi import parameters as take
from otel_eventlog_collector.api.openapi.schemas import (
    TEXT,
    answer,
    array,
    page_of,
    ref,
    window,
)

JSON = "application/json"
NDJSON = "application/x-ndjson"
_READ_ERRORS = ("400", "401", "403", "421", "429", "500", "503")


def paths() -> dict[str, Any]:
    """Return every path with its methods."""
    return {**_events(), **_counts(), **_collector(), **_session(), **_admin()}


def _events() -> dict[str, Any]:
    filters = take.filters()
    return {
        "/api/v1/events": _get(
            "Event logs, newest first",
            [*filters, *take.PAGE],
            page_of("events", ref("EventLog")),
        ),
        "/api/v1/events/{event_id}": _get(
            "One event log",
            [take.uuid_path("event_id")],
            answer({"event": ref("EventLog")}),
            more=("404",),
        ),
        "/api/v1/events/stream": _get(
            "Event logs as they are committed (server-sent events)",
            [*filters, *take.WINDOW, take.LAST_EVENT_ID],
            TEXT,
            media_types=("text/event-stream",),
        ),
        "/api/v1/requests": _get(
            "Requests: a start and an outcome each",
            [*filters, *take.PAGE, take.STATE],
            page_of("requests", ref("Request")),
        ),
        "/api/v1/requests/{request_id}": _get(
            "One request, why it ended so, and its neighbours in the trace",
            [take.uuid_path("request_id")],
            answer({"request": ref("RequestDetail")}),
            more=("404",),
        ),
        "/api/v1/export": _get(
            "Everything that passes the filters, streamed",
            [*filters, *take.WINDOW, take.ORDER, take.FORMAT, take.AFTER],
            TEXT,
            media_types=(NDJSON, "text/csv"),
        ),
    }


def _counts() -> dict[str, Any]:
    filters = take.filters()
    facets = {"type": "object", "additionalProperties": array(ref("FacetValue"))}
    return {
        "/api/v1/histogram": _get(
            "Counts by status over time",
            [*filters, *take.WINDOW, take.BUCKET],
            window({"bucket_ns": {"type": "integer"}, "buckets": array(ref("Bucket"))}),
        ),
        "/api/v1/facets": _get(
            "The most frequent values of fields",
            [*filters, *take.WINDOW, take.FIELD, take.FACET_LIMIT],
            window({"facets": facets}),
        ),
        "/api/v1/actions": _get(
            "Actions with their counts, rates, durations and reasons",
            [*filters, *take.WINDOW, take.BUCKET],
            window(
                {
                    "bucket_ns": {"type": "integer"},
                    "duration_error_max": {"type": "number"},
                    "actions": array(ref("Action")),
                }
            ),
        ),
    }


def _collector() -> dict[str, Any]:
    status = {"ready": {"type": "boolean"}, "version": TEXT, "store": {"type": "object"}}
    return {
        "/api/v1/status": _get("The collector's own state", [], answer(status)),
        "/api/v1/rejected": _get(
            "The records rejected last, and why",
            [],
            answer({"rejected": array(ref("Rejected"))}),
        ),
        "/api/v1/openapi.json": _get("This description", [], {"type": "object"}),
    }


def _session() -> dict[str, Any]:
    told = {
        "tokens_required": {"type": "boolean"},
        "signed_in": {"type": "boolean"},
        "name": {"type": ["string", "null"]},
        "scopes": array(TEXT),
    }
    body = {"type": "object", "properties": {"token": TEXT}, "required": ["token"]}
    return {
        "/api/v1/session": {
            **_get("Who is signed in to the dashboard", [], answer(told)),
            "post": {
                **_operation("Sign in: a token of scope read for a cookie", [], answer(told)),
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": body}},
                },
            },
            "delete": _operation("Sign out", [], answer(told)),
        }
    }


def _admin() -> dict[str, Any]:
    request_id = {"request_id": {**TEXT, "format": "uuid"}}
    return {
        "/api/v1/users/{user_id}/events": {
            "delete": _operation(
                "Erase everything of one user, for good (scope admin)",
                [take.text_path("user_id")],
                answer({"erased": ref("Erased"), **request_id}),
            )
        },
        "/api/v1/prune": {
            "post": _operation(
                "Remove what is past the retention, now (scope admin)",
                [take.FORCE],
                answer({"purged": ref("Purged"), **request_id}),
            )
        },
        "/api/v1/import": {
            "post": {
                **_operation(
                    "Store lines of JSON: exported event logs, or OTLP requests (scope admin)",
                    [],
                    answer({"imported": ref("Imported")}),
                    more=("415",),
                ),
                "requestBody": {"required": True, "content": {NDJSON: {"schema": TEXT}}},
            }
        },
    }


def _get(
    summary: str,
    parameters: list[dict[str, Any]],
    schema: dict[str, Any],
    *,
    media_types: tuple[str, ...] = (JSON,),
    more: tuple[str, ...] = (),
) -> dict[str, Any]:
    return {"get": _operation(summary, parameters, schema, media_types=media_types, more=more)}


def _operation(
    summary: str,
    parameters: list[dict[str, Any]],
    schema: dict[str, Any],
    *,
    media_types: tuple[str, ...] = (JSON,),
    more: tuple[str, ...] = (),
) -> dict[str, Any]:
    content = {media_type: {"schema": schema} for media_type in media_types}
    wrong = {"description": "Error", "content": {JSON: {"schema": ref("Error")}}}
    return {
        "summary": summary,
        "parameters": parameters,
        "responses": {
            "200": {"description": summary, "content": content},
            **dict.fromkeys(sorted((*_READ_ERRORS, *more)), wrong),
        },
    }
