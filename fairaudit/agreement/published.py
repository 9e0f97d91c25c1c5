"""Published tables of correlations, checked against their own numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

import numpy as np

from fairaudit.errors import AuditError, suggest

BUNDLED: Final = ("cao2022",)
"""Tables that come along: Cao et al. 2022, doi:10.18653/v1/2022.acl-short.62."""
COLUMNS: Final = ("table", "row", "column", "r", "n", "significant", "p")
_HALF_DIGIT: Final = 0.005


@dataclass(frozen=True)
class Cell:
    """One published correlation.

    Parameters
    ----------
    r, n
        Pearson's r as printed (two decimals), and the number of models.
    significant
        Whether it is marked as such; None where not said.
    p
        The printed p-value, where there is one.
    """

    table: str
    row: str
    column: str
    r: float
    n: int
    significant: bool | None = None
    p: float | None = None

    @property
    def name(self) -> str:
        """Where the cell stands."""
        return f"{self.table}: {self.row} ~ {self.column}"


@dataclass(frozen=True)
class Check:
    """A published cell and what its r and n imply.

    `p_low` and `p_high` bound the p-value over all r that round to the printed one.
    """

    cell: Cell
    implied_p: float
    p_low: float
    p_high: float
    problems: tuple[str, ...]


def read(reference: str | Path) -> tuple[Cell, ...]:
    """Read a table by the name of a bundled one, or from a CSV file.

    Raises
    ------
    AuditError
        Where the file is missing or a cell cannot be used: which line, and how to mend
        it.
    """
    from io import StringIO

    import pandas as pd

    path = Path(reference)
    known = str(reference) in BUNDLED
    source = files("fairaudit.agreement").joinpath(f"{reference}.csv")
    if not known and not path.is_file():
        raise AuditError(
            f"--published {reference}: there is no such file, nor a bundled table of "
            f"that name. {suggest(str(reference), BUNDLED)}"
        )
    text = source.read_text("utf-8") if known else path.read_text("utf-8-sig")
    frame = pd.read_csv(StringIO(text), dtype=str, keep_default_na=False)
    missing = [name for name in COLUMNS[:5] if name not in frame.columns]
    if missing:
        raise AuditError(
            f"{reference}, line 1: the column {missing[0]!r} is missing. The columns "
            f"are {', '.join(COLUMNS)}."
        )
    rows = frame.reindex(columns=list(COLUMNS), fill_value="").itertuples(index=False)
    return tuple(
        _cell(list(map(str, row)), f"{reference}, line {line}")
        for line, row in enumerate(rows, 2)
    )


def implied_p(r: float, n: int) -> float:
    """Return the two-sided p-value of Pearson's r from n pairs (Student's t).

    >>> round(implied_p(0.73, 19), 4)
    0.0004
    """
    from scipy.stats import t

    if abs(r) >= 1:
        return 0.0
    return float(2 * t.sf(abs(r) * np.sqrt((n - 2) / (1 - r**2)), n - 2))


def check(cells: Sequence[Cell]) -> tuple[Check, ...]:
    """Return what each cell implies and what does not go together.

    A printed p-value is inconsistent where no r that rounds to the printed one implies
    it. A mark is inconsistent where no single level separates the marked cells from the
    unmarked: a marked cell that has a higher p-value than an unmarked one, whatever the
    rounding, or the reverse.
    """
    bounds = [_bounds(cell) for cell in cells]
    marked = [b for c, b in zip(cells, bounds, strict=True) if c.significant]
    plain = [b for c, b in zip(cells, bounds, strict=True) if c.significant is False]
    return tuple(
        Check(
            cell,
            implied_p(cell.r, cell.n),
            *bound,
            tuple(_problems(cell, bound, marked, plain)),
        )
        for cell, bound in zip(cells, bounds, strict=True)
    )


def _bounds(cell: Cell) -> tuple[float, float]:
    near = max(0.0, abs(cell.r) - _HALF_DIGIT)
    return implied_p(abs(cell.r) + _HALF_DIGIT, cell.n), implied_p(near, cell.n)


def _problems(
    cell: Cell,
    bound: tuple[float, float],
    marked: Sequence[tuple[float, float]],
    plain: Sequence[tuple[float, float]],
) -> list[str]:
    low, high = bound
    found = []
    # Printed p-values have two decimals too.
    if cell.p is not None and not low - _HALF_DIGIT <= cell.p <= high + _HALF_DIGIT:
        found.append(f"printed p {cell.p:g} lies outside {low:.3f} to {high:.3f}")
    if cell.significant and (lower := [b for b in plain if b[1] < low]):
        found.append(f"marked, but {len(lower)} unmarked cells have a lower p-value")
    if cell.significant is False and (higher := [b for b in marked if b[0] > high]):
        found.append(
            f"not marked, but {len(higher)} marked cells have a higher p-value"
        )
    return found


def _cell(cells: Sequence[str], where: str) -> Cell:
    table, row, column, printed, models, mark, tested = cells
    marks = {"yes": True, "no": False, "": None}
    try:
        r, n = float(printed), int(models)
        p = float(tested) if tested.strip() else None
        marked = marks[mark.strip().lower()]
        sound = -1 <= r <= 1 and n >= 3 and (p is None or 0 <= p <= 1)
    except (ValueError, KeyError):
        sound = False
    if not sound:
        raise AuditError(
            f"{where}: r lies between -1 and 1, n is a whole number from 3 on, "
            "significant is yes, no or empty, and p lies between 0 and 1 or is empty."
        )
    return Cell(table, row, column, r, n, marked, p)
