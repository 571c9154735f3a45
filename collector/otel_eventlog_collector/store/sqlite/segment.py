"""One day segment as the writer sees it: the only connection that writes and checkpoints it."""

# ruff: noqa: S608 - names in the SQL are our own columns; every value is a parameter

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar
from zlib import crc32

from otel_eventlog_collector.errors import StoreUnavailable
from otel_eventlog_collector.store.row import (
    DETAIL_FIELDS,
    SHAPE_FIELDS,
    Key,
    Row,
    Shape,
    SqlValue,
    shape_from_sql,
    shape_to_sql,
    split_key,
)
from otel_eventlog_collector.store.sqlite.connect import (
    APPLICATION_ID,
    Header,
    check_header,
    is_plain_file,
    open_writer,
    read_header,
)
from otel_eventlog_collector.store.sqlite.directory import sync_directory
from otel_eventlog_collector.store.sqlite.merge import Merged, Verdict, merge, sibling
from otel_eventlog_collector.store.sqlite.schema import (
    create_segment,
    find_keys_sql,
    insert_sql,
    reshape_sql,
)

INSERT_ROWS = (128, 16, 1)
"""Rows of one INSERT: few statements to prepare, and few switches of the interpreter lock."""
LOOKUP_KEYS = (256, 16, 1)
CACHED_MAX = 50_000
"""Most shapes, and most texts, whose numbers are remembered; more are looked up again."""

_K = TypeVar("_K")
_V = TypeVar("_V")

_UNFINISHED = Header(application_id=0, format_version=0)
"""Header of a segment whose making was cut short: it has no table yet."""
_USER_ID = DETAIL_FIELDS.index("user_id")
_SHAPE_COLUMNS = ", ".join(SHAPE_FIELDS)


def user_key(user_id: str) -> int:
    """Return the number under which a user is indexed; several users may share one."""
    return crc32(user_id.encode("utf-8", "replace"))


def digest(values: Sequence[SqlValue]) -> bytes:
    """Return the key under which a shape or a text is kept once."""
    return blake2b(json.dumps(values).encode(), digest_size=16).digest()


def chunks(items: Sequence[Row] | Sequence[int], sizes: Sequence[int]) -> Iterator[slice]:
    """Cut a sequence into slices of the given sizes, largest first."""
    start = 0
    for size in sizes:
        while len(items) - start >= size:
            yield slice(start, start + size)
            start += size


