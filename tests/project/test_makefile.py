"""The commands that README and CI rely on."""

from __future__ import annotations

import os
import subprocess

from tests.support.repository import ROOT

TARGETS = ("setup", "demo", "test", "lint", "bench", "interop", "clean", "help")


def make(*arguments: str) -> str:
    """Run make at the root, free of what an outer make may have said, and return its output."""
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    finished = subprocess.run(
        ["make", *arguments],  # noqa: S607 - the make that runs the tests is the one to ask
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return finished.stdout


def test_make_alone_lists_every_target() -> None:
    """Without a target, make explains each target in a line and does nothing."""
    listed = {line.split()[0] for line in make().splitlines() if line.startswith("  ")}
    assert set(TARGETS) <= listed


def test_every_target_does_the_set_up_it_needs() -> None:
    """Where nothing is set up, each target that runs something creates `.venv` first."""
    for target in ("setup", "demo", "test", "lint", "bench", "interop"):
        commands = make("--dry-run", target, "VENV=nothing-here")
        assert "pip install" in commands, target
        assert commands.index("venv --clear") < commands.index("pip install"), target


def test_arguments_reach_the_command() -> None:
    """`ARGS` is handed on to the command behind a target."""
    assert "otel-eventlog demo --duration 20\n" in make(
        "--dry-run", "demo", "ARGS=--duration 20", "--assume-old=pyproject.toml"
    )
