"""Small programs with a delivery in them, run as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.fake_collector import FakeCollector

ROOT = Path(__file__).resolve().parents[2]

HEAD = """
import os, sys, threading, time
from otel_eventlog.exporter import keep
from otel_eventlog.settings import Settings, build_delivery
from tests.support.builders import event_log

settings = Settings.from_env(
    {"OTEL_EVENTLOG_ENDPOINT": sys.argv[1], "OTEL_EVENTLOG_SPOOL_DIR": sys.argv[2]}
)
delivery = build_delivery(settings, keep)
"""


def run_program(
    script: str, collector: FakeCollector, spool: str = "", timeout_s: float = 120.0
) -> None:
    """Run a script after HEAD; it must end by itself, with 0, and say nothing."""
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HEAD + script, collector.url, spool],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        env={**os.environ, "PYTHONFAULTHANDLER": "1"},
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == ""
    assert finished.stderr == ""
