"""Options that several commands share; the filters are made from `query.FILTER_FIELDS`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

import typer

from otel_eventlog_collector.defaults import ENV_PREFIX, TOKEN_VARIABLE, URL_VARIABLE
from otel_eventlog_collector.query import FILTER_FIELDS, NUMBER_FIELDS

WHERE = "Where to read"
WHICH = "Which event logs"
FILTERS = "Filters (repeat for OR, end with * for begins with, --FIELD!=VALUE for not)"

Url: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar=URL_VARIABLE,
        help="A running collector, as in http://127.0.0.1:4329.",
        rich_help_panel=WHERE,
    ),
]
Data: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="A data directory, read straight from disk, also while a collector runs.",
        rich_help_panel=WHERE,
    ),
]
Served: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        envvar=URL_VARIABLE,
        help="The running collector that does it, as in http://127.0.0.1:4329.",
        rich_help_panel=WHERE,
    ),
]
ServedData: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="The data directory; if a collector serves it, that one is asked to do it.",
        rich_help_panel=WHERE,
    ),
]
AdminToken: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TOKEN",
        envvar=TOKEN_VARIABLE,
        help="Token of scope admin, if the collector wants one; better given in the environment.",
        rich_help_panel=WHERE,
    ),
]
AccessToken: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TOKEN",
        envvar=TOKEN_VARIABLE,
        help="Token of scope read, if the collector wants one; better given in the environment.",
        rich_help_panel=WHERE,
    ),
]
TraceUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="TEMPLATE",
        envvar=ENV_PREFIX + "TRACE_URL",
        help="Address of a trace, with {trace_id} in it. [default: Jaeger on localhost:16686]",
        rich_help_panel=WHERE,
    ),
]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="One JSON object a line, for programs.")
]
Since: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="From this time on: 2026-11-23T10:42:00Z, -15m, -7d.",
        rich_help_panel=WHICH,
    ),
]
Until: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Before this time.", rich_help_panel=WHICH),
]
Search: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="SEARCH",
        help='Search as in: status:error -action:Sessions* "10.1.2.3".',
        rich_help_panel=WHICH,
    ),
]

Command = TypeVar("Command", bound=Callable[..., Any])


def with_filters(command: Command) -> Command:
    """Give a command one option for each filter.

    The command gets them all in its argument `filters`: a list of (name, value) as the API takes.
    """
    signature = inspect.signature(command, eval_str=True)
    plain = [value for name, value in signature.parameters.items() if name != "filters"]
    names = [name for field in FILTER_FIELDS for name in (field, f"not_{field}")]

    @functools.wraps(command)
    def run(**arguments: Any) -> Any:
        filters: list[tuple[str, str]] = []
        for name in names:
            field = name.removeprefix("not_")
            key = field if name == field else field + "!"
            filters.extend((key, value) for value in arguments.pop(name) or ())
        return command(**arguments, filters=filters)

    wanted = [*plain, *(_filter_parameter(name) for name in names)]
    shown: Any = run
    shown.__signature__ = signature.replace(
        parameters=[each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in wanted]
    )
    shown.__annotations__ = {each.name: each.annotation for each in wanted}
    return shown  # type: ignore[no-any-return]


def _filter_parameter(name: str) -> inspect.Parameter:
    field = name.removeprefix("not_")
    option = "--" + field.replace("_", "-")
    negated = name != field
    words = field.replace("_", " ")
    annotation = Annotated[
        list[str] | None,
        typer.Option(
            option + "!" if negated else option,
            metavar="NUMBER" if field in NUMBER_FIELDS else "TEXT",
            help=f"{words} is not this." if negated else f"By {words}.",
            hidden=negated,
            rich_help_panel=FILTERS,
        ),
    ]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def given(**parameters: object) -> list[tuple[str, str]]:
    """Return the parameters that have a value, as the API takes them."""
    return [(name, str(value)) for name, value in parameters.items() if value is not None]