class SegmentWriter:
    """Writes one segment. Used by the writer thread only."""

    def __init__(self, path: Path, after_sequence: int = 0) -> None:
        """Open the segment, making it if it is not there.

        Args:
            path: the file.
            after_sequence: a new segment counts its stream on from here.

        Raises:
            ConfigError: the file there is not ours, or too new.
            StoreUnavailable: it is no plain file.
            sqlite3.Error: it cannot be opened.

        """
        if path.is_symlink() or (path.exists() and not is_plain_file(path)):
            raise StoreUnavailable(f"segment {str(path)!r} is not a plain file")
        header = read_header(path) if path.exists() else None
        if header is not None and header != _UNFINISHED:
            check_header(path)
        self.path = path
        self._connection = open_writer(path)
        try:
            if self._connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                create_segment(self._connection, after_sequence)
                sync_directory(path.parent)
            self._inode = path.stat().st_ino
        except BaseException:
            self._connection.close()
            raise
        self._shape_ids: dict[Shape, int] = {}
        self._shapes: dict[int, Shape] = {}
        self._text_ids: dict[str, int] = {}

    def is_on_disk(self) -> bool:
        """Whether the file is still the one that was opened.

        SQLite goes on committing into a file that somebody has removed.
        """
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

    def write(self, rows: Sequence[Row]) -> list[Verdict]:
        """Store rows in one transaction that is on disk when this returns.

        Most rows are new, so they are first inserted without looking; only when some turn out to be
        known is the transaction begun again, with what is stored looked up.

        Raises:
            sqlite3.Error, OverflowError, UnicodeEncodeError: nothing of it is stored.

        """
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            merged = merge(self._held(_lone_siblings(rows)), rows)
            if not self._apply(merged):
                connection.execute("ROLLBACK")
                connection.execute("BEGIN IMMEDIATE")
                self._forget()
                keys = {row.key for row in rows}
                merged = merge(self._held(keys | {sibling(key) for key in keys}), rows)
                self._apply(merged)
            connection.execute("COMMIT")
        except BaseException:
            self._forget()
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
        return merged.verdicts

    def checkpoint(self) -> None:
        """Bring everything into the main file and empty the write-ahead log."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Close the connection; the last one to close also removes the write-ahead log."""
        self._connection.close()

    def _apply(self, merged: Merged) -> bool:
        """Write what a merge decided; False if a row thought new was there already."""
        if self._insert(list(merged.new.values()), replace=False) != len(merged.new):
            return False
        self._insert(list(merged.replaced.values()), replace=True)
        for key, shape in merged.reshaped.items():
            self._connection.execute(reshape_sql(), (self._shape_id(shape), *split_key(key)))
        return True

    def _insert(self, rows: Sequence[Row], *, replace: bool) -> int:
        inserted = 0
        for part in chunks(rows, INSERT_ROWS):
            chunk = rows[part]
            parameters = list(chain.from_iterable(map(self._values, chunk)))
            sql = insert_sql(len(chunk), replace=replace)
            inserted += self._connection.execute(sql, parameters).rowcount
        return inserted

    def _values(self, row: Row) -> tuple[SqlValue, ...]:
        """Return what `schema.EVENT_COLUMNS` wants."""
        detail = row.detail
        user_id = detail[_USER_ID]
        organization, client, agent, message = row.texts
        return (
            *detail,
            self._shape_ids.get(row.shape) or self._shape_id(row.shape),
            None if organization is None else self._text_id(organization),
            None if client is None else self._text_id(client),
            None if agent is None else self._text_id(agent),
            None if message is None else self._text_id(message),
            None if user_id is None else user_key(str(user_id)),
        )

    def _held(self, keys: Iterable[int]) -> Mapping[int, Shape]:
        """Look up which of these event logs are stored, and their shapes."""
        wanted = list(keys)
        packed = {split_key(key): key for key in wanted}
        held: dict[int, Shape] = {}
        for part in chunks(wanted, LOOKUP_KEYS):
            chunk = wanted[part]
            parameters = list(chain.from_iterable(map(split_key, chunk)))
            for row in self._connection.execute(find_keys_sql(len(chunk)), parameters).fetchall():
                held[packed[Key(*row[:3])]] = self._shape(row[3])
        return held

    def _shape(self, shape_id: int) -> Shape:
        shape = self._shapes.get(shape_id)
        if shape is None:
            row = self._connection.execute(
                f"SELECT {_SHAPE_COLUMNS} FROM shapes WHERE id = ?",
                (shape_id,),
            ).fetchone()
            shape = shape_from_sql(row)
            _remember(self._shapes, shape_id, shape)
        return shape

    def _shape_id(self, shape: Shape) -> int:
        shape_id = self._shape_ids.get(shape)
        if shape_id is None:
            values = shape_to_sql(shape)
            shape_id = self._number("shapes", SHAPE_FIELDS, values)
            _remember(self._shape_ids, shape, shape_id)
        return shape_id

    def _text_id(self, text: str) -> int:
        text_id = self._text_ids.get(text)
        if text_id is None:
            text_id = self._number("texts", ("text",), (text,))
            _remember(self._text_ids, text, text_id)
        return text_id

    def _number(self, table: str, columns: Sequence[str], values: Sequence[SqlValue]) -> int:
        """Return the id of what is kept once, adding it if it is not there yet."""
        key = digest(values)
        found = self._connection.execute(
            f"SELECT id FROM {table} WHERE digest = ?",
            (key,),
        ).fetchone()
        if found is not None:
            return int(found[0])
        places = ",".join("?" * (len(columns) + 1))
        inserted = self._connection.execute(
            f"INSERT INTO {table} ({','.join(columns)}, digest) VALUES ({places})",
            (*values, key),
        )
        return int(inserted.lastrowid or 0)

    def _forget(self) -> None:
        """Forget all numbers: a rolled back transaction may have given some of them out."""
        self._shape_ids.clear()
        self._shapes.clear()
        self._text_ids.clear()


def _lone_siblings(rows: Sequence[Row]) -> list[int]:
    """Return the other halves that do not come along with these rows."""
    keys = {row.key for row in rows}
    return [other for other in map(sibling, keys) if other not in keys]


def _remember(cache: dict[_K, _V], key: _K, value: _V) -> None:
    """Add to a bounded cache; a full one is thinned by its oldest half."""
    if len(cache) >= CACHED_MAX:
        for old in list(islice(cache, CACHED_MAX // 2)):
            del cache[old]
    cache[key] = value
