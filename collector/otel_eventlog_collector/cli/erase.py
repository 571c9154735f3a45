"""`otel-eventlog erase`: remove everything of one user."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import Annotated

import typer

from otel_eventlog_collector.cli.admin_client import open_admin
from otel_eventlog_collector.cli.options import AdminToken, AsJson, Served, ServedData
from otel_eventlog_collector.cli.output import note, print_json, safe
from otel_eventlog_collector.errors import CollectorError, ConfigError


def erase(
    user_id: Annotated[
        str, typer.Argument(metavar="USER_ID", help="The user's id, exactly as event logs show it.")
    ],
    *,
    url: Served = None,
    data: ServedData = None,
    token: AdminToken = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase all requests of one user, for good: rows, counts, and the bytes in the files.

    What is erased does not come back when it is delivered again. That somebody erased is itself
    kept as an event log, EraseUserEvents, with a keyed hash of the user's id where there is a key.
    Copies elsewhere are not reached: exports, backups, and where event logs were forwarded to.

    For example: `otel-eventlog erase user-1 --data DIR`
    """
    if not user_id:
        raise ConfigError("USER_ID is empty", hint="give the id of one user")
    with closing(open_admin(url, data, token)) as client:
        if not yes:
            _confirm(user_id, client.place)
        answer = client.erase(user_id)
    erased = answer["erased"]
    if as_json:
        print_json([{**erased, "request_id": answer["request_id"]}])
        return
    note(
        f"{erased['event_logs']:,} event logs of {erased['requests']:,} requests erased; "
        f"recorded as request {safe(answer['request_id'])}."
    )
    for name in erased["lingering"]:
        note(f"note: {name}: the bytes go when a long reading of it ends; erase again to be sure.")
    for name in erased["unread"]:
        note(f"note: {name}: was set aside as damaged; nobody can say whether the user is in it.")


def _confirm(user_id: str, place: str) -> None:
    if not sys.stdin.isatty():
        raise ConfigError("nobody is there to confirm the erasure", hint="say --yes if it is meant")
    sys.stderr.write(
        f"Erase everything of user {safe(user_id)!r} in {safe(place)}? It cannot be undone. [y/N] "
    )
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CollectorError("not confirmed; nothing was erased")
