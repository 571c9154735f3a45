"""`otel-eventlog rules`: are rule files right, and which rule takes a request?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from otel_eventlog.errors import RuleError
from otel_eventlog.model import SpanKind
from otel_eventlog.rulefile import load_rule_file, load_rule_set, pack_names
from otel_eventlog_collector.cli.output import note, safe
from otel_eventlog_collector.errors import NotFound

rules_app = typer.Typer(
    no_args_is_help=True, help="Check rule files, and ask which rule takes a request."
)

_KINDS = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT, "internal": SpanKind.INTERNAL}


@rules_app.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Rule files, in TOML.")],
) -> None:
    """Check rule files and list every mistake with its line and a hint.

    For example: `otel-eventlog rules check auth.toml`
    """
    mistakes: list[str] = []
    for path in files:
        try:
            group = load_rule_file(path)
        except RuleError as error:
            mistakes.extend(error.mistakes)
        else:
            typer.echo(f"{path}: {len(group.rules)} rules, all right")
    if mistakes:
        raise RuleError(mistakes)


@rules_app.command()
def explain(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="HTTP method, as in POST.")],
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="Route template or path, as in /login.")
    ],
    *,
    host: Annotated[
        str | None, typer.Option(metavar="NAME", help="Server's name, for rules with `host`.")
    ] = None,
    kind: Annotated[
        Literal["server", "client", "internal"], typer.Option(help="Kind of the span.")
    ] = "server",
    rules: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Rule file; repeat for more.")
    ] = None,
    pack: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"Built-in rules to add: {', '.join(pack_names())}."),
    ] = None,
    no_default_packs: Annotated[
        bool,
        typer.Option("--no-default-packs", help="Leave out the packs that are on by default."),
    ] = False,
) -> None:
    """Tell which rule takes a request, and so which action it is.

    For example:

    `otel-eventlog rules explain POST /login`

    `otel-eventlog rules explain POST /v1/passwords/authenticate --kind client --pack stytch`
    """
    rule_set = load_rule_set(rules or (), pack or (), default_packs=not no_default_packs)
    bare, _, query = path.partition("?")
    attributes: dict[str, str] = {
        "http.request.method": method.upper(),
        "url.path": bare,
        "url.query": query,
    }
    if kind == "server":
        attributes["http.route"] = bare
    if host is not None:
        attributes["server.address"] = host
    match = rule_set.match(_KINDS[kind], attributes, "")
    asked = f"{method.upper()} {safe(path)} ({kind} span)"
    if match is None:
        raise NotFound(
            f"no rule takes {asked}: it yields no event log. Add a rule for it to a file of yours, "
            "or a pack: " + ", ".join(pack_names())
        )
    typer.echo(f"{asked} is {match.action}")
    if match.rule is not None:
        typer.echo(f"  by rule {match.rule.name!r} of {match.rule.source}")
    if match.holds_start:
        note("  Its start waits for its end, because the rule may conclude that nothing happened.")
