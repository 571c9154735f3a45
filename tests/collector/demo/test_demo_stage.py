"""What the demo needs before it starts anything."""

from __future__ import annotations

import socket

import pytest

from otel_eventlog_collector.demo import stage
from otel_eventlog_collector.errors import ConfigError


def test_missing_packages_are_named_with_the_command_that_brings_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the extra `demo` the error names the missing packages and how to get them."""
    stage.check_packages()
    monkeypatch.setitem(stage.NEEDED, "no_such_module.inside", "no-such-package")
    with pytest.raises(ConfigError, match="no-such-package") as missing:
        stage.check_packages()
    assert "otel-eventlog-collector[demo]" in missing.value.hint


def test_a_taken_port_gives_way_but_not_one_that_was_asked_for() -> None:
    """A usual port that is taken is replaced with a note; what the user asked for is kept."""
    notes: list[str] = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert stage.listener(None, "the dashboard", port, notes) == "127.0.0.1:0"
        assert stage.listener(f"127.0.0.1:{port}", "it", port, []) == f"127.0.0.1:{port}"
    assert stage.listener(None, "the dashboard", port, []) == f"127.0.0.1:{port}"
    assert len(notes) == 1
    assert str(port) in notes[0]
