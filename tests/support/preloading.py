"""Small libraries in C that are loaded into a process before all others, to deceive it."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import NoReturn

import pytest

REQUIRED_VARIABLE = "OTEL_EVENTLOG_COMPILER_REQUIRED"
"""Where it is set (in CI) a missing compiler is a failure, and no reason to skip."""


@cache
def preloaded(source: Path) -> Path:
    """Build a library once, for LD_PRELOAD; without a C compiler the test is skipped."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        _do_without("needs a C compiler: apt-get install gcc libc6-dev")
    built = Path(mkdtemp(prefix="otel-eventlog-tests-")) / f"{source.stem}.so"
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", str(built), str(source)]
    done = subprocess.run(
        [*command, "-ldl", "-lpthread"], capture_output=True, text=True, check=False
    )
    if done.returncode and "No such file" in done.stderr:
        _do_without("needs the headers of the C library: apt-get install libc6-dev")
    assert done.returncode == 0, done.stderr
    return built


def _do_without(reason: str) -> NoReturn:
    if os.environ.get(REQUIRED_VARIABLE):
        pytest.fail(reason)
    pytest.skip(reason)
