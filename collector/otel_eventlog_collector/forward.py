"""Passing received traces on, byte for byte, so that an application needs one exporter only.

Never in the way of storing: what the destination does not take in time is dropped and counted.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from otel_eventlog_collector.metrics import Metrics

WAITING_BYTES_MAX = 16 * 1024 * 1024
"""Bodies that wait for the destination; further ones are dropped."""
TIMEOUT_S = 10.0
TRIES = 3
PAUSE_S = 0.5
_LOG_PERIOD_S = 60.0
_RETRYABLE = frozenset({429, 502, 503, 504})

_log = logging.getLogger(__name__)


class TraceForwarder:
    """Sends bodies of trace requests to one OTLP/HTTP address, in their order."""

    def __init__(self, url: str, metrics: Metrics) -> None:
        """Prepare; `url` is the base, to which `/v1/traces` is added if it lacks it."""
        base = url.rstrip("/")
        self._url = base if base.endswith("/v1/traces") else base + "/v1/traces"
        self._metrics = metrics
        self._waiting: asyncio.Queue[tuple[bytes, str]] = asyncio.Queue()
        self._bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._log_due_s = 0.0
        self._problem = ""

    def status(self) -> dict[str, Any]:
        """Return what `/api/v1/status` says of this destination; credentials are left out."""
        results = self._metrics.series("eventlog_forwarded_total")
        return {
            "signal": "traces",
            "url": _without_credentials(self._url),
            "waiting_bytes": self._bytes,
            "waiting_bytes_max": WAITING_BYTES_MAX,
            "requests": {labels["result"]: int(count) for labels, count in results},
            "problem": self._problem or None,
        }

    def start(self) -> None:
        """Begin to send, on the running event loop."""
        self._task = asyncio.create_task(self._run())

    def offer(self, body: bytes, media_type: str) -> None:
        """Queue a body, or drop it if too much waits already."""
        if self._bytes + len(body) > WAITING_BYTES_MAX:
            self._drop("queue_full", f"{self._bytes} bytes wait already")
            return
        self._bytes += len(body)
        self._waiting.put_nowait((body, media_type))

    async def stop(self, grace_s: float) -> None:
        """Send what waits for at most `grace_s` seconds, then give up."""
        task, self._task = self._task, None
        if task is None:
            return
        try:
            await asyncio.wait_for(self._waiting.join(), grace_s)
        except TimeoutError:
            self._drop("stopped", "the collector stops")
        task.cancel()
        await asyncio.wait({task})

    async def _run(self) -> None:
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
            while True:
                body, media_type = await self._waiting.get()
                try:
                    await self._send(client, body, media_type)
                finally:
                    self._bytes -= len(body)
                    self._waiting.task_done()

    async def _send(self, client: httpx.AsyncClient, body: bytes, media_type: str) -> None:
        problem = ""
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(PAUSE_S * attempt)
            try:
                answer = await client.post(
                    self._url, content=body, headers={"Content-Type": media_type}
                )
            except httpx.HTTPError as error:
                problem = str(error) or type(error).__name__
                continue
            if answer.is_success:
                self._problem = ""
                self._metrics.count("eventlog_forwarded_total", result="sent")
                return
            problem = f"it answered with HTTP status {answer.status_code}"
            if answer.status_code not in _RETRYABLE:
                break
        self._drop("refused", problem)

    def _drop(self, result: str, problem: str) -> None:
        self._problem = problem
        self._metrics.count("eventlog_forwarded_total", result=result)
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._log_due_s:
            self._log_due_s = now_s + _LOG_PERIOD_S
            _log.warning("traces cannot be passed on to %s: %s", self._url, problem)


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
