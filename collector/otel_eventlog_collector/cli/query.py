"""`otel-eventlog query`: search event logs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Annotated, Any, Literal

import typer

from otel_eventlog_collector.cli.client import Client, open_client
from otel_eventlog_collector.cli.options import (
    WHICH,
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
from otel_eventlog_collector.cli.output import Lines, note, print_json
from otel_eventlog_collector.query import LIMIT_DEFAULT, LIMIT_MAX


@with_filters
def query(  # noqa: PLR0913 - one argument for each option
    *,
    url: Url = None,
    data: Data = None,
    token: AccessToken = None,
    since: Since = None,
    until: Until = None,
    q: Search = None,
    order: Annotated[
        Literal["desc", "asc"],
        typer.Option(help="Newest first or oldest first.", rich_help_panel=WHICH),
    ] = "desc",
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            min=1,
            help=f"Print at most so many. [default: {LIMIT_DEFAULT}; with --json all]",
            rich_help_panel=WHICH,
        ),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Print all of them.", rich_help_panel=WHICH)
    ] = False,
    as_json: AsJson = False,
    filters: list[tuple[str, str]],
) -> None:
    """Search event logs.

    Without --url and --data it reads from the collector on this machine.

    For example:

    `otel-eventlog query --status error --since -1h`

    `otel-eventlog query --user-id u-1 --action 'Passwords*' --order asc`

    `otel-eventlog query --data DIR --json | jq -r .error_type | sort | uniq -c`
    """
    parameters = [*filters, *given(since=since, until=until, q=q, order=order)]
    wanted = None if all_ or (as_json and limit is None) else limit or LIMIT_DEFAULT
    with closing(open_client(url, data, token)) as client:
        pages = _pages(client, parameters, wanted)
        if as_json:
            for page in pages:
                print_json(page)
            return
        lines = Lines()
        count = 0
        for page in pages:
            lines.print(page)
            count += len(page)
    if not count:
        note("No event log passes. Widen the time or the filters; `stats` shows what is there.")
    elif count == wanted and limit is None and sys.stderr.isatty():
        note(f"The first {count}; --all prints all, --limit NUMBER so many.")


def _pages(
    client: Client, parameters: list[tuple[str, str]], wanted: int | None
) -> Iterator[list[dict[str, Any]]]:
    """Yield pages until there are no more, or as many event logs as wanted."""
    left = wanted
    cursor: str | None = None
    while left is None or left > 0:
        size = LIMIT_MAX if left is None else min(left, LIMIT_MAX)
        page = client.ask("events", [*parameters, *given(limit=size, cursor=cursor)])
        events: list[dict[str, Any]] = page["events"]
        yield events
        cursor = page["next_cursor"]
        if cursor is None:
            return
        left = None if left is None else left - len(events)
