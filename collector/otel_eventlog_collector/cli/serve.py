"""`otel-eventlog serve`: run the collector."""

from __future__ import annotations

import logging

import typer

from otel_eventlog_collector.cli import serve_options as options
from otel_eventlog_collector.cli.log_lines import log_to_stderr

_log = logging.getLogger(__name__)


def serve(  # noqa: PLR0913 - one argument for each option
    *,
    data: options.Data = None,
    store: options.Store = None,
    otlp_http: options.OtlpHttp = None,
    otlp_grpc: options.OtlpGrpc = None,
    http: options.Http = None,
    rules: options.Rules = None,
    pack: options.Pack = None,
    no_default_packs: options.NoDefaultPacks = None,
    retention: options.Retention = None,
    max_size: options.MaxSize = None,
    no_outcome_after: options.NoOutcomeAfter = None,
    trace_url: options.TraceUrl = None,
    forward_traces_to: options.ForwardTracesTo = None,
    hash_key_file: options.HashKeyFile = None,
    hash_client_address: options.HashClientAddress = None,
    hash_identifiers: options.HashIdentifiers = None,
    token_file: options.TokenFile = None,
    tls_cert: options.TlsCert = None,
    tls_key: options.TlsKey = None,
    tls_client_ca: options.TlsClientCa = None,
    allowed_host: options.AllowedHost = None,
    log_format: options.LogFormat = None,
    config: options.Config = None,
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
    given = {name: value for name, value in locals().items() if value not in (None, [])}
    given.pop("config", None)
    # Not above: it takes its time to import, and `--help` and completion need none of it.
    from otel_eventlog_collector.config import load_settings
    from otel_eventlog_collector.service import run_service

    log_to_stderr("text")  # until the settings are known
    settings, warnings = load_settings(given, config)
    log_to_stderr(settings.log_format)
    for warning in warnings:
        _log.warning("%s", warning)
    run_service(settings, announce=_announce)


def _announce(line: str) -> None:
    typer.echo(line)
