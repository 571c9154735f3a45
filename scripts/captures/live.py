#!/usr/bin/env python3
"""Run a program with otel-eventlog inside it, and compare its event logs with what really happened.

    .venv/bin/python scripts/captures/live.py flask-security

The same steps as for recorder.py, but the application part of this repository is installed beside
the program and started by `opentelemetry-instrument` alone, with default attribute names and no
header captured on the spans. It sees the response headers by itself, so that everything must be
shown that a recording with captured headers (the variant `stable`) shows. Only a 405 may be shown
as an error: its start has left before the answer is known.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from environment import Environment
from program import Asked, Program, running
from recorder import CAPTURES, DEFAULT_COMMAND, HERE, load_steps

ROOT = HERE.parent.parent
METHOD_NOT_ALLOWED = 405
sys.path.insert(0, str(ROOT))

from tests.support.otlp_sink import OtlpSink  # noqa: E402 - found by the line above
from tests.support.waiting import eventually  # noqa: E402 - as above


def main() -> None:
    """Judge the programs named on the command line; exit with 1 if one is judged wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", nargs="+", help="name of a folder beside this file")
    parser.add_argument("--work", type=Path, help="keep the environments here, to be quicker again")
    options = parser.parse_args()
    wrong = 0
    for name in options.program:
        if options.work is not None:
            wrong += judge(name, options.work.resolve())
            continue
        with tempfile.TemporaryDirectory(prefix="live-") as work:
            wrong += judge(name, Path(work))
    sys.exit(bool(wrong))


def judge(name: str, work: Path) -> int:
    """Run one program; print and count what is shown otherwise than by its recording."""
    steps = load_steps(HERE / name)
    environment = Environment(HERE / name, work)
    environment.install()
    environment.add(str(ROOT))
    data = Path(tempfile.mkdtemp(dir=environment.root))
    command = [
        part.format(bin=environment.bin) for part in getattr(steps, "COMMAND", DEFAULT_COMMAND)
    ]
    with OtlpSink() as sink:
        settings = {
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            "OTEL_EVENTLOG_ENDPOINT": sink.url,
            "OTEL_EVENTLOG_PACKS": ",".join(steps.PACKS),
            "DATA_DIR": str(data),
            **getattr(steps, "ENVIRONMENT", {}),
        }
        with running(command, environment.program, settings, data) as program:
            steps.drive(program)
            last = program.browser()
            last.send("the end", "POST", "/login", action="PasswordsAuthenticate")
            end = int(program.asked.pop().trace_id, 16)
            eventually(lambda: any(e.trace_id == end and e.outcome_source for e in sink.events))
        return compare(name, program, sink)


def compare(name: str, program: Program, sink: OtlpSink) -> int:
    """Compare with the recording's variant `stable`."""
    told = json.loads((CAPTURES / name / "expectations.json").read_text())["requests"]
    wrong = 0
    for asked, request in zip(program.asked, told, strict=True):
        limit = request.get("known_limit", {}).get("stable")
        events = [event for event in sink.events if event.trace_id == int(asked.trace_id, 16)]
        seen = {(event.action, str(event.status), event.next_step) for event in events}
        started_in_vain = asked.http_status == METHOD_NOT_ALLOWED and seen
        if limit is None and seen != wanted(asked) and not started_in_vain:
            wrong += 1
            print(f"{asked.label}: is {wanted(asked)}, shown as {seen}")
    limits = sum("stable" in request.get("known_limit", {}) for request in told)
    print(f"{name}: {len(told) - limits - wrong} of {len(told)} right, {limits} known limits")
    return wrong


def wanted(asked: Asked) -> set[Any]:
    """Return what must be shown of a request."""
    if asked.action is None:
        return set()
    start = (asked.action, "start", None)
    return {start, (asked.action, asked.outcome, asked.next_step)}


if __name__ == "__main__":
    main()
