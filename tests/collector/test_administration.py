"""Deeds of administration: what they do, and what is recorded of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import EventLog, Rank, Status
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from otel_eventlog_collector.admin.administration import Administration
from otel_eventlog_collector.admin.record import Actor
from otel_eventlog_collector.errors import StoreUnavailable
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.protocols import ErasureReport
from otel_eventlog_collector.query import EventQuery, Term
from tests.support.builders import NOW, event_log
from tests.support.clock import SECOND, HandClock
from tests.support.memory_store import MemoryStore

KEY, FORMER = b"k" * 32, b"f" * 32
ACTOR = Actor("1f3a9c02", "alice", "192.0.2.9", "curl/8")


@dataclass
class Office:
    """An administration over the reference store."""

    privacy: Privacy = field(default_factory=lambda: Privacy(KEY))
    clock: HandClock = field(default_factory=HandClock)

    def __post_init__(self) -> None:
        """Open the store."""
        self.store = MemoryStore(self.clock)
        self.woken = 0
        self.administration = Administration(
            writer=self.store,
            erase_user=self.store.erase_user,
            purge_store=lambda force: self.store.purge(force=force),
            mapper=Mapper(load_rule_set(), self.privacy, Rank.DERIVED),
            clock=self.clock,
            former_keys=[FORMER],
            on_change=self._wake,
        )

    def _wake(self) -> None:
        self.woken += 1

    def recorded(self, action: str) -> list[EventLog]:
        """Return what is recorded of deeds, start first."""
        query = EventQuery(filters={"action": [Term(action)]}, order="asc")
        return sorted(self.store.find(query).events, key=lambda event: event.status != "start")


def test_an_erasure_takes_whole_requests_and_records_itself() -> None:
    """Both halves go, other users stay, and the record says who did it but not of whom."""
    office = Office()
    start = event_log(Status.START, span_id=1, user_id=None)
    outcome = event_log(span_id=1, user_id="mark")
    other = event_log(span_id=2, user_id="other")
    office.store.write([start, outcome, other])
    report, request_id = office.administration.erase("mark", ACTOR)
    assert (report.requests, report.events) == (1, 2)
    left = office.store.find(EventQuery()).events
    assert [event.user_id for event in left if event.category != "dashboard"] == ["other"]
    begun, ended = office.recorded("EraseUserEvents")
    assert {begun.request_id, ended.request_id} == {request_id}
    assert (begun.status, ended.status, ended.category) == ("start", "success", "dashboard")
    assert (ended.client_id, ended.client_address) == ("1f3a9c02", "192.0.2.9")
    assert ended.user_agent == "curl/8"
    assert ended.attributes["actor"] == "alice"
    assert ended.attributes["erased_event_logs"] == 2
    assert ended.attributes["user_id_hash"] == office.privacy.keyed_hash("mark")
    assert "mark" not in str([event_json(event) for event in (begun, ended)])
    assert office.woken == 2


def test_what_was_erased_does_not_come_back() -> None:
    """A redelivery finds the ids and is a duplicate."""
    office = Office()
    outcome = event_log(span_id=1, user_id="mark")
    office.store.write([outcome])
    office.administration.erase("mark", ACTOR)
    assert office.store.write([outcome]).result().duplicates == 1


def test_without_a_key_the_record_holds_no_hash() -> None:
    """Never an unkeyed hash: then the record says that somebody was erased, not who."""
    office = Office(Privacy())
    office.administration.erase("mark", ACTOR)
    assert "user_id_hash" not in office.recorded("EraseUserEvents")[1].attributes


def test_a_user_is_erased_under_every_hash_of_theirs() -> None:
    """Where e-mail addresses are kept as hashes, the address given is found all the same."""
    office = Office(Privacy(KEY, hash_identifiers=True))
    mail = "mark@example.org"
    hashes = [Privacy(key).keyed_hash(mail) for key in (KEY, FORMER)]
    office.store.write(
        [event_log(span_id=n, user_id=user) for n, user in enumerate([mail, *hashes], 1)]
    )
    assert office.administration.erase(mail, ACTOR)[0].requests == 3


def test_an_admin_cannot_erase_the_record_of_what_they_did() -> None:
    """No record carries a user id, so erasing by any name of the admin leaves it."""
    office = Office()
    office.administration.erase("mark", ACTOR)
    for name in ("alice", "1f3a9c02", "192.0.2.9"):
        office.administration.erase(name, ACTOR)
    assert len(office.recorded("EraseUserEvents")) == 8


def test_a_deed_that_fails_is_recorded_as_an_error() -> None:
    """The record says that it failed, and the error goes on to who asked."""

    def broken(user_id: str) -> ErasureReport:
        raise StoreUnavailable(f"no erasing {user_id}")

    office = Office()
    administration = replace(office.administration, erase_user=broken)
    with pytest.raises(StoreUnavailable):
        administration.erase("mark", ACTOR)
    ended = office.recorded("EraseUserEvents")[1]
    assert (ended.status, ended.error_type) == ("error", "StoreUnavailable")
    assert ended.error_message is None


def test_a_purge_is_recorded_with_what_it_removed() -> None:
    """Also one that found nothing to do."""
    office = Office()
    office.store.write([event_log(span_id=1)])
    office.clock.forward(SECOND)
    office.administration.purge(force=True, actor=ACTOR)
    ended = office.recorded("PurgeEvents")[1]
    assert ended.attributes["purged_event_logs"] == 0
    assert ended.time_unix_nano == NOW + SECOND


def test_an_import_that_is_cut_short_is_recorded() -> None:
    """What was stored until then is counted, and the record says that it was interrupted."""
    office = Office()

    def interrupted() -> None:
        with office.administration.importing(ACTOR) as importer:
            importer.add([b"nonsense"])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    ended = office.recorded("ImportEvents")[1]
    assert (ended.status, ended.error_type) == ("error", "interrupted")
    assert ended.attributes["import_rejected"] == 1
