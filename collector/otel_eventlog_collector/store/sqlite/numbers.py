"""What a segment keeps once and rows name by number: shapes and longer texts."""

# ruff: noqa: S608 - names in the SQL are our own columns; every value is a parameter

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import islice
from typing import Any, TypeVar

from otel_eventlog.pairs import PairTemplate
from otel_eventlog_collector.store.row import (
    SHAPE_FIELDS,
    Shape,
    SqlValue,
    shape_from_sql,
    shape_of,
    shape_to_sql,
)

CACHED_MAX = 50_000
"""Most shapes, and most texts, whose numbers are remembered; more are looked up again."""

_SHAPE_COLUMNS = ", ".join(SHAPE_FIELDS)

_K = TypeVar("_K")
_V = TypeVar("_V")


def digest(values: Sequence[SqlValue]) -> bytes:
    """Return the key under which a shape or a text is kept once."""
    return blake2b(json.dumps(values).encode(), digest_size=16).digest()


class _Numbers(dict[_K, _V]):
    """A bounded memory that finds out what it does not know: a look into a known one is cheap."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self._connection = connection

    def remember(self, key: _K, value: _V) -> _V:
        """Add what was found out; a full memory is thinned by its oldest half."""
        if len(self) >= CACHED_MAX:
            for old in list(islice(self, CACHED_MAX // 2)):
                del self[old]
        self[key] = value
        return value

    def number(self, table: str, columns: Sequence[str], values: Sequence[SqlValue]) -> int:
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


class ShapeIds(_Numbers[Shape, int]):
    """Shape → its number."""

    def __missing__(self, shape: Shape) -> int:
        return self.remember(shape, self.number("shapes", SHAPE_FIELDS, shape_to_sql(shape)))


class Shapes(_Numbers[int, Shape]):
    """Number of a shape → the shape."""

    def __missing__(self, shape_id: int) -> Shape:
        sql = f"SELECT {_SHAPE_COLUMNS} FROM shapes WHERE id = ?"
        row = self._connection.execute(sql, (shape_id,)).fetchone()
        return self.remember(shape_id, shape_from_sql(row))


class TextIds(_Numbers["str | None", "int | None"]):
    """Text → its number; None → None."""

    def __missing__(self, text: str | None) -> int | None:
        if text is None:
            return self.remember(None, None)
        return self.remember(text, self.number("texts", ("text",), (text,)))


class TemplateIds(_Numbers[PairTemplate, tuple[int, int]]):
    """Template → the numbers of its start's and its outcome's shape.

    A template is found by its identity, which costs next to nothing.
    """

    def __init__(self, connection: sqlite3.Connection, shape_ids: ShapeIds) -> None:
        """Number through the same memory as single event logs."""
        super().__init__(connection)
        self._shape_ids = shape_ids

    def __missing__(self, template: PairTemplate) -> tuple[int, int]:
        outcome = template.outcome
        start = replace(
            template.start,
            action=outcome.action,
            category=outcome.category,
            auth_method=outcome.auth_method,
            auth_factor=outcome.auth_factor,
        )
        ids = (self._shape_ids[shape_of(start)], self._shape_ids[shape_of(outcome)])
        return self.remember(template, ids)


class Numbers:
    """All numbers of one segment, for its writer."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Know nothing yet."""
        self.shape_ids = ShapeIds(connection)
        self.shapes = Shapes(connection)
        self.text_ids = TextIds(connection)
        self.template_ids = TemplateIds(connection, self.shape_ids)

    def forget(self) -> None:
        """Forget all: a transaction that was rolled back may have given some of them out."""
        known: tuple[dict[Any, Any], ...] = (
            self.shape_ids,
            self.shapes,
            self.text_ids,
            self.template_ids,
        )
        for each in known:
            each.clear()
