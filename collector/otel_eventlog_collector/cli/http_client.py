"""Reading from a running collector, over its API."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from otel_eventlog_collector.cli.client import GAP, Question
from otel_eventlog_collector.cli.output import note
from otel_eventlog_collector.defaults import HTTP_URL, TOKEN_VARIABLE
from otel_eventlog_collector.errors import CollectorError, ConfigError, NotFound, QueryError
from otel_eventlog_collector.insight.views import Parameters

PROBE_TIMEOUT_S = 0.5
TIMEOUT_S = 60.0
SILENCE_S_MAX = 45.0
"""A stream silent for longer than three heartbeats is dead, and is opened again."""
RECONNECT_S = 1.0


def trusted(url: str) -> ssl.SSLContext | bool:
    """Return whose certificates to believe: the system's, or those of SSL_CERT_FILE."""
    return ssl.create_default_context() if url.startswith("https://") else True


def answers(url: str) -> bool:
    """Tell whether a collector answers at an address."""
    try:
        answer = httpx.get(
            f"{url}/healthz", timeout=PROBE_TIMEOUT_S, trust_env=False, verify=trusted(url)
        )
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK


class HttpClient:
    """Reads from a running collector."""

    def __init__(self, url: str, token: str | None, trace_url: str | None) -> None:
        if not url.startswith(("http://", "https://")):
            raise ConfigError(
                f"--url {url!r} is no address", hint=f"write it as in --url {HTTP_URL}"
            )
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._url = url.rstrip("/")
        self._trace_url = trace_url
        self._http = httpx.Client(
            base_url=self._url,
            headers=headers,
            timeout=TIMEOUT_S,
            trust_env=False,
            verify=trusted(self._url),
        )

    @property
    def place(self) -> str:
        """Where it reads and writes, for people."""
        return self._url

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

    def erase(self, user_id: str) -> dict[str, Any]:
        """Erase everything of one user; the token needs the scope admin."""
        path = f"/api/v1/users/{quote(user_id, safe='')}/events"
        return self._send("DELETE", path, timeout=None)

    def prune(self, *, force: bool) -> dict[str, Any]:
        """Remove what is past the retention; the token needs the scope admin."""
        return self._send("POST", "/api/v1/prune", params={"force": str(force).lower()})

    def import_chunks(self, chunks: Iterable[bytes]) -> dict[str, Any]:
        """Send the bytes of a file of lines; the token needs the scope admin."""
        headers = {"Content-Type": "application/x-ndjson"}
        return self._send("POST", "/api/v1/import", content=chunks, headers=headers, timeout=None)

    def _send(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, **more)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        self._check(response)
        content: dict[str, Any] = response.json()
        return content

    def follow(self, parameters: Parameters) -> Iterator[dict[str, Any] | None]:
        """Stream from the API; after a break go on where it stopped."""
        position = ""
        while True:
            try:
                for message in self._messages(parameters, position):
                    position = message.id or position
                    if message.event == "gap":
                        note(GAP)
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
                hint="is it the dashboard's address of a collector? its default is " + HTTP_URL,
            ) from None
        if response.status_code == httpx.codes.NOT_FOUND:
            raise NotFound(message)
        if mistakes:
            raise QueryError.of([QueryError(one["field"], one["message"]) for one in mistakes])
        hint = f"set {TOKEN_VARIABLE}" if response.status_code == httpx.codes.UNAUTHORIZED else ""
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
