"""`otel-eventlog serve`: run the collector."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from otel_eventlog_collector.cli.output import safe
from otel_eventlog_collector.defaults import CONFIG_VARIABLE, TRACE_URL

_LISTEN, _KEEP, _RULES, _ACCESS = "Listeners", "Storage", "Rules", "Access"
_log = logging.getLogger(__name__)


class _SafeFormatter(logging.Formatter):
    """Keeps what strangers sent from reaching the terminal as control characters."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(safe(line) for line in super().format(record).split("\n"))


def serve(  # noqa: PLR0913 - one argument for each option
    *,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Data directory. [default: otel-eventlog in the user's data directory]",
            rich_help_panel=_KEEP,
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Another store than SQLite in the data directory: clickhouse://…",
            rich_help_panel=_KEEP,
        ),
    ] = None,
    otlp_http: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="OTLP over HTTP. [default: 127.0.0.1:4328]",
            rich_help_panel=_LISTEN,
        ),
    ] = None,
    otlp_grpc: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="OTLP over gRPC. [default: 127.0.0.1:4327]",
            rich_help_panel=_LISTEN,
        ),
    ] = None,
    http: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Dashboard and API. [default: 127.0.0.1:4329]",
            rich_help_panel=_LISTEN,
        ),
    ] = None,
    rules: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Rule file; repeat for more, the first match wins.",
            rich_help_panel=_RULES,
        ),
    ] = None,
    pack: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Built-in rules to add; repeat for more.", rich_help_panel=_RULES
        ),
    ] = None,
    no_default_packs: Annotated[
        bool | None,
        typer.Option(
            "--no-default-packs",
            help="Leave out the packs that are on by default.",
            rich_help_panel=_RULES,
        ),
    ] = None,
    retention: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="How long event logs are kept. [default: 30d]",
            rich_help_panel=_KEEP,
        ),
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Most disk space, as in 20GB; the oldest days go first. [default: no limit]",
            rich_help_panel=_KEEP,
        ),
    ] = None,
    no_outcome_after: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="When a start without outcome counts as having none. [default: 15m]",
        ),
    ] = None,
    trace_url: Annotated[
        str | None,
        typer.Option(metavar="TEMPLATE", help=f"Address of a trace. [default: {TRACE_URL}]"),
    ] = None,
    forward_traces_to: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Pass received traces on to this OTLP/HTTP address, as they came.",
            rich_help_panel=_LISTEN,
        ),
    ] = None,
    hash_key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Secret key for hashes of tokens and addresses.",
            rich_help_panel=_ACCESS,
        ),
    ] = None,
    hash_client_address: Annotated[
        bool | None,
        typer.Option(
            "--hash-client-address",
            help="Keep client addresses as keyed hashes only.",
            rich_help_panel=_ACCESS,
        ),
    ] = None,
    hash_identifiers: Annotated[
        bool | None,
        typer.Option(
            "--hash-identifiers",
            help="Keep e-mail addresses and phone numbers as keyed hashes only.",
            rich_help_panel=_ACCESS,
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Tokens that senders and readers need; made by `otel-eventlog token create`.",
            rich_help_panel=_ACCESS,
        ),
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Host name under which the dashboard is reached, e.g. behind a proxy; repeatable.",
            rich_help_panel=_ACCESS,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar=CONFIG_VARIABLE,
            help='TOML file with these options as keys, e.g. retention = "30d".',
        ),
    ] = None,
) -> None:
    """Run the collector: receive OpenTelemetry, keep event logs, show them.

    Without options it listens on this machine only and keeps event logs for 30 days. Each option
    can also be a key of the --config file or an environment variable
    OTEL_EVENTLOG_COLLECTOR_…; an option wins over the environment, the environment over the file.

    When it takes event logs it prints a line for each listener, then `ready`. SIGTERM and Ctrl-C
    let it finish what it has taken and end with exit code 0; a second one ends it at once.

    For example:

    `otel-eventlog serve`

    `otel-eventlog serve --data /var/lib/eventlog --rules auth.toml --retention 90d --max-size 20GB`
    """
    # Not above: it takes its time to import, and `--help` and completion need none of it.
    from otel_eventlog_collector.config import load_settings
    from otel_eventlog_collector.service import run_service

    _log_to_stderr()
    options = {
        "data": data,
        "store": store,
        "otlp_http": otlp_http,
        "otlp_grpc": otlp_grpc,
        "http": http,
        "rules": rules or None,
        "pack": pack or None,
        "no_default_packs": no_default_packs,
        "retention": retention,
        "max_size": max_size,
        "no_outcome_after": no_outcome_after,
        "trace_url": trace_url,
        "forward_traces_to": forward_traces_to,
        "hash_key_file": hash_key_file,
        "hash_client_address": hash_client_address,
        "hash_identifiers": hash_identifiers,
        "token_file": token_file,
        "allowed_host": allowed_host or None,
    }
    given = {key: value for key, value in options.items() if value is not None}
    settings, warnings = load_settings(given, config)
    for warning in warnings:
        _log.warning("%s", warning)
    run_service(settings, announce=_announce)


def _announce(line: str) -> None:
    typer.echo(line)


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_SafeFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("httpx").setLevel(logging.WARNING)
