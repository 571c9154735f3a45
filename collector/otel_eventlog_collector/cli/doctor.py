"""`otel-eventlog doctor`: what is wrong here, and how to mend it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from otel_eventlog import environment_variables as names
from otel_eventlog.errors import RuleError, SettingsError
from otel_eventlog.guard import RAISE_SWITCH
from otel_eventlog_collector.cli.options import AccessToken, Data, Url
from otel_eventlog_collector.cli.output import console, safe
from otel_eventlog_collector.config import load_settings
from otel_eventlog_collector.defaults import CONFIG_VARIABLE, HTTP_URL
from otel_eventlog_collector.errors import CollectorError, ConfigError
from otel_eventlog_collector.store import open_store

_ANSWER_TIMEOUT_S = 5.0
_ENDPOINT_VARIABLE = names.OTEL_EVENTLOG_ENDPOINT
_PREFIX = "OTEL_EVENTLOG_"
_COLLECTOR_PREFIX = "OTEL_EVENTLOG_COLLECTOR_"
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
    """Check the configuration, the data directory, the collector, and what applications get here.

    Of an application started in this environment: settings, rules, packs, and whether its endpoint
    takes event logs.

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
    refused = (status["last_purge"] or {}).get("refused")
    if refused:
        yield _BAD, f"the retention removes nothing: {refused}; check this machine's clock"


def _application() -> Iterator[tuple[str, str]]:
    """Check what an application started in this environment would do."""
    from otel_eventlog.delivery.sender import Answer
    from otel_eventlog.rulefile import load_rule_set
    from otel_eventlog.settings import DEFAULT_ENDPOINTS, Settings, build_sender

    yield from _unknown_variables()
    try:
        settings = Settings.from_env(os.environ)
        load_rule_set(settings.rules, settings.packs)
        sender = build_sender(settings)
    except (SettingsError, RuleError) as error:
        yield from ((_BAD, f"applications: {mistake}") for mistake in error.mistakes)
        return
    if settings.endpoint is None:
        yield _NOTE, f"{_ENDPOINT_VARIABLE} is not set here: applications send no event logs"
        return
    result = sender.send(b"", _ANSWER_TIMEOUT_S)  # a request without event logs
    sender.close()
    if result.answer is Answer.DELIVERED:
        yield _GOOD, f"applications: a collector at {settings.endpoint} takes event logs"
    else:
        why = f"{settings.endpoint} takes no event logs ({result.detail})"
        hint = f"start a collector there, or write it as in {DEFAULT_ENDPOINTS[settings.protocol]}"
        yield _BAD, f"applications: {why}; {hint}"


def _unknown_variables() -> Iterator[tuple[str, str]]:
    known = [RAISE_SWITCH, *(v for v in vars(names).values() if str(v).startswith(_PREFIX))]
    for variable in sorted(os.environ):
        if not variable.startswith(_PREFIX) or variable in known:
            continue
        if not variable.startswith(_COLLECTOR_PREFIX):
            near = get_close_matches(variable, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield _NOTE, f"applications: {variable} is not a variable of otel-eventlog{hint}"
