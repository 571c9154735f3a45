"""A search that takes too long is cut, and says what would help."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_eventlog_collector.errors import QueryError
from otel_eventlog_collector.query import EventQuery, Term
from otel_eventlog_collector.store.sqlite import SqliteStore, pool, reader
from tests.contracts.store_harness import login, put
from tests.support.builders import NOW
from tests.support.clock import DAY, HandClock


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """Return a store with ten days, on the newest of which is enough for a long look."""
    clock = HandClock()
    store = SqliteStore(tmp_path / "data", clock=clock, steady=lambda: clock.now)
    put(store, *[login(number, at=NOW - number * DAY) for number in range(1, 10)])
    put(store, *[login(number, user_id=f"user-{number}") for number in range(10, 4000)])
    return store


@pytest.mark.parametrize(
    ("module", "name"), [(reader, "QUERY_S_MAX"), (pool, "READ_S_MAX")], ids=["in all", "a day"]
)
def test_too_long_a_search_is_cut(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, module: object, name: str
) -> None:
    """The error says how to narrow the search; what is quick is answered as before."""
    asked = EventQuery(text=[Term("nobody")])
    assert store.find(asked).events == []
    with monkeypatch.context() as patch:
        patch.setattr(module, name, -1.0)
        for ask in (
            lambda: store.find(asked),
            lambda: store.requests(asked, None, 0),
            lambda: store.facets(asked, ["user_id"], 5),
        ):
            with pytest.raises(QueryError, match="took longer") as caught:
                ask()
            assert "narrow the time range" in caught.value.hint
    assert store.find(asked).events == []
    store.close()
