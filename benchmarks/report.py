"""How figures are printed: one table, and a bar for whoever waits at a terminal."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

BAR_CHARS = 30


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table.

    Attributes:
        what: what was measured.
        measured: the median over the rounds.
        unit: of measured, goal and bare.
        goal: what is to be reached, or None.
        bare: the bare limit measured in the same rounds, or None.
        bare_name: what that limit is.
        ratio: median of measured/bare of each round; None = there is no bare limit.
        rounds: how many rounds the medians are of.
        is_at_most: the goal is a most, not a least.

    """

    what: str
    measured: float
    unit: str
    goal: float | None = None
    bare: float | None = None
    bare_name: str = ""
    ratio: float | None = None
    rounds: int = 1
    is_at_most: bool = False

    @property
    def is_reached(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        if self.goal is None:
            return None
        return self.measured <= self.goal if self.is_at_most else self.measured >= self.goal


def of_rounds(
    what: str,
    unit: str,
    measured: Sequence[float],
    *,
    goal: float | None = None,
    bare: Sequence[float] = (),
    bare_name: str = "",
    is_at_most: bool = False,
) -> Figure:
    """Return a figure of rounds that alternated between ours and the bare limit."""
    ratios = [ours / limit for ours, limit in zip(measured, bare, strict=bool(bare))]
    return Figure(
        what,
        statistics.median(measured),
        unit,
        goal,
        statistics.median(bare) if bare else None,
        bare_name,
        statistics.median(ratios) if ratios else None,
        len(measured),
        is_at_most,
    )


def number(value: float | None) -> str:
    """Return a number with three or more digits that mean something."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def print_table(figures: Sequence[Figure]) -> None:
    """Print the figures, each beside its goal and its bare limit."""
    rows = [("", "measured", "goal", "", "bare limit", "", "ratio", "rounds")]
    for figure in figures:
        goal = number(figure.goal)
        verdict = {None: "", True: "reached", False: "NOT reached"}[figure.is_reached]
        rows.append(
            (
                figure.what,
                f"{number(figure.measured)} {figure.unit}",
                goal and f"{'≤' if figure.is_at_most else '≥'} {goal}",
                verdict,
                number(figure.bare),
                figure.bare_name,
                f"{figure.ratio:.2f}" if figure.ratio is not None else "",
                str(figure.rounds),
            )
        )
    print_rows(rows, left=(0, 3, 5))


def print_rows(rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> None:
    """Print rows as aligned columns, with a line under the first.

    Args:
        rows: the texts, the headings first.
        left: columns that are flush left; numbers are flush right.

    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for index, row in enumerate(rows):
        cells = [
            text.ljust(width) if column in left else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
        if index == 0:
            print("─" * (sum(widths) + 2 * len(widths) - 2))
    sys.stdout.flush()


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of all values do not exceed; 0 without values."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


class Progress:
    """A bar on standard error, on a terminal only; nothing where output is kept."""

    def __init__(self, title: str, total: float) -> None:
        self.title, self.total = title, total
        self._done = 0.0
        self._began_s = time.monotonic()
        self._shown_s = 0.0
        self._is_shown = sys.stderr.isatty()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        if self._is_shown:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()

    def advance(self, by: float = 1, note: str = "") -> None:
        """Tell that some more is done."""
        self._done += by
        now_s = time.monotonic()
        if not self._is_shown or now_s - self._shown_s < 0.1:
            return
        self._shown_s = now_s
        share = min(1.0, self._done / self.total if self.total else 1.0)
        left_s = (now_s - self._began_s) * (1 - share) / share if share else 0
        bar = "█" * int(share * BAR_CHARS)
        sys.stderr.write(
            f"\r\x1b[2K{self.title} {bar:░<{BAR_CHARS}} {share:4.0%}  {left_s:3.0f} s left {note}"
        )
        sys.stderr.flush()
