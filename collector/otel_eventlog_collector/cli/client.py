"""Where reading commands read: a running collector, or a data directory. One protocol for both.

Both answer the API's questions with the API's JSON objects, so everything that prints is written
once.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import httpx

from otel_eventlog_collector.cli.output import note
from otel_eventlog_collector.config import ENV_PREFIX, Settings, load_settings
from otel_eventlog_collector.errors import (
    CollectorError,
    ConfigError,
    NotFound,
    QueryError,
)
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.insight.views import Parameters, Views, store_figures
from otel_eventlog_collector.protocols import Store
from otel_eventlog_collector.query_parse import parse_parameters
from otel_eventlog_collector.service import open_reader

URL_DEFAULT = "http://127.0.0.1:4329"
PROBE_TIMEOUT_S = 0.5
TIMEOUT_S = 60.0
SILENCE_S_MAX = 45.0
"""A stream silent for longer than three heartbeats is dead, and is opened again."""
RECONNECT_S = 1.0
POLL_S = 0.2
"""How often a directory is looked at by `tail`."""
TAIL_EVENTS_MAX = 500

Question: TypeAlias = Literal["events", "requests", "histogram", "facets", "actions"]


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
    url_is_option = bool(url) and url != os.environ.get(ENV_PREFIX + "URL")
    if data is not None and url_is_option:
        raise ConfigError("--url and --data are both given", hint="give the one from which to read")
    if data is not None:
        return DirectoryClient(data, trace_url)
    if url:
        return HttpClient(url, token, trace_url)
    if variable_data:
        return DirectoryClient(Path(variable_data), trace_url)
    if _answers(URL_DEFAULT):
        return HttpClient(URL_DEFAULT, token, trace_url)
    default = Settings.model_fields["data"].get_default(call_default_factory=True)
    if default.is_dir():
        return DirectoryClient(default, trace_url)
    raise ConfigError(
        f"no collector answers at {URL_DEFAULT}, and {default} does not exist",
        hint="start one with `otel-eventlog serve`, or say where to read: --url URL or --data DIR",
    )


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=PROBE_TIMEOUT_S).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


class DirectoryClient:
    """Reads a data directory, also while a collector writes to it."""

    def __init__(self, data: Path, trace_url: str | None) -> None:
        settings, _ = load_settings({"data": data})
        self._reader: Store = open_reader(data, time.time_ns)
        template = settings.trace_url if trace_url is None else trace_url
        self._views = Views(self._reader, time.time_ns, template, settings.no_outcome_after.ns)

    def ask(self, question: Question, parameters: Parameters) -> dict[str, Any]:
        """Answer as the API would."""
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
                note(_GAP)
            for _, event in batch.events:
                yield event_json(event)
            if not batch.events:
                yield None
                time.sleep(POLL_S)

    def close(self) -> None:
        """Close the files."""
        self._reader.close()


_GAP = "note: event logs were purged before they could be shown here"


class HttpClient:
    """Reads from a running collector."""

    def __init__(self, url: str, token: str | None, trace_url: str | None) -> None:
        if not url.startswith(("http://", "https://")):
            raise ConfigError(
                f"--url {url!r} is no address", hint=f"write it as in --url {URL_DEFAULT}"
            )
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._url = url.rstrip("/")
        self._trace_url = trace_url
        self._http = httpx.Client(
            base_url=self._url, headers=headers, timeout=TIMEOUT_S, trust_env=False
        )

    def ask(self, question: Question, parameters: Parameters) -> dict[str, Any]:
        """Ask the API."""
        return self._get(f"/api/v1/{question}", parameters)

    def request(self, request_id: str) -> dict[str, Any]:
        """Ask the API."""
        found: dict[str, Any] = self._get(f"/api/v1/requests/{request_id}", [])["request"]
        if self._trace_url is not None and found["trace_url"]:
            found["trace_url"] = self._trace_url.replace("{trace_id}", found["trace_id"])
        return found

    def status(self) -> dict[str, Any]:
        """Ask the API."""
        return self._get("/api/v1/status", [])

    def export(self, parameters: Parameters) -> Iterator[str]:
        """Stream from the API."""
        try:
            with self._http.stream(
                "GET", "/api/v1/export", params=httpx.QueryParams(list(parameters))
            ) as response:
                self._check(response)
                yield from response.iter_text()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None

    def follow(self, parameters: Parameters) -> Iterator[dict[str, Any] | None]:
        """Stream from the API; after a break go on where it stopped."""
        position = ""
        while True:
            try:
                for message in self._messages(parameters, position):
                    position = message.id or position
                    if message.event == "gap":
                        note(_GAP)
                    if message.event or not message.data:
                        yield None
                    else:
                        yield json.loads(message.data)
            except httpx.HTTPError as error:
                if not position:
                    raise self._unreachable(error) from None
            note(f"note: the connection to {self._url} ended; trying again")
            time.sleep(RECONNECT_S)

    def _messages(self, parameters: Parameters, position: str) -> Iterator[_Message]:
        headers = {"Last-Event-ID": position} if position else {}
        with self._http.stream(
            "GET",
            "/api/v1/events/stream",
            params=httpx.QueryParams(list(parameters)),
            headers=headers,
            timeout=httpx.Timeout(TIMEOUT_S, read=SILENCE_S_MAX),
        ) as response:
            if position and response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                return
            self._check(response)
            yield from _parse_messages(response.iter_lines())

    def _get(self, path: str, parameters: Parameters) -> dict[str, Any]:
        try:
            response = self._http.get(path, params=httpx.QueryParams(list(parameters)))
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        self._check(response)
        content: dict[str, Any] = response.json()
        return content

    def _check(self, response: httpx.Response) -> None:
        """Raise the error that an answer tells."""
        if response.status_code == httpx.codes.OK:
            return
        response.read()
        try:
            told: Mapping[str, Any] = response.json()
            message, mistakes = str(told["error"]), told["errors"]
        except (ValueError, KeyError, TypeError):
            raise CollectorError(
                f"{self._url} answered with HTTP status {response.status_code}",
                hint="is it the dashboard's address of a collector? its default is " + URL_DEFAULT,
            ) from None
        if response.status_code == httpx.codes.NOT_FOUND:
            raise NotFound(message)
        if mistakes:
            raise QueryError.of([QueryError(one["field"], one["message"]) for one in mistakes])
        hint = f"set {ENV_PREFIX}TOKEN" if response.status_code == httpx.codes.UNAUTHORIZED else ""
        raise CollectorError(f"{self._url}: {message}", hint=hint)

    def _unreachable(self, error: httpx.HTTPError) -> CollectorError:
        return CollectorError(
            f"{self._url}: no collector answers there ({str(error) or type(error).__name__})",
            hint="start one with `otel-eventlog serve`, or read a directory with --data DIR",
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


@dataclass(frozen=True, slots=True)
class _Message:
    """One server-sent event."""

    event: str
    id: str
    data: str


def _parse_messages(lines: Iterator[str]) -> Iterator[_Message]:
    """Read server-sent events (HTML standard, section 9.2.6)."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields['data']}\n{value}" if name == "data" in fields else value
        elif fields:
            yield _Message(fields.get("event", ""), fields.get("id", ""), fields.get("data", ""))
            fields = {}
