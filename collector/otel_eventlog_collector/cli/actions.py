"""`otel-eventlog actions`: the catalogue of actions, and which of them were seen."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer
from rich.table import Table

from otel_eventlog.actions import catalogue
from otel_eventlog_collector.cli.client import open_client
from otel_eventlog_collector.cli.options import (
    AccessToken,
    AsJson,
    Data,
    Search,
    Since,
    Until,
    Url,
    given,
    with_filters,
)
from otel_eventlog_collector.cli.output import console, note, print_json, safe


@with_filters
def actions(  # noqa: PLR0913 - one argument for each option
    *,
    url: Url = None,
    data: Data = None,
    token: AccessToken = None,
    since: Since = None,
    until: Until = None,
    q: Search = None,
    seen: Annotated[
        bool,
        typer.Option("--seen", help="List the actions seen instead, with counts by status."),
    ] = False,
    as_json: AsJson = False,
    filters: list[tuple[str, str]],
) -> None:
    """List the known actions with their meaning, or with --seen those seen, with counts.

    Names that stand on the reference's own page are marked documented, the others derived. The
    set is open: a rule may use any name. --seen looks at the last day, or since --since; it is
    implied by any option that says where to read, or which event logs.

    For example:

    `otel-eventlog actions`

    `otel-eventlog actions --seen --since -7d`
    """
    parameters = [*filters, *given(since=since, until=until, q=q)]
    if not (seen or url or data or parameters):
        _print_catalogue(as_json=as_json)
        return
    with closing(open_client(url, data, token)) as client:
        found = client.ask("actions", parameters)["actions"]
    if as_json:
        print_json(found)
        return
    if not found:
        note("No event log passes. Widen the time with --since -30d, or the filters.")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("ACTION")
    table.add_column("CATEGORY", style="dim")
    table.add_column("START", justify="right", style="blue")
    table.add_column("SUCCESS", justify="right", style="green")
    table.add_column("ERROR", justify="right", style="red")
    table.add_column("ERROR RATE", justify="right")
    for each in found:
        rate = each["error_rate"]
        table.add_row(
            safe(each["action"]),
            safe(each["category"]),
            str(each["start"]),
            str(each["success"]),
            str(each["error"]),
            "" if rate is None else f"{rate:.1%}",
        )
    console().print(table)


def _print_catalogue(*, as_json: bool) -> None:
    infos = catalogue().values()
    if as_json:
        print_json(
            {
                "action": info.name,
                "category": info.category,
                "auth_method": info.auth_method,
                "auth_factor": info.auth_factor,
                "documented": info.documented,
                "meaning": info.meaning,
            }
            for info in infos
        )
        return
    table = Table(box=None, pad_edge=False)
    # A name that is cut off can be neither searched nor copied.
    table.add_column("ACTION", min_width=max(len(info.name) for info in infos))
    for header in ("CATEGORY", "METHOD", "NAME IS", "MEANING"):
        table.add_column(header)
    for info in infos:
        origin = "documented" if info.documented else "derived"
        table.add_row(info.name, info.category, info.auth_method or "", origin, info.meaning)
    console().print(table)
