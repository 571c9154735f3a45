"""The deeds of administration: erase a user, purge now, import; each one recorded.

The API calls these in a running collector, the command straight on a directory that none serves:
the same deed leaves the same record everywhere. Each method blocks on the store.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import AttributeValue, EventLog
from otel_eventlog.privacy import Privacy
from otel_eventlog_collector.admin.importing import Importer
from otel_eventlog_collector.admin.record import ERASE, IMPORT, PURGE, Actor, Deed
from otel_eventlog_collector.errors import CollectorError
from otel_eventlog_collector.protocols import (
    Clock,
    ErasureReport,
    EventWriter,
    PurgeReport,
)

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Running:
    """A deed under way: what its outcome will say beside success or error."""

    request_id: str
    attributes: dict[str, AttributeValue | None]


@dataclass(frozen=True, slots=True)
class Administration:
    """The deeds.

    Attributes:
        writer: where event logs are stored.
        erase_user: removes everything of one user; see `protocols.Store`.
        purge_store: removes what is past the retention; its argument says that a person
            confirms the clock.
        mapper: spans to event logs, with the privacy that is configured.
        former_keys: hash keys that were replaced: what was hashed with them is erased as well.
        clock: the collector's time.
        on_change: called after event logs were stored: wakes the tail.

    """

    writer: EventWriter
    erase_user: Callable[[str], ErasureReport]
    purge_store: Callable[[bool], PurgeReport]
    mapper: Mapper
    clock: Clock
    former_keys: Sequence[bytes] = ()
    on_change: Callable[[], None] = lambda: None

    def erase(self, user_id: str, actor: Actor) -> tuple[ErasureReport, str]:
        """Erase everything of one user; return what was erased and the id of the record.

        Raises:
            RetryableError: the store cannot do it just now; the record says so.

        """
        with self._doing(ERASE, actor) as running:
            # Told first: also the record of an erasure that was cut short says of whom.
            running.attributes["user_id_hash"] = self.mapper.privacy.keyed_hash(user_id)
            reports = [self.erase_user(each) for each in self._stored_as(user_id)]
            report = ErasureReport(
                sum(each.requests for each in reports),
                sum(each.events for each in reports),
                sorted({name for each in reports for name in each.lingering}),
                sorted({name for each in reports for name in each.unread}),
            )
            running.attributes |= {
                "erased_requests": report.requests,
                "erased_event_logs": report.events,
                "lingering": list(report.lingering) or None,
                "unread": list(report.unread) or None,
            }
        return report, running.request_id

    def _stored_as(self, user_id: str) -> Sequence[str]:
        """Return the texts under which a user may be stored: as given, and as hashes of it."""
        privacy = self.mapper.privacy
        keys = [privacy.hash_key, *self.former_keys]
        hashed = [
            Privacy(key, hash_identifiers=True).user(user_id) for key in keys if key is not None
        ]
        return list(dict.fromkeys([user_id, *(each for each in hashed if each)]))

    def purge(self, *, force: bool, actor: Actor) -> tuple[PurgeReport, str]:
        """Remove what is past the retention now; return what was, and the id of the record."""
        with self._doing(PURGE, actor) as running:
            report = self.purge_store(force)
            running.attributes |= {
                "purged_event_logs": report.events,
                "purged_segments": list(report.segments),
                "bytes_freed": report.bytes_freed,
                "refused": report.refused or None,
            }
        return report, running.request_id

    @contextmanager
    def importing(self, actor: Actor) -> Iterator[Importer]:
        """Give what imports lines; the record is completed at the end of the block."""
        with self._doing(IMPORT, actor) as running:
            importer = Importer(self.mapper, self.writer, self.clock, self.on_change)
            try:
                yield importer
                importer.flush()
            finally:
                running.attributes |= {
                    f"import_{name}": count for name, count in importer.summary.counts().items()
                }

    @contextmanager
    def _doing(self, action: str, actor: Actor) -> Iterator[Running]:
        """Record the start, then what became of it, also when it fails."""
        deed = Deed(action, actor, secrets.randbits(63) + 1, self.clock())
        start = deed.start()
        running = Running(start.request_id, {})
        self._record(start)
        try:
            yield running
        except BaseException as error:
            kind = type(error).__name__ if isinstance(error, CollectorError) else "interrupted"
            self._record_quietly(deed.outcome(self.clock(), running.attributes, kind))
            raise
        self._record(deed.outcome(self.clock(), running.attributes))

    def _record(self, event: EventLog) -> None:
        event.observed_unix_nano = self.clock()
        self.mapper.privacy.hash_contacts(event)
        self.writer.write([event]).result()
        self.on_change()

    def _record_quietly(self, event: EventLog) -> None:
        """Record a failure without hiding it behind one of the record's own."""
        try:
            self._record(event)
        except Exception:  # noqa: BLE001 - the error that is told is the deed's
            _log.exception("the outcome of %s could not be recorded", event.action)


def purge_json(report: PurgeReport) -> Mapping[str, Any]:
    """Return what a purge removed, as the API and the command show it."""
    return {
        "segments": list(report.segments),
        "events": report.events,
        "bytes_freed": report.bytes_freed,
        "refused": report.refused or None,
    }


def erasure_json(report: ErasureReport) -> Mapping[str, Any]:
    """Return what an erasure removed, as the API and the command show it."""
    return {
        "requests": report.requests,
        "event_logs": report.events,
        "lingering": list(report.lingering),
        "unread": list(report.unread),
    }
