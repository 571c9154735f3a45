"""What is counted on the day through which retention cuts, where rollups know too much."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from otel_eventlog.model import Status
from otel_eventlog_collector.protocols import Store
from otel_eventlog_collector.query import EventQuery
from otel_eventlog_collector.store.sqlite import SqliteStore, counts
from otel_eventlog_collector.store.sqlite.schema import sql_text
from tests.contracts.store_harness import login, put, query, start_of
from tests.support.clock import DAY, HOUR, SECOND, HandClock
from tests.support.memory_store import MemoryStore

MINUTE = 60 * SECOND
CUT = 20_500 * DAY + 9 * HOUR + 17 * MINUTE + 23 * SECOND + 1
"""When the oldest request began that is kept."""
TOOK = (0, 1, SECOND, 45 * SECOND, MINUTE - 1, MINUTE, MINUTE + 1, 20 * MINUTE, 3 * HOUR, 20 * HOUR)


@pytest.fixture(params=["sealed", "not sealed"])
def stores(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """Return the store under test and the reference store, both with requests around the cut."""
    clock = HandClock()
    clock.now = CUT + DAY
    some = random.Random(7)
    store = SqliteStore(tmp_path / "data", clock=clock, steady=lambda: clock.now)
    reference = MemoryStore(clock)
    events = []
    for number in range(1, 600):
        at = CUT + some.choice([some.randrange(-2 * MINUTE, MINUTE), some.randrange(-8, 8) * HOUR])
        took = some.choice(TOOK)
        outcome = login(
            number,
            at=at,
            time_unix_nano=at + took,
            duration_ns=took,
            status=some.choice([Status.SUCCESS, Status.ERROR]),
        )
        events += [start_of(outcome), outcome][some.random() < 0.1 :]
    for each in (store, reference):
        put(each, *events)
    clock.now = CUT + 30 * DAY
    if request.param == "sealed":
        assert store.seal(quiet_s=0)
    yield store, reference
    store.close()


def counted(store: Store, asked: EventQuery, since: int, until: int) -> list[Any]:
    """Return everything that counts."""
    figures = store.action_figures(asked, since, until, 3 * HOUR)
    return [
        [dict(bucket.counts) for bucket in store.histogram(asked, since, until, 3 * HOUR)],
        {name: list(values) for name, values in store.facets(asked, ["status"], 5).items()},
        [(each.action, each.slices, each.error_types) for each in figures],
        sum(count.outcomes for each in figures for count in each.durations),
    ]


@pytest.mark.parametrize("filters", [{}, {"status": "error"}, {"status": "success"}])
@pytest.mark.parametrize("since", [CUT - 5 * HOUR, CUT, CUT + 20 * MINUTE, CUT + 4 * HOUR])
def test_what_retention_takes_is_not_counted(
    stores: Any, filters: dict[str, str], since: int
) -> None:
    """An outcome counts while its request does, however long that took."""
    store, reference = stores
    begin = since // HOUR * HOUR
    asked = query(**filters)
    wanted = counted(reference, asked, begin, CUT + 2 * DAY)
    assert counted(store, asked, begin, CUT + 2 * DAY) == wanted
    assert any(number for bucket in wanted[0] for number in bucket.values())


def test_what_took_long_has_an_index() -> None:
    """The index of a sealed day has the number that is asked for: else it would not be used."""
    assert f"WHERE elapsed_ns > {counts.LONG_NS};" in sql_text("sealed.sql")
