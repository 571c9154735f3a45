"""A running program and the browsers that drive it; each request says what it really came to."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

START_S_MAX = 120.0
STOP_S_MAX = 30.0
REQUEST_S_MAX = 60.0


@dataclass
class Asked:
    """One request of a capture; the fields are those of expectations.json.

    Attributes:
        label: what was tried, for people.
        method: HTTP method.
        route_or_url: route template or path; for client spans the called URL.
        action: the action, or None if there must be no event log.
        trace_id: the trace that the request was sent in.
        kind: kind of the span that stands for the request: server or client.
        nth: which span of that kind in the trace, from the start; -1 is the last.
        http_status: what was answered.
        outcome: what really happened: success, error or none (nothing attempted).
        next_step: what is still due after a success.
        why: how one knows.
        known_limit: variant → "error seen as success: …", where the span cannot show it.

    """

    label: str
    method: str
    route_or_url: str
    action: str | None
    trace_id: str = field(default_factory=lambda: secrets.token_hex(16))
    kind: str = "server"
    nth: int = 0
    http_status: int | None = None
    outcome: str = ""
    next_step: str | None = None
    why: str = ""
    known_limit: dict[str, str] = field(default_factory=dict)


class Answer:
    """A response, and the word on what it really meant."""

    def __init__(self, response: requests.Response, asked: Asked | None) -> None:
        """Keep both."""
        self.response = response
        self.status = response.status_code
        self.location = response.headers.get("Location", "")
        self.text = response.text
        self._asked = asked

    def json(self) -> Any:
        """Return the body."""
        return self.response.json()

    def was(
        self,
        outcome: str,
        why: str,
        *,
        next_step: str | None = None,
        known_limit: Mapping[str, str] | None = None,
    ) -> None:
        """Say what the request really came to, and how one knows."""
        if self._asked is None:
            raise ValueError("only a request that was sent with a label is told about")
        if outcome not in ("success", "error", "none"):
            raise ValueError(f"{self._asked.label}: outcome {outcome!r} is no outcome")
        self._asked.outcome, self._asked.why = outcome, why
        self._asked.next_step = next_step
        self._asked.known_limit = dict(known_limit or {})


class Browser:
    """A user with cookies of its own. It follows no redirect: each request is one span."""

    def __init__(self, program: Program) -> None:
        """Start without cookies."""
        self.session = requests.Session()
        self.session.trust_env = False
        self._program = program

    def send(
        self,
        label: str,
        method: str,
        path: str,
        *,
        action: str | None,
        route: str | None = None,
        kind: str = "server",
        nth: int = 0,
        **options: Any,
    ) -> Answer:
        """Make a request that becomes part of the capture; `was()` of the answer must follow.

        Args:
            label: unique in the capture.
            method: HTTP method.
            path: path and query string.
            action: None if it must yield no event log.
            route: how expectations.json shows the path, such as "/reset/<token>".
            kind: kind of the span to look for in the trace.
            nth: which of several spans of that kind, in order of their start.
            options: as for `requests`, such as data, json, headers.

        """
        asked = Asked(label, method, route or path.partition("?")[0], action, kind=kind, nth=nth)
        self._program.note(asked)
        response = self._request(method, path, asked.trace_id, "01", options)
        asked.http_status = response.status_code
        return Answer(response, asked)

    def peek(self, method: str, path: str, **options: Any) -> Answer:
        """Make a request to find out the truth: asked not to be sampled, it leaves no span."""
        return Answer(self._request(method, path, secrets.token_hex(16), "00", options), None)

    def _request(
        self, method: str, path: str, trace_id: str, flags: str, options: dict[str, Any]
    ) -> requests.Response:
        headers = dict(options.pop("headers", None) or {})
        headers["traceparent"] = f"00-{trace_id}-{secrets.token_hex(8)}-{flags}"
        options = {"allow_redirects": False, "timeout": REQUEST_S_MAX, **options}
        return self.session.request(method, self._program.url + path, headers=headers, **options)


class Program:
    """The program while it runs.

    Attributes:
        url: where it listens, without a trailing slash.
        data_dir: where it keeps its files: steps may look into its database and its mail.
        asked: the requests so far.

    """

    def __init__(self, url: str, data_dir: Path) -> None:
        """Know where it is."""
        self.url = url
        self.data_dir = data_dir
        self.asked: list[Asked] = []

    def browser(self) -> Browser:
        """Return a user without cookies."""
        return Browser(self)

    def note(self, asked: Asked) -> None:
        """Add a request to the capture: one that `Browser.send` makes, or one made otherwise."""
        if any(other.label == asked.label for other in self.asked):
            raise ValueError(f"label {asked.label!r} is taken; labels are unique in a capture")
        self.asked.append(asked)


@contextlib.contextmanager
def running(
    command: Sequence[str], folder: Path, variables: Mapping[str, str], data: Path
) -> Iterator[Program]:
    """Run a program until the block ends; it gets the port to listen on as PORT."""
    port = _free_port()
    log = data / "output.log"
    variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **variables, "PORT": str(port)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=variables,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            _wait_until_listening(process, port)
            yield Program(f"http://127.0.0.1:{port}", data)
        except BaseException:
            print(log.read_text(errors="replace")[-6000:])
            raise
        finally:
            _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_S_MAX
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.1)
    raise RuntimeError(f"the program does not listen on port {port}; its output is above")


def _stop(process: subprocess.Popen[bytes]) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S_MAX)
            return
