"""`otel-eventlog show`: one request, whole."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Annotated, Any

import typer
from rich.text import Text

from otel_eventlog_collector.cli.client import open_client
from otel_eventlog_collector.cli.options import AccessToken, AsJson, Data, TraceUrl, Url
from otel_eventlog_collector.cli.output import (
    console,
    duration_text,
    print_json,
    safe,
    status_text,
    time_text,
    write,
)

_SHOWN_ABOVE = frozenset(
    {"event_id", "request_id", "phase", "status", "time", "time_unix_nano", "duration_ns"}
    | {"action", "attributes"}
)
_LABEL_CHARS = 18


def show(
    request_id: Annotated[
        str,
        typer.Argument(metavar="REQUEST_ID", help="The request's id, from any event log of it."),
    ],
    *,
    url: Url = None,
    data: Data = None,
    token: AccessToken = None,
    trace_url: TraceUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show one request: its start and outcome, how long it took, why it ended so, its trace.

    For example: `otel-eventlog show 0199a3f2-7c1e-7000-8000-0123456789ab`
    """
    with closing(open_client(url, data, token, trace_url)) as client:
        found = client.request(request_id.strip())
    if as_json:
        print_json(half for half in (found["start"], found["outcome"]) if half)
        return
    out = console()
    for line in _lines(found):
        if out.is_terminal:
            out.print(line, soft_wrap=True)
        else:
            write(line.plain.rstrip() + "\n")


def _lines(found: Mapping[str, Any]) -> list[Text]:
    known = found["outcome"] or found["start"]
    state = "" if found["state"] == "finished" else f"  ({found['state'].replace('_', ' ')})"
    lines = [
        Text.assemble(Text(safe(found["action"]), style="bold"), "  ", safe(found["request_id"])),
        Text(),
        *(_half(half) for half in (found["start"], found["outcome"]) if half),
    ]
    lines += [
        Text(),
        _labelled("duration", duration_text(found["duration_ns"]) or f"not known{state}"),
        _labelled("why", found["why"]),
        _labelled("trace", _trace_text(found)),
        Text(),
    ]
    fields = {**known, **{f"attributes.{key}": value for key, value in known["attributes"].items()}}
    lines += [
        _labelled(name, str(value))
        for name, value in fields.items()
        if name not in _SHOWN_ABOVE and value is not None and value is not False
    ]
    if found["neighbours"]:
        lines += [Text(), Text("Other requests of the same trace", style="bold")]
        lines += [_neighbour(other) for other in found["neighbours"]]
    return lines


def _half(half: Mapping[str, Any]) -> Text:
    return Text.assemble(
        "  ", status_text(half["status"], 8), time_text(half["time"]), "  ", safe(half["event_id"])
    )


def _labelled(name: str, value: str) -> Text:
    return Text.assemble("  ", Text(safe(name).ljust(_LABEL_CHARS), style="dim"), "  ", safe(value))


def _trace_text(found: Mapping[str, Any]) -> str:
    if found["trace_url"]:
        return str(found["trace_url"])
    if found["trace_id"] is None:
        return "none: reported outside any trace"
    if found["trace_sampled"] is False:
        return f"{found['trace_id']} (not sampled, so it was not exported)"
    return str(found["trace_id"])


def _neighbour(other: Mapping[str, Any]) -> Text:
    return Text.assemble(
        "  ",
        time_text(other["time"]),
        "  ",
        status_text(other["status"], 8),
        safe(other["action"]),
        "  ",
        Text(safe(other["request_id"]), style="dim"),
    )
