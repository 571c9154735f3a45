"""Applications as real processes: start, wait until they answer, end."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

BIN = Path(sys.executable).parent
"""Where the commands of this environment are."""

READY_TIMEOUT_S = 60.0
END_TIMEOUT_S = 30.0


def free_port() -> int:
    """Return a port of the loopback that nobody listens on.

    Below those that the system gives to whoever asks for any, so that nobody is given it before the
    server that it is for.
    """
    while True:
        port = 10_000 + secrets.randbelow(22_000)  # `random` begins anew in every test
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
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
    output: IO[bytes] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server while in `with`; enter when it accepts connections, leave when it has ended.

    Its output is shown when it does not start, or ends by itself; it goes to `output` if given.
    """
    with ExitStack() as stack:
        output = output or stack.enter_context(tempfile.TemporaryFile())
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


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, output: IO[bytes]) -> None:
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


def _story(command: object, output: IO[bytes]) -> str:
    output.seek(0)
    text = output.read().decode(errors="replace")
    return f"{command} did not start or end as it should; it said:\n{text}"
