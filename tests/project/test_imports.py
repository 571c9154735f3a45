"""What importing us costs the applications that do it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "fastapi",
    "flask",
    "google",
    "grpc",
    "httpx",
    "otel_eventlog_collector",
    "pydantic",
    "requests",
    "sqlite3",
    "starlette",
    "typer",
    "urllib3",
}
UNSTABLE = ("opentelemetry.semconv", "opentelemetry.instrumentation", "opentelemetry.distro")


def modules_added(after: str, before: str = "pass") -> set[str]:
    """Modules that the statement `after` loads in a new interpreter, beyond those of `before`."""
    program = (
        f"import json, sys\n{before}\nloaded = set(sys.modules)\n{after}\n"
        "print(json.dumps(sorted(set(sys.modules) - loaded)))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return set(json.loads(finished.stdout))


def test_importing_us_adds_nothing_heavy_to_the_sdk() -> None:
    """`import otel_eventlog` brings no client, server or database library, and nothing unstable."""
    added = modules_added("import otel_eventlog", before="import opentelemetry.sdk.trace.export")
    assert "otel_eventlog" in added
    assert HEAVY & {name.partition(".")[0] for name in added} == set()
    assert [name for name in added if name.startswith(UNSTABLE)] == []


@pytest.mark.parametrize(
    "module", ["otel_eventlog.wire", "otel_eventlog.mapping", "otel_eventlog.rulefile"]
)
def test_the_collector_can_use_the_core_without_opentelemetry(module: str) -> None:
    """Everything from `wire` down loads no OpenTelemetry package at all, the root included."""
    added = modules_added(f"import {module}")
    assert module in added
    assert [name for name in added if name.partition(".")[0] == "opentelemetry"] == []


def test_the_pytest_plugin_is_light() -> None:
    """The plugin, which every pytest run of a user loads, brings OpenTelemetry only when used."""
    added = modules_added("import otel_eventlog.testing.plugin", before="import pytest")
    assert "otel_eventlog.testing.plugin" in added
    names = {name.partition(".")[0] for name in added}
    assert names & (HEAVY | {"opentelemetry"}) == set()
