"""Opening a store of event logs by its address; the rest of the collector knows `Store` only."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.protocols import Clock, Store

__all__ = ["open_store"]


def open_store(
    url_or_directory: str | Path,
    *,
    clock: Clock = time.time_ns,
    retention_ns: int | None = None,
    size_bytes_max: int | None = None,
    read_only: bool = False,
) -> Store:
    """Open a store.

    Args:
        url_or_directory: a directory, or `sqlite:///absolute/path`.
        clock: now, nanoseconds since the epoch.
        retention_ns: how long event logs are kept; None = 30 days, or read-only what the directory
            is kept with.
        size_bytes_max: above it the oldest days go; None = no cap.
        read_only: only read, beside a collector or without one; nothing is made in the directory.

    Raises:
        ConfigError: there is no such store, the directory is not ours, or another process writes
            to it.

    """
    from otel_eventlog_collector.store.sqlite import SqliteStore

    text = str(url_or_directory)
    parts = urlsplit(text)
    if "://" not in text:
        directory = Path(text).expanduser()
    elif parts.scheme == "sqlite" and not parts.netloc and parts.path not in ("", "/"):
        directory = Path(unquote(parts.path))
    else:
        raise ConfigError(
            f"store {text!r} is not known",
            hint="give a directory, or sqlite:///absolute/path/of/a/directory",
        )
    return SqliteStore(
        directory,
        clock=clock,
        retention_ns=retention_ns,
        size_bytes_max=size_bytes_max,
        read_only=read_only,
    )
