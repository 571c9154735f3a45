"""The options of `otel-eventlog serve`; each is a key of `config.Settings` too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from otel_eventlog_collector.defaults import CONFIG_VARIABLE, TRACE_URL

_LISTEN, _KEEP, _RULES, _ACCESS = "Listeners", "Storage", "Rules", "Access"

Data: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Data directory. [default: otel-eventlog in the user's data directory]",
        rich_help_panel=_KEEP,
    ),
]
Store: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Another store than SQLite in the data directory: clickhouse://…",
        rich_help_panel=_KEEP,
    ),
]
OtlpHttp: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="OTLP over HTTP. [default: 127.0.0.1:4328]",
        rich_help_panel=_LISTEN,
    ),
]
OtlpGrpc: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="OTLP over gRPC. [default: 127.0.0.1:4327]",
        rich_help_panel=_LISTEN,
    ),
]
Http: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Dashboard and API. [default: 127.0.0.1:4329]",
        rich_help_panel=_LISTEN,
    ),
]
Rules: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="Rule file; repeat for more, the first match wins.",
        rich_help_panel=_RULES,
    ),
]
Pack: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME", help="Built-in rules to add; repeat for more.", rich_help_panel=_RULES
    ),
]
NoDefaultPacks: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--no-default-packs",
        help="Leave out the packs that are on by default.",
        rich_help_panel=_RULES,
    ),
]
Retention: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="DURATION",
        help="How long event logs are kept. [default: 30d]",
        rich_help_panel=_KEEP,
    ),
]
MaxSize: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Most disk space, as in 20GB; the oldest days go first. [default: no limit]",
        rich_help_panel=_KEEP,
    ),
]
NoOutcomeAfter: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="DURATION",
        help="When a start without outcome counts as having none. [default: 15m]",
    ),
]
TraceUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="TEMPLATE", help=f"Address of a trace. [default: {TRACE_URL}]"),
]
ForwardTracesTo: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Pass received traces on to this OTLP/HTTP address, as they came.",
        rich_help_panel=_LISTEN,
    ),
]
HashKeyFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Secret key for hashes of tokens and addresses.",
        rich_help_panel=_ACCESS,
    ),
]
HashClientAddress: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--hash-client-address",
        help="Keep client addresses as keyed hashes only.",
        rich_help_panel=_ACCESS,
    ),
]
HashIdentifiers: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--hash-identifiers",
        help="Keep e-mail addresses and phone numbers as keyed hashes only.",
        rich_help_panel=_ACCESS,
    ),
]
TokenFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Tokens that senders and readers need; made by `otel-eventlog token create`.",
        rich_help_panel=_ACCESS,
    ),
]
TlsCert: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Certificate chain (PEM): all listeners speak TLS. Needs --tls-key.",
        rich_help_panel=_ACCESS,
    ),
]
TlsKey: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Private key of the certificate (PEM).",
        rich_help_panel=_ACCESS,
    ),
]
TlsClientCa: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Senders must show a certificate signed by one of these (PEM).",
        rich_help_panel=_ACCESS,
    ),
]
AllowedHost: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Host name under which the dashboard is reached, e.g. behind a proxy; repeatable.",
        rich_help_panel=_ACCESS,
    ),
]
LogFormat: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="FORMAT",
        help="Own log on stderr: text, or json for one object a line. [default: text]",
    ),
]
Config: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar=CONFIG_VARIABLE,
        help='TOML file with these options as keys, e.g. retention = "30d".',
    ),
]
