"""Child processes that are never left behind, and whose last words are kept."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event

from otel_eventlog_collector.errors import CollectorError

START_TIMEOUT_S = 60.0
POLL_S = 0.05
LAST_LINES_MAX = 15
LAST_BYTES_MAX = 64 * 1024


class Interrupted(Exception):  # noqa: N818 - the user's wish, no error
    """The user wants to stop while something is still starting."""


class Child:
    """One process of the demo, with a log file of its own."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], directory: Path
    ) -> None:
        """Describe a process; `start` starts it. It runs in `directory`, its log lies there."""
        self.name = name
        self.log_path = directory / (name.replace(" ", "-") + ".log")
        self._command = list(command)
        self._environment = dict(environment)
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process, in a session of its own: Ctrl-C reaches the demo alone."""
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """Exit code, None while the process runs (or was never started)."""
        return self._process.poll() if self._process else None

    def kill(self) -> None:
        """Kill the process (SIGKILL): it cannot clean up anything."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def ask_to_stop(self, *, interrupt: bool = False) -> None:
        """Send SIGTERM, or SIGINT: some servers run Python's exit handlers after that one only."""
        if self._process and self._process.poll() is None:
            if interrupt and sys.platform != "win32":
                self._process.send_signal(signal.SIGINT)
            else:
                self._process.terminate()

    def wait(self, grace_s: float) -> None:
        """Wait until the process has ended; kill it when that takes longer than `grace_s`."""
        if self._process:
            try:
                self._process.wait(grace_s)
            except subprocess.TimeoutExpired:
                self.kill()

    def log(self) -> str:
        """Return the end of what the process printed."""
        with self.log_path.open("rb") as log:
            log.seek(max(0, self.log_path.stat().st_size - LAST_BYTES_MAX))
            return log.read().decode(errors="replace")

    def failure(self, what: str) -> CollectorError:
        """Return an error that carries the last lines of the log."""
        lines = self.log().splitlines()[-LAST_LINES_MAX:] or ["(it printed nothing)"]
        return CollectorError(
            f"demo: {self.name} {what}; its last lines:\n"
            + "\n".join(f"  {line}" for line in lines)
        )

    def check(self) -> None:
        """Do nothing while the process runs.

        Raises:
            CollectorError: it has ended; with its last lines.

        """
        if self.exit_code is not None:
            raise self.failure(f"ended with exit code {self.exit_code}")


def wait_until(child: Child, is_ready: Callable[[], bool], interrupted: Event) -> None:
    """Wait until a child that was started is ready.

    Raises:
        CollectorError: it ended, or was not ready within START_TIMEOUT_S.
        Interrupted: the event was set meanwhile.

    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while not is_ready():
        child.check()
        if time.monotonic() > deadline:
            raise child.failure(f"was not ready after {START_TIMEOUT_S:.0f} seconds")
        if interrupted.wait(POLL_S):
            raise Interrupted


def clean_environment() -> dict[str, str]:
    """Return the environment without any OTEL_… variable: what is set here is not for the demo."""
    environment = {name: value for name, value in os.environ.items() if name[:5] != "OTEL_"}
    environment["PYTHONUNBUFFERED"] = "1"
    return environment


def is_free(port: int) -> bool:
    """Tell whether a TCP port on 127.0.0.1 can be listened on."""
    with socket.socket() as probe:
        if sys.platform != "win32":  # there it would mean that two may share a port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Return different TCP ports on 127.0.0.1 on which nobody listens at the moment."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def answers(host: str, port: int) -> bool:
    """Tell whether somebody listens on a TCP port."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
