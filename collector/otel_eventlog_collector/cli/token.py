"""`otel-eventlog token`: who may send and read."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from otel_eventlog_collector import defaults
from otel_eventlog_collector.cli.options import AsJson
from otel_eventlog_collector.cli.output import console, note, print_json, safe
from otel_eventlog_collector.cli.user import user_name
from otel_eventlog_collector.errors import NotFound
from otel_eventlog_collector.event_json import rfc3339
from otel_eventlog_collector.tokens import (
    TOKEN_BYTES,
    Scope,
    Token,
    change_tokens,
    new_token,
    read_tokens,
    revoked,
)

token_app = typer.Typer(
    no_args_is_help=True,
    help="Make, list and revoke the tokens that a collector wants from senders and readers.",
)

TokenFileOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar=defaults.ENV_PREFIX + "TOKEN_FILE",
        help="The token file. [default: tokens.json in the user's configuration directory]",
    ),
]


def _path(token_file: Path | None) -> Path:
    return token_file or defaults.token_file()


@token_app.command()
def create(
    *,
    scope: Annotated[
        list[Scope], typer.Option(help="What it is good for; repeat for more than one.")
    ],
    name: Annotated[str, typer.Option(metavar="TEXT", help="What it is for, for people.")] = "",
    token_file: TokenFileOption = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, once: the file keeps only its hash.

    Scopes: ingest = send event logs and spans; read = dashboard, API and reading commands;
    admin = erase, prune, import. A running collector knows the token at once, and records that
    it was made as an event log.

    For example: `otel-eventlog token create --scope ingest --name shop --token-file tokens.json`
    """
    path = _path(token_file)
    text, entry = new_token(
        secrets.token_bytes(TOKEN_BYTES), name, scope, rfc3339(time.time_ns()), user_name() or ""
    )
    change_tokens(path, lambda known: [*known, entry])
    if as_json:
        print_json([{"id": entry.id, "name": name, "scopes": entry.scopes, "token": text}])
        return
    typer.echo(text)
    note(f"Token {entry.id} for {', '.join(entry.scopes)}; it cannot be shown again. Start the")
    note(f"collector with --token-file {path}.")


@token_app.command("list")
def list_(*, token_file: TokenFileOption = None, as_json: AsJson = False) -> None:
    """List the tokens: id, name, scopes, when made. The tokens themselves are nowhere."""
    found = read_tokens(_path(token_file))
    if as_json:
        print_json(
            {"id": each.id, "name": each.name, "scopes": each.scopes, "created": each.created}
            for each in found
        )
        return
    table = Table("ID", "NAME", "SCOPES", "CREATED", box=None, pad_edge=False)
    for each in found:
        table.add_row(each.id, safe(each.name), ", ".join(each.scopes), each.created)
    console().print(table)


@token_app.command()
def revoke(
    token_id: Annotated[
        str, typer.Argument(metavar="ID", help="The token's id, as `token list` shows it.")
    ],
    *,
    token_file: TokenFileOption = None,
) -> None:
    """Take a token away; a running collector refuses it at once, and records that.

    For example: `otel-eventlog token revoke 1f3a9c02`
    """
    path = _path(token_file)
    now, by = rfc3339(time.time_ns()), user_name() or ""

    def without(known: tuple[Token, ...]) -> list[Token]:
        good = [each.id for each in known if not each.revoked]
        if token_id not in good:
            ids = ", ".join(good) or "none"
            raise NotFound(f"{path}: no token has the id {token_id!r}; there are: {ids}")
        return [
            revoked(each, now, by) if each.id == token_id and not each.revoked else each
            for each in known
        ]

    read_tokens(path)
    change_tokens(path, without)
    note(f"Token {token_id} is revoked.")
