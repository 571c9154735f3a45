"""What the demo tells people to type is what a shell of theirs understands."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from otel_eventlog_collector.cli.demo import how_to_call


def test_the_command_is_shown_by_its_path_where_its_name_is_not_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run as `.venv/bin/otel-eventlog` it is that; on PATH, or run in another way, its name."""
    command = tmp_path / "bin" / "otel-eventlog"
    command.parent.mkdir()
    command.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(command)])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert how_to_call() == str(command)
    monkeypatch.setenv("PATH", str(command.parent))
    assert how_to_call() == "otel-eventlog"
    monkeypatch.setenv("PATH", str(tmp_path))
    for called in ("otel-eventlog", "pytest", str(tmp_path / "__main__.py")):
        monkeypatch.setattr(sys, "argv", [called])
        assert how_to_call() == "otel-eventlog"
