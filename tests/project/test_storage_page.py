"""The commands in `docs/storage.md` work on a real data directory."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from otel_eventlog.model import Status
from otel_eventlog_collector.store.sqlite import SqliteStore
from tests.contracts.store_harness import put
from tests.contracts.store_pairs import pair, put_pairs, template
from tests.support.builders import event_log
from tests.support.clock import HandClock
from tests.support.repository import ROOT


def test_its_commands_show_what_is_stored(tmp_path: Path) -> None:
    """Every command of the page runs as it stands, and shows something of what was stored."""
    store = SqliteStore(tmp_path, clock=HandClock())
    put_pairs(store, pair(1, user_id="u-1"))
    put_pairs(store, pair(2, of=template(Status.ERROR, error_type="expired"), user_id="u-2"))
    put(store, event_log())
    page = (ROOT / "docs" / "storage.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    tools = str(Path(sys.executable).parent)
    shown = subprocess.run(
        ["/bin/sh", "-e", "-c", script],
        env={**os.environ, "DATA": str(tmp_path), "PATH": f"{tools}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    store.close()
    assert '"user_id": "u-1"' in shown
    assert re.search(r"PasswordsAuthenticate +expired +u-2", shown)
    assert re.search(r"PasswordsAuthenticate +success +2", shown)
    assert "PasswordsAuthenticate,11.534,2" in shown
    assert "retention_ns" in shown


def test_its_views_are_there(tmp_path: Path) -> None:
    """Every view and table that the page names can be read, and shows something."""
    store = SqliteStore(tmp_path, clock=HandClock())
    put_pairs(store, pair(1, user_agent="tests/1.0"))
    store.close()
    page = (ROOT / "docs" / "storage.md").read_text(encoding="utf-8")
    table = page.split("| view or table |")[1].split("\n\n")[0]
    names = re.findall(r"`(\w+)`", "\n".join(line.split("|")[1] for line in table.splitlines()[2:]))
    assert len(names) == 6
    (segment,) = (tmp_path / "segments").glob("*.db")
    with closing(sqlite3.connect(segment)) as connection:
        for name in names:
            assert connection.execute(f"SELECT * FROM {name}").fetchall(), name  # noqa: S608
