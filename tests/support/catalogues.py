"""What the files in tests/data/catalogue say: which endpoint is which action."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tests.support.repository import ROOT

_FOLDER = ROOT / "tests" / "data" / "catalogue"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of the vendor's SDK, or one endpoint that no method calls.

    Attributes:
        api: consumer or b2b.
        sdk_method: dotted, from the client; in brackets where there is none.
        http_method: empty where no request is made.
        path: template, likewise.
        action: empty where it is no auth call.
        documented: whether the action's name stands on the vendor's own page.

    """

    api: str
    sdk_method: str
    http_method: str
    path: str
    action: str
    documented: bool


@dataclass(frozen=True, slots=True)
class Route:
    """One route of one product; `action` is empty where it is no auth call."""

    product: str
    http_method: str
    route: str
    action: str


def _rows(name: str) -> Iterator[list[str]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        for row in rows:
            yield ["" if cell == "-" else cell for cell in row]


@cache
def stytch_endpoints() -> tuple[Endpoint, ...]:
    """Return every row of the list of Stytch's endpoints."""
    return tuple(
        Endpoint(api, sdk_method, http_method, path, action, documented == "yes")
        for api, sdk_method, http_method, path, action, documented in _rows("stytch_endpoints.tsv")
    )


@cache
def routes(product: str = "") -> tuple[Route, ...]:
    """Return the known routes of one product, or of all."""
    rows = (Route(*row) for row in _rows("routes.tsv"))
    return tuple(row for row in rows if product in ("", row.product))
