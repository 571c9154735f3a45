"""The token file: what it keeps, and that nobody's change is lost."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.tokens import (
    REVOKED_KEPT_MAX,
    Scope,
    Token,
    TokenFile,
    change_tokens,
    new_token,
    read_entries,
    read_tokens,
    revoked,
)

WHEN = "2026-11-23T10:42:00.000000000Z"


def entry(number: int) -> Token:
    """Return the entry of one token."""
    return new_token(number.to_bytes(32), f"name-{number}", [Scope.READ], WHEN, "me")[1]


def test_two_changes_at_once_are_both_kept(tmp_path: Path) -> None:
    """Commands that run at the same time come one after the other."""
    path = tmp_path / "tokens.json"

    def add(number: int) -> None:
        change_tokens(path, lambda known: [*known, entry(number)])

    threads = [threading.Thread(target=add, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {each.name for each in read_tokens(path)} == {f"name-{n}" for n in range(20)}
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_revoked_entry_stays_without_its_hash(tmp_path: Path) -> None:
    """Who revoked what and when is kept for the record; of the token nothing is."""
    path = tmp_path / "tokens.json"
    one, other = entry(1), entry(2)
    change_tokens(path, lambda _: [one, other])
    change_tokens(path, lambda known: [revoked(known[0], WHEN, "you"), *known[1:]])
    assert read_tokens(path) == (other,)
    gone = read_entries(path)[0]
    assert (gone.id, gone.revoked, gone.revoked_by, gone.sha256) == (one.id, WHEN, "you", "")
    assert one.sha256 not in path.read_text()


def test_revoked_entries_are_bounded(tmp_path: Path) -> None:
    """The last ones are kept, however many there were."""
    path = tmp_path / "tokens.json"
    many = [revoked(entry(number), WHEN, "") for number in range(REVOKED_KEPT_MAX + 5)]
    change_tokens(path, lambda _: [*many, entry(10_000)])
    kept = read_entries(path)
    assert len(kept) == REVOKED_KEPT_MAX + 1
    assert kept[0].name == "name-5"


def test_a_file_of_the_first_version_is_read(tmp_path: Path) -> None:
    """Entries that do not say by whom they were made are good."""
    path = tmp_path / "tokens.json"
    old = {"id": "1", "name": "", "scopes": ["read"], "sha256": "ab", "created": WHEN}
    path.write_text(json.dumps({"version": 1, "tokens": [old]}))
    assert read_tokens(path)[0].created_by == ""


def test_a_running_collector_sees_every_change(tmp_path: Path) -> None:
    """The next question after a change is answered by the new file; a broken file opens nothing."""
    path = tmp_path / "tokens.json"
    change_tokens(path, lambda _: [entry(1)])
    file = TokenFile(path)
    change_tokens(path, lambda known: [*known, entry(2)])
    assert len(file.tokens()) == 2
    path.write_text("{")
    assert file.tokens() == ()


def test_what_is_no_directory_of_ours_is_told(tmp_path: Path) -> None:
    """A file that cannot be made names the option."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="locked") as raised:
        change_tokens(tmp_path / "file" / "tokens.json", lambda _: [])
    assert "--token-file" in raised.value.hint
