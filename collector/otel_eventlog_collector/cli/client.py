"""Where reading commands read: a running collector, or a data directory. One protocol for both.

Both answer the API's questions with the API's JSON objects, so everything that prints is written
once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from otel_eventlog_collector import defaults
from otel_eventlog_collector.defaults import ENV_PREFIX, URL_VARIABLE
from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.insight.views import Parameters

GAP = "note: event logs were purged before they could be shown here"

Question: TypeAlias = Literal["events", "requests", "histogram", "facets", "actions", "rejected"]


class Client(Protocol):
    """What commands ask of a collector or of a directory."""

    def ask(self, question: Question, parameters: Parameters) -> dict[str, Any]:
        """Return the answer to `GET /api/v1/{question}`."""
        ...

    def request(self, request_id: str) -> dict[str, Any]:
        """Return one request with both halves, why, and the trace's link."""
        ...

    def status(self) -> dict[str, Any]:
        """Return figures about the store (and, from a running collector, about itself)."""
        ...

    def export(self, parameters: Parameters) -> Iterator[str]:
        """Yield the text of an export."""
        ...

    def follow(self, parameters: Parameters) -> Iterator[dict[str, Any] | None]:
        """Yield event logs as they are committed; None each time nothing is new.

        The first None comes as soon as it is watching: what is committed later is not missed.
        """
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...


def open_client(
    url: str | None, data: Path | None, token: str | None, trace_url: str | None = None
) -> Client:
    """Return where to read: what was asked for, else what is found.

    `--url` and `--data` come first, then the environment variables; after them a collector at the
    default address, and the default data directory.

    Raises:
        ConfigError: both were asked for, or there is nothing to read.

    """
    variable_data = os.environ.get(ENV_PREFIX + "DATA")
    url_is_option = bool(url) and url != os.environ.get(URL_VARIABLE)
    if data is not None and url_is_option:
        raise ConfigError("--url and --data are both given", hint="give the one from which to read")
    if data is None and not url and variable_data:
        data = Path(variable_data)
    if data is not None:
        return _directory_client(data, trace_url)

    # Imported here and below, because reading a directory needs no HTTP and the other way round.
    from otel_eventlog_collector.cli.http_client import HttpClient, answers

    if url or answers(defaults.HTTP_URL):
        return HttpClient(url or defaults.HTTP_URL, token, trace_url)
    default = defaults.data_directory()
    if default.is_dir():
        return _directory_client(default, trace_url)
    raise ConfigError(
        f"no collector answers at {defaults.HTTP_URL}, and {default} does not exist",
        hint="start one with `otel-eventlog serve`, or say where to read: --url URL or --data DIR",
    )


def _directory_client(data: Path, trace_url: str | None) -> Client:
    from otel_eventlog_collector.cli.directory_client import DirectoryClient

    return DirectoryClient(data, trace_url)
