"""Durations counted by rows fall into the very buckets of the rollup."""

from __future__ import annotations

import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from otel_eventlog_collector.store.durations import bucket_of
from otel_eventlog_collector.store.sqlite.action_counts import BUCKET_SQL

durations = st.integers(0, 2**62) | st.integers(0, 40).flatmap(
    lambda power: st.integers(max(0, 2**power - 2), 2**power + 2)
)


@given(durations)
def test_rows_and_rollup_agree_on_the_bucket(duration_ns: int) -> None:
    """Whether a duration is counted when it is written or when it is read changes nothing."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE outcomes (took)")
    connection.execute("INSERT INTO outcomes VALUES (?)", (duration_ns,))
    (bucket,) = connection.execute(f"SELECT {BUCKET_SQL} FROM outcomes").fetchone()  # noqa: S608
    assert bucket == bucket_of(duration_ns)
    connection.close()
