"""Applications as real processes: start, wait until they answer, end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

BIN = Path(sys.executable).parent
"""Where the commands of this environment are."""

READY_TIMEOUT_S = 30.0
END_TIMEOUT_S = 20.0


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def plain_environment(**more: str) -> dict[str, str]:
    """Return this process's environment without any OTEL_… variable, plus some."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return kept | more


@contextmanager
def running(
    command: Sequence[str | Path],
    port: int,
    environment: Mapping[str, str],
    *,
    end_with: signal.Signals = signal.SIGINT,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server while in `with`; enter when it accepts connections, leave when it has ended.

    Its output is shown when it does not start, or ends by itself.
    """
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            env=dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_ready(process, port, output)
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(end_with)
            try:
                process.wait(END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError(_story(command, output)) from None


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, output: object) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)  # between two looks at a process that offers nothing to wait on
        else:
            return
    raise AssertionError(_story(process.args, output))


def _story(command: object, output: object) -> str:
    output.seek(0)  # type: ignore[attr-defined]
    text = output.read().decode(errors="replace")  # type: ignore[attr-defined]
    return f"{command} did not start or end as it should; it said:\n{text}"
