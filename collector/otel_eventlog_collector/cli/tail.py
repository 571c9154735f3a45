"""`otel-eventlog tail`: event logs as they happen."""

from __future__ import annotations

import sys
from contextlib import closing, suppress
from typing import Annotated

import typer

from otel_eventlog_collector.cli.client import Client, open_client
from otel_eventlog_collector.cli.options import (
    WHICH,
    AccessToken,
    AsJson,
    Data,
    Search,
    Since,
    Url,
    given,
    with_filters,
)
from otel_eventlog_collector.cli.output import Lines, note, print_json
from otel_eventlog_collector.query import LIMIT_MAX

LAST_DEFAULT = 10


@with_filters
def tail(
    *,
    url: Url = None,
    data: Data = None,
    token: AccessToken = None,
    since: Since = None,
    q: Search = None,
    last: Annotated[
        int | None,
        typer.Option(
            "--last",
            "-n",
            metavar="NUMBER",
            min=0,
            max=LIMIT_MAX,
            help=f"Begin with the last so many. [default: {LAST_DEFAULT} on a terminal, else 0]",
            rich_help_panel=WHICH,
        ),
    ] = None,
    as_json: AsJson = False,
    filters: list[tuple[str, str]],
) -> None:
    """Follow event logs live; Ctrl-C ends it.

    A start shows as soon as its request begins. After a lost connection it goes on where it
    stopped.

    For example:

    `otel-eventlog tail --status error`

    `otel-eventlog tail --user-id u-1 --json`
    """
    parameters = [*filters, *given(since=since, q=q)]
    first = last if last is not None else LAST_DEFAULT if sys.stdout.isatty() and not as_json else 0
    with closing(open_client(url, data, token)) as client, suppress(KeyboardInterrupt):
        _follow(client, parameters, first, as_json=as_json)


def _follow(
    client: Client, parameters: list[tuple[str, str]], first: int, *, as_json: bool
) -> None:
    lines = Lines()
    show = print_json if as_json else lines.print
    shown: dict[str, object] = {}
    watching = False
    for event in client.follow(parameters):
        if event is None:
            if not watching:
                watching = True
                if first:
                    # Asked for after the watching began: what lies between comes twice.
                    page = client.ask("events", [*parameters, *given(limit=first)])
                    shown = {each["event_id"]: each for each in page["events"]}
                    show(reversed(page["events"]))
                note("Waiting for event logs; Ctrl-C ends it.")
        elif shown.pop(event["event_id"], None) != event:
            show([event])
