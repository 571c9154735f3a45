#!/usr/bin/env python3
"""Record the spans of a real program together with what really happened.

    .venv/bin/python scripts/captures/recorder.py flask-security

A program is a folder beside this file:

    requirements.txt   the product, its OpenTelemetry instrumentation, the OTLP exporter; all pinned
    app.py             the smallest real configuration; serves HTTP on 127.0.0.1:$PORT and keeps
                       its files in $DATA_DIR, which is empty at the start
    steps.py           `drive(program)`: makes the requests and says what each one came to;
                       optional `PACKS` (names), `COMMAND` (default: app.py under
                       opentelemetry-instrument; "{bin}" is the environment's bin folder),
                       `ENVIRONMENT` (variables), `VERSIONS` (of what no requirements file names)
                       and `KINDS` (of spans to keep, default all); it may import modules beside it

Where a package.json is there as well, `npm ci` or `npm install` is run beside it.

The program runs twice, with the attribute names its instrumentation writes by default and with the
stable ones plus captured response headers; both runs must come to the same. The result goes to
tests/data/captures/PROGRAM/ (see the README there).
"""

from __future__ import annotations

import argparse
import runpy
import shutil
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from environment import Environment
from program import Program, running
from sink import SpanSink
from writing import write_capture

HERE = Path(__file__).parent
CAPTURES = HERE.parent.parent / "tests" / "data" / "captures"
DEFAULT_COMMAND = ("{bin}/opentelemetry-instrument", "{bin}/python", "app.py")
VARIANTS: dict[str, dict[str, str]] = {
    "default": {},
    "stable": {
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http",
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE": "location,content-type",
    },
}


def record(name: str, work: Path) -> None:
    """Run one program in both variants and write its capture."""
    folder = HERE / name
    steps = load_steps(folder)
    environment = Environment(folder, work)
    environment.install()
    runs: dict[str, tuple[Program, SpanSink]] = {}
    for variant, variables in VARIANTS.items():
        print(f"{name}: {variant}", flush=True)
        runs[variant] = run(name, steps, environment, variables)
    write_capture(
        CAPTURES / name,
        program=name,
        versions=environment.versions() | getattr(steps, "VERSIONS", {}),
        packs=list(getattr(steps, "PACKS", ())),
        runs=runs,
        kinds=tuple(getattr(steps, "KINDS", ())),
        hide={str(environment.root): "/env", str(environment.program): "/program"},
    )


def load_steps(folder: Path) -> SimpleNamespace:
    """Run steps.py, and forget its helpers: another program's may have the same names."""
    known = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        return SimpleNamespace(**runpy.run_path(str(folder / "steps.py")))
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - known:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
                del sys.modules[name]


def run(
    name: str, steps: Any, environment: Environment, variables: dict[str, str]
) -> tuple[Program, SpanSink]:
    """Run the program once; return what was asked of it and the spans that it sent."""
    data = Path(tempfile.mkdtemp(dir=environment.root))
    command = [
        part.format(bin=environment.bin) for part in getattr(steps, "COMMAND", DEFAULT_COMMAND)
    ]
    settings = {
        "OTEL_SERVICE_NAME": name,
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "DATA_DIR": str(data),
        **variables,
        **getattr(steps, "ENVIRONMENT", {}),
    }
    with SpanSink() as sink:
        settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = sink.url
        with running(command, environment.program, settings, data) as program:
            steps.drive(program)
            sink.wait_for((asked.trace_id, asked.kind) for asked in program.asked)
    shutil.rmtree(data)
    return program, sink


def main() -> None:
    """Record the programs named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_AsWritten)
    parser.add_argument("program", nargs="+", help="name of a folder beside this file")
    parser.add_argument("--work", type=Path, help="keep the environments here, to be quicker again")
    options = parser.parse_args()
    for name in options.program:
        if not (HERE / name / "steps.py").exists():
            sys.exit(f"{HERE / name / 'steps.py'} does not exist; name a folder beside recorder.py")
        if options.work is not None:
            record(name, options.work.resolve())
            continue
        with tempfile.TemporaryDirectory(prefix="capture-") as work:
            record(name, Path(work))


class _AsWritten(argparse.RawDescriptionHelpFormatter):
    """Show the module's docstring as it stands."""


if __name__ == "__main__":
    main()
