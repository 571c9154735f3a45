"""The spool directory in tests, and programs that write to it and are killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PUTTER = """
import os, signal, sys
from otel_eventlog.settings import Settings, build_delivery
from otel_eventlog.exporter import keep
from tests.support.builders import event_log

settings = Settings.from_env({"OTEL_EVENTLOG_ENDPOINT": sys.argv[1]}, spool_dir=sys.argv[2])
delivery = build_delivery(settings, keep)
"""
"""The head of a program; its arguments are the collector's address and the spool directory."""


def files(folder: Path) -> list[Path]:
    """Return every file of the spool."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def run_script(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
