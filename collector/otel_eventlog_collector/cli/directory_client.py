"""Reading a data directory straight from disk, also while a collector writes to it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from otel_eventlog_collector.cli.client import GAP, Question
from otel_eventlog_collector.cli.output import note
from otel_eventlog_collector.defaults import ENV_PREFIX, NO_OUTCOME_AFTER, TRACE_URL
from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.insight.views import Parameters, Views, store_figures
from otel_eventlog_collector.query_parse import parse_parameters
from otel_eventlog_collector.query_parse.times import parse_duration_ns
from otel_eventlog_collector.store import open_store

POLL_S = 0.2
"""How often the directory is looked at by `tail`."""
TAIL_EVENTS_MAX = 500


class DirectoryClient:
    """Reads a data directory, also while a collector writes to it."""

    def __init__(self, data: Path, trace_url: str | None) -> None:
        self._reader = open_store(data, read_only=True)
        template = TRACE_URL if trace_url is None else trace_url
        self._views = Views(self._reader, time.time_ns, template, _no_outcome_after_ns())

    def ask(self, question: Question, parameters: Parameters) -> dict[str, Any]:
        """Answer as the API would."""
        if question == "rejected":
            raise ConfigError(
                "rejected records are not in a data directory",
                hint="ask the running collector that refused them, with --url URL",
            )
        answer: dict[str, Any] = getattr(self._views, question)(parameters)
        return answer

    def request(self, request_id: str) -> dict[str, Any]:
        """Answer as the API would."""
        found: dict[str, Any] = self._views.request(request_id)["request"]
        return found

    def status(self) -> dict[str, Any]:
        """Return the store's figures."""
        return {"ok": True, "store": store_figures(self._reader.status())}

    def export(self, parameters: Parameters) -> Iterator[str]:
        """Yield the text of an export."""
        return self._views.export(parameters)[1]

    def follow(self, parameters: Parameters) -> Iterator[dict[str, Any] | None]:
        """Poll the directory."""
        query = parse_parameters(parameters, time.time_ns(), ("since", "until", "q"))
        position = self._reader.position()
        yield None
        while True:
            batch = self._reader.tail(position, query, TAIL_EVENTS_MAX)
            position = batch.position
            if batch.gap:
                note(GAP)
            for _, event in batch.events:
                yield event_json(event)
            if not batch.events:
                yield None
                time.sleep(POLL_S)

    def close(self) -> None:
        """Close the files."""
        self._reader.close()


def _no_outcome_after_ns() -> int:
    """Return what the collector of this environment would take."""
    variable = ENV_PREFIX + "NO_OUTCOME_AFTER"
    try:
        return parse_duration_ns(os.environ.get(variable) or NO_OUTCOME_AFTER)
    except ValueError as error:
        raise ConfigError(f"{variable}: {error}") from None
