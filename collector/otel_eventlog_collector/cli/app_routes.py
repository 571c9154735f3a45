"""The routes of an application, found out in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path

from otel_eventlog_collector.cli.standalone import list_routes
from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.rule_tools.suggestions import Endpoint

IMPORT_TIMEOUT_S = 60
STDERR_LINES_SHOWN = 5
_KNOWN = "known are Flask, Starlette, FastAPI and Django; or use --openapi or --spans"
_HINT = "write module:object, as in shop.main:app, shop:create_app() or django:shop.settings"


def routes_of_app(name: str, python: Path) -> list[Endpoint]:
    """Import an application in another process and return what it serves.

    There an application that prints, hangs, ends the process or keeps threads running hurts
    nobody. OpenTelemetry is off in it.

    Raises:
        ConfigError: it cannot be imported, or its framework is not known.

    """
    module, _, inside = name.partition(":")
    if not module or not inside:
        raise ConfigError(f"--app {name!r} names no object", hint=_HINT)
    with tempfile.TemporaryDirectory() as folder:
        result, log = Path(folder) / "routes.json", Path(folder) / "stderr.txt"
        words = [str(python), str(Path(list_routes.__file__)), str(result), name]
        with log.open("wb") as stderr:
            _run(name, words, stderr.fileno())
        tail = log.read_text("utf-8", "replace").strip().splitlines()[-STDERR_LINES_SHOWN:]
        if not result.exists():
            raise ConfigError(f"--app {name}: the process ended", hint=" / ".join(tail) or _HINT)
        told = json.loads(result.read_text("utf-8"))
    if "error" in told:
        raise ConfigError(f"--app {name}: cannot be imported: {told['error']}", hint=_HINT)
    if "unknown" in told:
        msg = f"--app {name}: a {told['unknown']} is no application of a known framework"
        raise ConfigError(msg, hint=_KNOWN)
    return [Endpoint(method or "", route) for method, route in told["routes"]]


def _run(name: str, words: list[str], stderr: int) -> None:
    environment = {**os.environ, "OTEL_SDK_DISABLED": "true"}
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        msg = f"--python {words[0]}: cannot be started: {error.strerror or error}"
        raise ConfigError(msg, hint="name the application's interpreter") from None
    try:
        process.wait(IMPORT_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        msg = f"--app {name}: its import took more than {IMPORT_TIMEOUT_S} s"
        raise ConfigError(msg, hint="import less, or use --openapi or --spans") from None
    finally:
        # Also what the application started and left behind.
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
