"""`otel-eventlog rules explain`: which rule takes a request, and why."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, TypedDict

import typer
from rich.console import Console
from rich.progress import track

from otel_eventlog.model import SpanData
from otel_eventlog.rulefile import load_pack, load_rule_set, pack_names
from otel_eventlog.ruleset import RuleSet
from otel_eventlog_collector.cli.options import AsJson
from otel_eventlog_collector.cli.output import print_json, safe, write
from otel_eventlog_collector.cli.rule_options import NoDefaultPacks, Packs, Rules, read_spans
from otel_eventlog_collector.errors import ConfigError, NotFound
from otel_eventlog_collector.rule_tools.judgement import Judgement, RuleBook
from otel_eventlog_collector.rule_tools.spans import (
    attribute_values,
    short_span,
    spans_from_json,
)
from otel_eventlog_collector.rule_tools.wording import asked, explanation, judgement_json

SPANS_WITH_PROGRESS = 50
REQUEST = "The request"
ANSWER = "Its end: with one of these the outcome is told as well"


Span: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Instead of METHOD and PATH: spans as JSON (OTLP, Jaeger's or printed by the SDK) or "
        "event logs as `query --json` prints them; - reads standard input.",
    ),
]
Route: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="ROUTE", help="The span's http.route, if not PATH.", rich_help_panel=REQUEST
    ),
]
Host: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Server's name, for rules with `host`.", rich_help_panel=REQUEST
    ),
]
Kind: TypeAlias = Annotated[
    Literal["server", "client", "internal"],
    typer.Option(help="Kind of the span.", rich_help_panel=REQUEST),
]
Scope: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="Name of the instrumentation scope.", rich_help_panel=REQUEST
    ),
]
AttributeOptions: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE", help="Span attribute; repeat for more.", rich_help_panel=REQUEST
    ),
]
HttpStatus: TypeAlias = Annotated[
    int | None,
    typer.Option(metavar="NUMBER", help="HTTP status code.", rich_help_panel=ANSWER),
]
Location: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Header Location.", rich_help_panel=ANSWER),
]
ContentType: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="TYPE", help="Header Content-Type.", rich_help_panel=ANSWER),
]
ExceptionType: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="TYPE", help="An exception of this type.", rich_help_panel=ANSWER),
]
OwnStatus: TypeAlias = Annotated[
    Literal["unset", "ok", "error"] | None,
    typer.Option(help="The span's own status.", rich_help_panel=ANSWER),
]


def explain(  # noqa: PLR0913 - one argument for each option
    method: Annotated[
        str | None, typer.Argument(metavar="[METHOD]", help="HTTP method, as in POST.")
    ] = None,
    path: Annotated[
        str | None, typer.Argument(metavar="[PATH]", help="Route template or path, as in /login.")
    ] = None,
    *,
    span: Span = None,
    route: Route = None,
    host: Host = None,
    kind: Kind = "server",
    scope: Scope = "",
    attribute: AttributeOptions = None,
    status: HttpStatus = None,
    location: Location = None,
    content_type: ContentType = None,
    exception: ExceptionType = None,
    span_status: OwnStatus = None,
    rules: Rules = None,
    pack: Packs = None,
    no_default_packs: NoDefaultPacks = False,
    as_json: AsJson = False,
) -> None:
    """Tell which rule takes a request and why, its outcome, what is kept, and near misses.

    Exit code 1 if no rule takes it.

    For example:

    `otel-eventlog rules explain POST /login`

    `otel-eventlog rules explain POST /login --status 302 --location /login --rules auth.toml`

    `otel-eventlog rules explain POST /v1/sessions/revoke --kind client --host api.stytch.com`

    `otel-eventlog rules explain --span span.json`
    """
    book = RuleBook(load_rule_set(rules or (), pack or (), default_packs=not no_default_packs))
    answer: _Answer = {
        "status": status,
        "location": location,
        "content_type": content_type,
        "exception": exception,
    }
    spans = _spans_given(span, method, path)
    with_outcome = span_status is not None or any(end is not None for end in answer.values())
    if spans is not None:
        if with_outcome or any((path, route, host, scope, attribute)):
            raise ConfigError("a span tells all of a request", hint="leave out what tells it too")
        _tell(spans, book, as_json=as_json, with_outcome=True)
        return
    bare, query = _path(method, path)
    try:
        attributes = attribute_values(attribute or ())
    except ValueError as error:
        raise ConfigError(f"--attribute {error}") from None
    made = short_span(
        kind=kind,
        method=method,
        route=route or (bare if kind == "server" else None),
        path=bare,
        query=query,
        host=host,
        scope=scope,
        span_status=span_status or "unset",
        attributes=attributes,
        **answer,
    )
    _tell([made], book, as_json=as_json, with_outcome=with_outcome)


def _spans_given(file: Path | None, first: str | None, second: str | None) -> list[SpanData] | None:
    """Return the spans that were given instead of a method and a path; None for none.

    Who types a file's name, or JSON itself, where the method belongs means the same.
    """
    if file is not None:
        if first is not None:
            raise ConfigError("a span tells all of a request", hint="leave out METHOD and PATH")
        return read_spans(file, "--span")
    if first is None or second is not None:
        return None
    if first.lstrip()[:1] in ("{", "["):
        try:
            return spans_from_json(first)
        except ValueError as error:
            raise ConfigError(f"the span {error}") from None
    return read_spans(Path(first), "--span") if _is_readable(first) else None


def _is_readable(name: str) -> bool:
    try:
        return name == "-" or Path(name).is_file()
    except OSError:  # too long for a name
        return False


class _Answer(TypedDict):
    status: int | None
    location: str | None
    content_type: str | None
    exception: str | None


def _path(method: str | None, path: str | None) -> tuple[str, str | None]:
    """Return path and query string of what was typed."""
    if method is None or path is None:
        raise ConfigError("say METHOD and PATH", hint="as in POST /login, or give --span FILE")
    bare, _, query = path.partition("?")
    return bare, query or None


def _tell(spans: list[SpanData], book: RuleBook, *, as_json: bool, with_outcome: bool) -> None:
    missed: list[Judgement] = []
    # On a terminal the lines themselves show how far it is.
    hidden = len(spans) < SPANS_WITH_PROGRESS or sys.stdout.isatty() or not sys.stderr.isatty()
    out = Console(stderr=True)
    told = track(spans, "Judging", console=out, transient=True, disable=hidden)
    for number, span in enumerate(told):
        judgement = book.judge(span)
        if as_json:
            told_too = {} if judgement.rule else {"packs": _packs_for(span)}
            print_json([judgement_json(judgement, with_outcome=with_outcome) | told_too])
        else:
            lines = [*([""] if number else []), *explanation(judgement, with_outcome=with_outcome)]
            write("".join(f"{safe(line)}\n" for line in lines))
        if not judgement.action:
            missed.append(judgement)
    if len(missed) < len(spans):
        return
    what = asked(missed[0].span) if len(spans) == 1 else f"any of the {len(spans)} spans"
    if all(judgement.rule is None for judgement in missed):
        packs = sorted({name for judgement in missed for name in _packs_for(judgement.span)})
        pack = f"switch on a pack that takes it: {', '.join(packs)}" if packs else ""
        hint = f"{pack}, or" if pack else "no pack takes it either:"
        raise NotFound(
            f"no rule takes {what}: it yields no event log",
            hint=f"{hint} add a rule for it to a file of yours",
        )
    raise typer.Exit(1)


def _packs_for(span: SpanData) -> list[str]:
    """Return the packs that would take a span which no active rule takes."""
    match = (span.kind, span.attributes, span.scope_name)
    return [name for name in pack_names() if _pack(name).match(*match) is not None]


@cache
def _pack(name: str) -> RuleSet:
    return RuleSet([load_pack(name)])
