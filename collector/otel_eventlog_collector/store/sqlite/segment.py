"""One day segment as the writer sees it: the only connection that writes and checkpoints it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from otel_eventlog.model import TAG_END, TAG_START, uuid_int
from otel_eventlog.pairs import Pair
from otel_eventlog_collector.errors import StoreUnavailable
from otel_eventlog_collector.store.row import (
    DETAIL_FIELDS,
    Half,
    Shape,
    SqlValue,
    encode,
    span_from_int,
    split_key,
)
from otel_eventlog_collector.store.sqlite.connect import (
    APPLICATION_ID,
    DamagedFile,
    Header,
    check_format,
    is_plain_file,
    open_writer,
    read_header,
    sync_directory,
    sync_log,
)
from otel_eventlog_collector.store.sqlite.erase import Erased, erase_requests, erase_texts
from otel_eventlog_collector.store.sqlite.merge import ERASED, Fate, merge
from otel_eventlog_collector.store.sqlite.numbers import Numbers
from otel_eventlog_collector.store.sqlite.packing import Changes, HeldHalf, HeldRow, NewRow, plan
from otel_eventlog_collector.store.sqlite.pair_rows import pair_rows, user_key
from otel_eventlog_collector.store.sqlite.redelivery import RequestKey, request_key, sort_out
from otel_eventlog_collector.store.sqlite.rollup import Rollup
from otel_eventlog_collector.store.sqlite.schema import (
    create_segment,
    find_requests_sql,
    insert_pairs_sql,
    leave_outcome_sql,
    leave_start_sql,
    put_rows_sql,
    reshape_start_sql,
)

INSERT_ROWS = (256, 16, 1)
"""Rows of one INSERT: few statements to prepare, and few switches of the interpreter lock."""
LOOKUP_REQUESTS = (256, 16, 1)

_UNFINISHED = Header(application_id=0, format_version=0)
"""Header of a segment whose making was cut short: it has no table yet."""
_USER_ID = DETAIL_FIELDS.index("user_id")


@dataclass(slots=True)
class Work:
    """What one transaction stores, and what became of it.

    Attributes:
        pairs: whole requests.
        observed: when each of them was received, nanoseconds since the epoch.
        halves: single event logs, merged after the pairs.
        pair_fates: two for each pair: of its start and of its outcome.
        half_fates: one for each half.

    """

    pairs: list[Pair] = field(default_factory=list)
    observed: list[int] = field(default_factory=list)
    halves: list[Half] = field(default_factory=list)
    pair_fates: list[tuple[Fate, Fate]] = field(default_factory=list)
    half_fates: list[Fate] = field(default_factory=list)


def chunks(items: Sequence[Any], sizes: Sequence[int]) -> Iterator[Sequence[Any]]:
    """Cut a sequence into parts of the given sizes, largest first."""
    start = 0
    for size in sizes:
        while len(items) - start >= size:
            yield items[start : start + size]
            start += size


class SegmentWriter:
    """Writes one segment. Used by the writer thread only."""

    def __init__(self, path: Path, after_sequence: int = 0) -> None:
        """Open the segment, making it if it is not there.

        Args:
            path: the file.
            after_sequence: a new segment counts its stream on from here.

        Raises:
            ConfigError: the file there is too new.
            DamagedFile: it is not ours, or broken.
            StoreUnavailable: it is no plain file.
            sqlite3.Error: it cannot be opened.

        """
        _check_segment(path)
        self.path = path
        sync_log(path)
        self.connection = open_writer(path)
        try:
            if self.connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                create_segment(self.connection, after_sequence)
                sync_directory(path.parent)
            self._inode = path.stat().st_ino
        except BaseException:
            self.connection.close()
            raise
        self._numbers = Numbers(self.connection)
        self._rollup = Rollup()

    def is_on_disk(self) -> bool:
        """Whether the file is still the one that was opened.

        SQLite goes on committing into a file that somebody has removed.
        """
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

    def write(self, work: Work) -> None:
        """Store pairs and halves in one transaction that is on disk when this returns.

        Most pairs are new, so they are first inserted without looking; only when some turn out to
        be known is the transaction begun again, with what is stored looked up.

        Raises:
            sqlite3.Error, OverflowError, UnicodeEncodeError: nothing of it is stored.

        """
        if not self.transact(lambda: self._write_new(work)):
            self.transact(lambda: self._write_known(work))

    def transact(self, change: Callable[[], bool]) -> bool:
        """Carry out a change in one transaction, the rollups included; False takes it back.

        Raises:
            sqlite3.Error and whatever `change` raises: nothing of it is stored.

        """
        connection = self.connection
        self._rollup = Rollup()
        connection.execute("BEGIN IMMEDIATE")
        try:
            if change():
                self._rollup.flush(connection)
                connection.execute("COMMIT")
                return True
            self._numbers.forget()
            connection.execute("ROLLBACK")
        except BaseException:
            self._numbers.forget()
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
        return False

    def erase_user(self, user_id: str) -> Erased:
        """Erase some requests of a user; again and again, until none is left.

        Raises:
            sqlite3.Error: nothing of it is erased.

        """
        erased = Erased(0, 0, set())

        def change() -> bool:
            nonlocal erased
            erased = erase_requests(self.connection, user_id, self._rollup)
            return True

        self.transact(change)
        return erased

    def erase_texts(self, numbers: Iterable[int]) -> None:
        """Erase those of some texts that no row names any more.

        Raises:
            sqlite3.Error: none is erased.

        """

        def change() -> bool:
            erase_texts(self.connection, numbers)
            return True

        self.transact(change)
        self._numbers.forget()

    def checkpoint(self) -> bool:
        """Bring everything into the main file and empty the write-ahead log.

        Returns:
            Whether it is empty now; readers may keep it from that.

        """
        return not self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][0]

    def close(self) -> None:
        """Close the connection; the last one to close also removes the write-ahead log."""
        self.connection.close()

    # --- pairs --------------------------------------------------------------------------------

    def _write_new(self, work: Work) -> bool:
        """Store work whose pairs are all new; False if one was there already."""
        if self._insert(work.pairs, work.observed) != len(work.pairs):
            return False
        work.pair_fates = [_BOTH_STORED] * len(work.pairs)
        work.half_fates = self._merge(work.halves)
        return True

    def _write_known(self, work: Work) -> bool:
        """Store work of which some pairs are there already."""
        keys = dict.fromkeys(map(request_key, work.pairs))
        shapes: dict[RequestKey, list[Shape | None]] = {}
        for row in self._look_up(keys):
            known = shapes.setdefault(RequestKey(row.start_ms, row.span_id), [None, None])
            if row.is_erased:
                known[:] = [ERASED, ERASED]
            for tag, half in row.halves():
                known[tag - TAG_START] = self._numbers.shapes[half.shape_id]
        found = sort_out(work.pairs, {key: (one[0], one[1]) for key, one in shapes.items()})
        inserted = self._insert(
            [work.pairs[at] for at in found.new], [work.observed[at] for at in found.new]
        )
        if inserted != len(found.new):
            msg = f"{len(found.new) - inserted} requests are both known and unknown"
            raise StoreUnavailable(msg)
        halves = [
            encode(event, work.observed[at])
            for at in found.to_merge
            for event in work.pairs[at].event_logs()
        ]
        fates = self._merge([*halves, *work.halves])
        settled = found.settled | dict.fromkeys(found.new, _BOTH_STORED)
        for number, at in enumerate(found.to_merge):
            settled[at] = (fates[2 * number], fates[2 * number + 1])
        work.pair_fates = [settled[at] for at in range(len(work.pairs))]
        work.half_fates = fates[len(halves) :]
        return True

    def _insert(self, pairs: Sequence[Pair], observed: Sequence[int]) -> int:
        """Insert pairs and return how many of their requests were unknown."""
        if not pairs:
            return 0
        inserted = 0
        rows = pair_rows(pairs, observed, self._numbers, self._rollup)
        for part in chunks(rows, INSERT_ROWS):
            sql = insert_pairs_sql(len(part))
            inserted += self.connection.execute(sql, tuple(chain.from_iterable(part))).rowcount
        return inserted

    # --- single halves ------------------------------------------------------------------------

    def _merge(self, halves: Sequence[Half]) -> list[Fate]:
        """Merge single halves with what is stored, and return what became of each."""
        if not halves:
            return []
        held: dict[int, HeldHalf] = {}
        shapes: dict[int, Shape] = {}
        for row in self._look_up(dict.fromkeys(split_key(half.key)[:2] for half in halves)):
            for tag in (TAG_START, TAG_END) if row.is_erased else ():
                shapes[_key(row, tag)] = ERASED
            for tag, half in row.halves():
                held[_key(row, tag)] = half
                shapes[_key(row, tag)] = self._numbers.shapes[half.shape_id]
        merged = merge(shapes, halves)
        self._carry_out(plan(merged, held))
        for key in (*merged.replaced, *merged.reshaped):
            gone = held[key]
            self._rollup.count(gone.shape_id, gone.time_unix_nano, gone.duration_ns, -1)
        for key, shape in merged.reshaped.items():
            time = held[key].time_unix_nano
            self._rollup.count(self._numbers.shape_ids[shape], time, None)
        return merged.fates

    def _look_up(self, keys: Iterable[tuple[int, int]]) -> Iterator[HeldRow]:
        """Yield the rows of the requests that are stored."""
        for part in chunks(list(keys), LOOKUP_REQUESTS):
            sql = find_requests_sql(len(part))
            parameters = tuple(chain.from_iterable(part))
            for row in self.connection.execute(sql, parameters).fetchall():
                yield HeldRow(*row)

    def _carry_out(self, changes: Changes) -> None:
        for key, slot in changes.leaving.items():
            start_ms, span_id, half = split_key(key)
            sql = leave_start_sql() if half else leave_outcome_sql()
            self.connection.execute(sql, (start_ms, span_id, slot))
        for key, (shape, slot) in changes.reshaped.items():
            start_ms, span_id, _ = split_key(key)
            shape_id = self._numbers.shape_ids[shape]
            self.connection.execute(reshape_start_sql(), (shape_id, start_ms, span_id, slot))
        for part in chunks(changes.rows, INSERT_ROWS):
            parameters = tuple(chain.from_iterable(map(self._values, part)))
            self.connection.execute(put_rows_sql(len(part)), parameters)

    def _values(self, row: NewRow) -> tuple[SqlValue, ...]:
        """Return what `schema.ROW_COLUMNS` wants, and count the row's halves in the rollup."""
        half, start_shape, outcome_shape, slot = row
        shape_ids, text_ids = self._numbers.shape_ids, self._numbers.text_ids
        start_id = None if start_shape is None else shape_ids[start_shape]
        outcome_id = None if outcome_shape is None else shape_ids[outcome_shape]
        if start_id is not None:
            self._rollup.count(start_id, half.start_unix_nano, None)
        if outcome_id is not None:
            self._rollup.count(outcome_id, half.time_unix_nano, half.duration_ns)
        user_id = half.detail[_USER_ID]
        return (
            *half.detail,
            start_id,
            outcome_id,
            *[text_ids[text] for text in half.texts],
            None if user_id is None else user_key(str(user_id)),
            slot,
        )


def _check_segment(path: Path) -> None:
    """Refuse a file in the place of a segment that is none, before SQLite touches it."""
    if path.is_symlink() or (path.exists() and not is_plain_file(path)):
        raise StoreUnavailable(f"segment {str(path)!r} is not a plain file")
    if not path.exists() or not path.stat().st_size:
        return  # its making was cut short, or begins
    header = read_header(path)
    if header is None:
        raise DamagedFile("it is no SQLite database")
    if header.application_id not in (APPLICATION_ID, _UNFINISHED.application_id):
        raise DamagedFile("it is a database of another program")
    check_format(path, header)


_BOTH_STORED = (Fate.STORED, Fate.STORED)


def _key(row: HeldRow, tag: int) -> int:
    return uuid_int(row.start_unix_nano, span_from_int(row.span_id), tag)
