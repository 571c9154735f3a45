"""Where the Jaeger program comes from: named by the caller, from the cache, or built with Go."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MODULE = "github.com/jaegertracing/jaeger"
MODULE_VERSION = "v1.76.0"
MODULE_CHECKSUM = "h1:sWCOOF1dr+NL0PLil7mFo3BqqQL8k4WiM7aguFbc14g="
"""Of the module's source. Everything it is built from is pinned by the `go.sum` within it."""
JAEGER_VERSION = "2.13.0"
"""As its authors call the program. Go knows it by an older number: the module has no `/v2`."""

PROGRAM_VARIABLE = "OTEL_EVENTLOG_JAEGER"


class JaegerUnavailableError(Exception):
    """There is no Jaeger program, and none could be built."""


class GoMissingError(JaegerUnavailableError):
    """Building Jaeger needs Go."""


def find_or_build() -> Path:
    """The Jaeger program; built first if there is none yet, with progress on stderr."""
    named = os.environ.get(PROGRAM_VARIABLE)
    if named:
        if not os.access(named, os.X_OK):
            raise JaegerUnavailableError(f"{PROGRAM_VARIABLE}={named} is no program that can run.")
        return Path(named)
    program = _cache() / f"jaeger-{JAEGER_VERSION}"
    if not program.exists():
        go = shutil.which("go")
        if go is None:
            raise GoMissingError(
                "Go is not installed, so Jaeger cannot be built here. Install it "
                f"(https://go.dev/dl) or name a Jaeger 2 program: {PROGRAM_VARIABLE}=/its/path"
            )
        with _one_at_a_time(program.with_suffix(".lock")):
            if not program.exists():
                _build(go, program)
    return program


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    directory = Path(base, "otel-eventlog")
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _build(go: str, program: Path) -> None:
    _say(f"Jaeger {JAEGER_VERSION}: building it from source, once. This takes 5 to 10 minutes.")
    source = _download(go)
    unfinished = program.with_suffix(f".{os.getpid()}")
    # Built where it lies, so that Jaeger's own go.sum vouches for each of its 300 dependencies.
    command = [go, "build", "-v", "-trimpath", "-buildvcs=false", f"-ldflags=-s -w {_version()}"]
    try:
        _run_with_progress([*command, "-o", str(unfinished), "./cmd/jaeger"], source)
        unfinished.replace(program)
    finally:
        unfinished.unlink(missing_ok=True)
    _say(f"Jaeger {JAEGER_VERSION}: done, kept as {program}")


def _version() -> str:
    return f"-X {MODULE}/internal/version.latestVersion=v{JAEGER_VERSION}"


def _download(go: str) -> Path:
    """Have Go fetch the module's source and check that it is the one we know."""
    command = [go, "mod", "download", "-json", f"{MODULE}@{MODULE_VERSION}"]
    with tempfile.TemporaryDirectory() as elsewhere:  # not within a module of somebody else
        done = subprocess.run(command, cwd=elsewhere, capture_output=True, check=False)
    answer = json.loads(done.stdout or "{}")
    if done.returncode or "Error" in answer:
        reason = answer.get("Error") or done.stderr.decode(errors="replace")
        raise JaegerUnavailableError(f"Go could not fetch Jaeger's source: {reason}")
    if answer["Sum"] != MODULE_CHECKSUM:
        raise JaegerUnavailableError(f"{MODULE} is not what it was: checksum {answer['Sum']}")
    return Path(answer["Dir"])


def _run_with_progress(command: list[str], directory: Path) -> None:
    """Run `go build -v`, which names each package that it compiled on a line of its own."""
    started = last = time.monotonic()
    compiled, said = 0, ""
    with subprocess.Popen(
        command, cwd=directory, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        for line in process.stderr or ():
            said = said[-4000:] + line
            compiled += 1
            if time.monotonic() - last >= (0.5 if sys.stderr.isatty() else 15):
                last = time.monotonic()
                _progress(f"{compiled} packages, {last - started:.0f} s: {line.strip()}")
    if process.returncode:
        raise JaegerUnavailableError(f"Jaeger could not be built:\n{said}")
    _progress(f"{compiled} packages, {time.monotonic() - started:.0f} s")
    if sys.stderr.isatty():
        sys.stderr.write("\n")


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K  {text[:100]}")
        sys.stderr.flush()
    else:
        _say(f"  {text}")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
