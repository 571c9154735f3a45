"""Many simulated people at once, and the one whose request is lost in a crash."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from otel_eventlog_collector.demo.crowd.ledger import Ledger
from otel_eventlog_collector.demo.crowd.shop_visits import SSO, SSO_CRASH
from otel_eventlog_collector.demo.crowd.visitor import Unexpected, Visitor

BETWEEN_VISITS_S = (0.3, 2.0)
BETWEEN_CRASHES_S = 60.0
INTO_THE_REQUEST_S = 2.0
"""How long the doomed request is at work before its worker is killed: longer than it takes a start
to leave the process (a fifth of a second), also on a busy machine."""
PATIENCE_S = 45.0


@dataclass(frozen=True, slots=True)
class Place:
    """An app, what people do there, and how many do so at once."""

    service: str
    url: str
    visits: Sequence[Callable[[Visitor], None]]
    people: int


class Crowd:
    """Simulated people. Everything that can be done is done once, then at random until `stop`."""

    def __init__(
        self,
        places: Sequence[Place],
        doomed: Place,
        ledger: Ledger,
        *,
        kill: Callable[[], None],
        revive: Callable[[], None],
    ) -> None:
        """Prepare everybody.

        Args:
            places: where people go.
            doomed: the worker process that is killed now and then; nobody else goes there.
            ledger: where everybody writes down what they did.
            kill: kills the doomed worker, with no chance to clean up.
            revive: starts it again and returns when it answers.

        """
        self._doomed = doomed
        self._ledger = ledger
        self._kill = kill
        self._revive = revive
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._first_rounds: list[threading.Event] = []
        self.failures: list[Exception] = []
        """What nobody should meet: a bug of theirs, a worker that does not come back."""
        for place in places:
            for person in range(place.people):
                self._add(self._live, place, place.visits[person :: place.people])
        self._add(self._crash_now_and_then)

    def start(self) -> None:
        """Let everybody go."""
        for thread in self._threads:
            thread.start()

    @property
    def has_done_everything(self) -> bool:
        """Whether everything has been done at least once, the crash included."""
        return all(done.is_set() for done in self._first_rounds)

    def stop(self) -> None:
        """Let everybody finish what they are at, and wait for them. Safe to call twice."""
        self._stop.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(PATIENCE_S)

    def _add(self, live: Callable[..., None], *args: object) -> None:
        done = threading.Event()
        self._first_rounds.append(done)

        def run() -> None:
            try:
                live(done, *args)
            except Exception as failure:  # noqa: BLE001 - told to whoever started the crowd
                self.failures.append(failure)

        self._threads.append(threading.Thread(target=run, daemon=True))

    def _live(
        self, done: threading.Event, place: Place, visits: Sequence[Callable[[Visitor], None]]
    ) -> None:
        for visit in visits:
            if self._stop.is_set():
                return
            self._visit(place, visit)
        done.set()
        while not self._stop.wait(random.uniform(*BETWEEN_VISITS_S)):  # noqa: S311 - variety
            self._visit(place, random.choice(place.visits))  # noqa: S311

    def _visit(self, place: Place, visit: Callable[[Visitor], None]) -> None:
        visitor = Visitor(place.service, place.url, self._ledger, self._stop)
        with visitor, suppress(Unexpected):  # the ledger has it
            visit(visitor)

    def _crash_now_and_then(self, done: threading.Event) -> None:
        while not self._stop.is_set():
            self._crash()
            done.set()
            if not self._stop.is_set():
                self._revive()
                self._stop.wait(BETWEEN_CRASHES_S)

    def _crash(self) -> None:
        """Log in with a company account, then once more while the directory sleeps: and crash."""
        visitor = Visitor(self._doomed.service, self._doomed.url, self._ledger, self._stop)
        killer = threading.Timer(INTO_THE_REQUEST_S, self._kill)
        with visitor, suppress(Unexpected):
            form = {"email": visitor.email, "company": "acme"}
            visitor.attempt(SSO, "POST", "/sso/authenticate", form=form)
            form["company"] = "sleepy"
            killer.start()
            visitor.send(SSO_CRASH, "POST", "/sso/authenticate", form=form)
            killer.join()
