"""Opening a store by its address."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.query import EventQuery
from otel_eventlog_collector.store import open_store


@pytest.mark.parametrize("prefix", ["", "sqlite://"])
def test_a_directory_by_path_or_url(tmp_path: Path, prefix: str) -> None:
    """A path and a sqlite URL open the same directory."""
    store = open_store(f"{prefix}{tmp_path}/some data")
    store.close()
    assert (tmp_path / "some data" / "catalog.db").is_file()


@pytest.mark.parametrize("url", ["redis://x", "sqlite://host/path", "sqlite://", "sqlite:///"])
def test_an_unknown_address_is_refused(url: str) -> None:
    """An address of no store we have is a configuration error with a hint."""
    with pytest.raises(ConfigError) as caught:
        open_store(url)
    assert repr(url) in caught.value.message
    assert caught.value.hint


def test_retention_is_remembered_for_readers(tmp_path: Path) -> None:
    """Who opens a directory for reading gets the retention that it is kept with."""
    open_store(tmp_path / "data", retention_ns=5).close()
    reader = open_store(tmp_path / "data", read_only=True)
    assert reader.status().retention_ns == 5
    assert reader.find(EventQuery()).events == []
    reader.close()
