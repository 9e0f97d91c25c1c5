"""Rows of a table with the places where they stand in their file."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path
from typing import NoReturn, TypeAlias, cast

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.datasets.cards import card
from fairaudit.errors import AuditError, suggest
from fairaudit.result import DatasetEntry

Cells: TypeAlias = Sequence[object]

UNKNOWN = ("unknown", "?")
TRUTH = {"true": 1.0, "false": 0.0}
_SCALARS = (str, int, float, type(None))


@dataclass(frozen=True)
class Table:
    """Columns of a file, or of some rows of it, and where each row stands.

    Parameters
    ----------
    path
        The file.
    columns
        Cells by column name, as the format gives them.
    lines
        Line on which each row starts, or its number or name in other formats.
    unit
        What `lines` counts, such as ``"line"`` or ``"row"``.
    sha256
        Hash of the bytes of the file, where the table holds all of it.
    """

    path: Path
    columns: Mapping[str, Cells]
    lines: Sequence[int | str]
    unit: str = "line"
    sha256: str = ""

    def __len__(self) -> int:
        return len(self.lines)

    def fail(self, row: int, problem: str) -> NoReturn:
        """Raise an error that names the file and the line of a row."""
        raise AuditError(f"{self.path}, {self.unit} {self.lines[row]}: {problem}")

    def require(self, name: str, option: str = "") -> None:
        """Raise an error that names the nearest column where `name` is missing."""
        require_column(self.path, name, self.columns, option)

    def take(self, rows: IntArray) -> "Table":
        """Return some of the rows."""
        kept = rows.tolist()
        columns = {
            name: [cells[row] for row in kept] for name, cells in self.columns.items()
        }
        return replace(self, columns=columns, lines=[self.lines[row] for row in kept])

    def strings(self, name: str) -> tuple[str, ...]:
        """Return a column as text; missing cells (null, NaN) are empty strings."""
        cells = self.columns[name]
        kinds = set(map(type, cells))
        if kinds <= {str}:
            return cast("tuple[str, ...]", tuple(cells))
        if not all(issubclass(kind, _SCALARS) for kind in kinds):
            self._refuse_nested(name, cells)
        return tuple(map(text_of, cells))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a column of texts, none of which may be empty."""
        texts = self.strings(name)
        empty = [row for row, text in enumerate(texts) if not text.strip()]
        if empty:
            self.fail(empty[0], empty_column(name, len(empty)))
        return texts

    def fractions(self, name: str) -> Array:
        """Return a column of truth values and numbers from 0 to 1, NaN if missing."""
        cells = self.columns[name]
        distinct = {cell: _fraction(cell) for cell in self._distinct(name)}
        found: Array = np.fromiter(map(distinct.__getitem__, cells), float, len(cells))
        wrong = np.flatnonzero(found < 0)
        if wrong.size:
            row = int(wrong[0])
            self.fail(
                row,
                f"column {name!r}: {text_of(cells[row])!r} is no fraction. Give true, "
                "false or a number from 0 to 1, or leave the cell empty where it is "
                "not known.",
            )
        return found

    def lists(self, name: str) -> list[object]:
        """Return a column whose cells are texts or lists of texts."""
        return [
            self._listed(row, name, cell)
            if isinstance(cell, list | tuple)
            else self._scalar(row, name, cell)
            for row, cell in enumerate(self.columns[name])
        ]

    def _distinct(self, name: str) -> set[object]:
        try:
            found = set(self.columns[name])
        except TypeError:
            found = {b""}
        if not all(isinstance(cell, _SCALARS) for cell in found):
            self._refuse_nested(name, self.columns[name])
        return found

    def card(self, kind: str) -> DatasetEntry:
        """Describe the whole table, with what the sidecar file says of it."""
        return card(self.path, self.sha256, kind, len(self))

    def _listed(self, row: int, name: str, cell: Sequence[object]) -> tuple[str, ...]:
        return tuple(self._scalar(row, name, part).strip() for part in cell)

    def _scalar(self, row: int, name: str, cell: object) -> str:
        if not isinstance(cell, _SCALARS):
            kind = type(cell).__name__
            self.fail(row, f"column {name!r} holds a {kind}; give text or a number.")
        return text_of(cell)

    def _refuse_nested(self, name: str, cells: Cells) -> None:
        for row, cell in enumerate(cells):
            self._scalar(row, name, cell)


def require_column(
    path: Path, name: str, known: Iterable[str], option: str = ""
) -> None:
    """Raise an error that names the nearest column where `name` is missing."""
    names = list(known)
    if name not in names:
        mend = f" Name the right column with the option '{option}'." * bool(option)
        raise AuditError(
            f"{path}: there is no column {name!r}. {suggest(name, names)}{mend}"
            f"{_other_delimiter(names)}"
        )


def check_names(path: Path, place: str, names: Iterable[str]) -> None:
    """Refuse a column name that occurs twice."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise AuditError(
            f"{path}, {place}: the column {twice[0]!r} occurs more than once. "
            "Rename or remove one of them."
        )


def empty_column(name: str, count: int) -> str:
    """Say that cells of a column that must not be empty are."""
    return (
        f"column {name!r} is empty (rows like this: {count}). Fill in or remove them."
    )


def text_of(cell: object) -> str:
    """Return a cell as text.

    >>> text_of(None), text_of(True), text_of(2)
    ('', 'true', '2')
    """
    if cell is None or (isinstance(cell, float) and isnan(cell)):
        return ""
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _other_delimiter(names: Sequence[str]) -> str:
    if len(names) == 1 and (found := next((d for d in ";\t|" if d in names[0]), "")):
        return f" The cells seem to be separated by {found!r}: save them with commas."
    return ""


def _fraction(cell: object) -> float:
    """Return the fraction, NaN where it is not known, -1 where it is none."""
    value = text_of(cell).strip().lower()
    if not value or value in UNKNOWN:
        return np.nan
    try:
        number = float(value)
    except ValueError:
        return TRUTH.get(value, -1.0)
    return number if 0 <= number <= 1 else -1.0
