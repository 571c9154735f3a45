"""`otel-eventlog doctor`: what is wrong here, and how to mend it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.text import Text

from otel_eventlog_collector.cli.options import AccessToken, Data, Url
from otel_eventlog_collector.cli.output import console, safe
from otel_eventlog_collector.config import load_settings
from otel_eventlog_collector.defaults import CONFIG_VARIABLE, HTTP_URL
from otel_eventlog_collector.errors import CollectorError, ConfigError
from otel_eventlog_collector.store import open_store

_CONNECT_TIMEOUT_S = 1.0
_ENDPOINT_VARIABLE = "OTEL_EVENTLOG_ENDPOINT"
_PORTS = {"http": 80, "https": 443}
_GOOD, _BAD, _NOTE = "ok", "wrong", "note"


def doctor(
    *,
    url: Url = None,
    data: Data = None,
    token: AccessToken = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", envvar=CONFIG_VARIABLE, help="Configuration file to check."),
    ] = None,
) -> None:
    """Check the configuration, the data directory, the collector and the environment.

    Ends with exit code 1 if something is wrong.
    """
    out = console()
    wrong = 0
    findings = [
        *_configuration(data, config),
        *_collector(url or HTTP_URL, token),
        *_application(),
    ]
    styles = {_GOOD: "green", _BAD: "red", _NOTE: "yellow"}
    for level, text in findings:
        wrong += level == _BAD
        out.print(Text.assemble(Text(level.ljust(6), style=styles[level]), safe(text)))
    if wrong:
        raise CollectorError(f"{wrong} of {len(findings)} checks found something wrong")


def _configuration(data: Path | None, config: Path | None) -> Iterator[tuple[str, str]]:
    try:
        settings, warnings = load_settings({"data": data} if data else {}, config)
    except ConfigError as error:
        yield from ((_BAD, mistake) for mistake in error.mistakes)
        return
    yield _GOOD, "the configuration is right"
    yield from ((_NOTE, warning) for warning in warnings)
    if not settings.data.exists():
        yield _NOTE, f"the data directory {settings.data} does not exist yet"
        return
    try:
        store = open_store(settings.data, read_only=True)
        status = store.status()
        store.close()
    except ConfigError as error:
        yield from ((_BAD, mistake) for mistake in error.mistakes)
    else:
        yield _GOOD, f"the data directory {settings.data} holds {status.events:,} event logs"


def _collector(url: str, token: str | None) -> Iterator[tuple[str, str]]:
    from otel_eventlog_collector.cli.http_client import HttpClient

    client = HttpClient(url, token, None)
    try:
        status = client.status()
    except CollectorError as error:
        yield _NOTE, f"{error.message}; {error.hint}"
        return
    finally:
        client.close()
    yield _GOOD, f"a collector answers at {url}: {status['store']['events']:,} event logs"
    for name, address in status["listeners"].items():
        yield _GOOD, f"it listens for {name} at {address}"
    refused = status["purge_refused"]
    if refused:
        yield _BAD, f"the retention removes nothing: {refused}; check this machine's clock"


def _application() -> Iterator[tuple[str, str]]:
    """Check what an application started in this environment would do."""
    endpoint = os.environ.get(_ENDPOINT_VARIABLE)
    if not endpoint:
        yield _NOTE, f"{_ENDPOINT_VARIABLE} is not set here: applications send no event logs"
        return
    try:
        address = urlsplit(endpoint)
        port = address.port or _PORTS[address.scheme]
        with socket.create_connection((address.hostname or "", port), _CONNECT_TIMEOUT_S):
            yield _GOOD, f"{_ENDPOINT_VARIABLE} {endpoint}: somebody listens there"
    except (OSError, ValueError, KeyError) as error:
        yield (
            _BAD,
            (
                f"{_ENDPOINT_VARIABLE} {endpoint!r}: nobody listens there ({error}); start a "
                "collector, or write it as in http://localhost:4328"
            ),
        )
