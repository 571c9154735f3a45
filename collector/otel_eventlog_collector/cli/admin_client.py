"""Where deeds are done: by the collector that serves a directory, else straight on the directory.

Only one process writes to a data directory. A command that finds it served asks the collector to
do the deed, at the address that the collector left in the lock.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from otel_eventlog_collector import defaults
from otel_eventlog_collector.admin.administration import Administration, erasure_json, purge_json
from otel_eventlog_collector.admin.importing import LINE_BYTES_MAX
from otel_eventlog_collector.admin.lines import LineCutter
from otel_eventlog_collector.admin.record import Actor
from otel_eventlog_collector.cli.http_client import HttpClient, answers
from otel_eventlog_collector.cli.user import user_name
from otel_eventlog_collector.config import load_settings
from otel_eventlog_collector.defaults import ENV_PREFIX, URL_VARIABLE
from otel_eventlog_collector.errors import CollectorError, ConfigError
from otel_eventlog_collector.protocols import Store


class AdminClient(Protocol):
    """What the commands that change something ask for; answers are those of the API."""

    @property
    def place(self) -> str:
        """Where it happens, for people."""
        ...

    def erase(self, user_id: str) -> dict[str, Any]:
        """Erase everything of one user."""
        ...

    def prune(self, *, force: bool) -> dict[str, Any]:
        """Remove what is past the retention."""
        ...

    def import_chunks(self, chunks: Iterable[bytes]) -> dict[str, Any]:
        """Store the lines of a file, given as its bytes."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...


def open_admin(
    url: str | None,
    data: Path | None,
    token: str | None,
    own: Mapping[str, object] | None = None,
) -> AdminClient:
    """Return who does the deed.

    Args:
        url: a running collector.
        data: a data directory, served or not.
        token: for a collector that wants one.
        own: settings given as options, which hold only where no collector has its own.

    Raises:
        ConfigError: two places were given, or options that only the collector itself can have.

    """
    options = {name: value for name, value in (own or {}).items() if value not in (None, (), [])}
    if data is not None and url and url != os.environ.get(URL_VARIABLE):
        raise ConfigError("--url and --data are both given", hint="give the one that is meant")
    if data is None and not url and not os.environ.get(ENV_PREFIX + "DATA"):
        url = defaults.HTTP_URL if answers(defaults.HTTP_URL) else None
    if data is None and url:
        return _served(url, token, options)
    directory = {} if data is None else {"data": data}
    settings, _ = load_settings({**options, **directory})
    # Imported here: what goes over the network needs no store.
    from otel_eventlog_collector.store.sqlite import lock_holder

    holder = None if settings.store else lock_holder(settings.data)
    if holder is None:
        return _Directory(settings)
    address = holder.urls.get("http")
    if address is None:
        raise CollectorError(
            f"data directory {str(settings.data)!r} is in use by process {holder.pid}",
            hint="wait until it has ended or listens, then try again",
        )
    return _served(address, token, options)


def _served(url: str, token: str | None, options: Mapping[str, object]) -> AdminClient:
    if options:
        names = ", ".join("--" + name.replace("_", "-") for name in options)
        raise ConfigError(
            f"{names}: the collector at {url} does this by its own settings",
            hint="leave the option out, or stop the collector and give --data DIR",
        )
    return HttpClient(url, token or os.environ.get(defaults.TOKEN_VARIABLE), None)


class _Directory:
    """Does deeds on a directory that no collector serves."""

    def __init__(self, settings: Any) -> None:
        from otel_eventlog_collector.service import open_administration

        self.place = str(settings.store or settings.data)
        opened: tuple[Administration, Store] = open_administration(settings)
        self._administration, self._store = opened

    def erase(self, user_id: str) -> dict[str, Any]:
        """Answer as the API would."""
        report, request_id = self._administration.erase(user_id, _me())
        return {"ok": True, "erased": erasure_json(report), "request_id": request_id}

    def prune(self, *, force: bool) -> dict[str, Any]:
        """Answer as the API would."""
        report, request_id = self._administration.purge(force=force, actor=_me())
        return {"ok": True, "purged": purge_json(report), "request_id": request_id}

    def import_chunks(self, chunks: Iterable[bytes]) -> dict[str, Any]:
        """Answer as the API would."""
        cutter = LineCutter(LINE_BYTES_MAX)
        with self._administration.importing(_me()) as importer:
            for chunk in chunks:
                importer.add(cutter.feed(chunk))
            importer.add(cutter.end())
        return {"ok": True, "imported": importer.summary.json()}

    def close(self) -> None:
        """Close the store."""
        self._store.close()


def _me() -> Actor:
    return Actor(name=user_name(), user_agent="otel-eventlog")
