"""Cells of a column turned into numbers, chunk by chunk."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fairaudit.arrays import AnyArray, IntArray
from fairaudit.datasets.rows import Table
from fairaudit.errors import AuditError, suggest

MOST = 1000
"""Distinct classes of a label column, or groups of a group column, at most."""


@dataclass
class Coding:
    """Numbers of distinct values, in the order in which they first appear."""

    values: dict[Hashable, int] = field(default_factory=dict)

    def codes(self, cells: Sequence[Hashable]) -> IntArray:
        """Return the number of each cell, with new numbers for new values."""
        for cell in dict.fromkeys(cells):
            self.values.setdefault(cell, len(self.values))
        numbers = map(self.values.__getitem__, cells)
        return np.fromiter(numbers, np.int64, len(cells))


class Labels(ABC):
    """A column that tells the class of each row."""

    column: str

    @abstractmethod
    def codes(self, table: Table) -> AnyArray:
        """Return a number for each row, -1 where it has no label."""

    @abstractmethod
    def names(self) -> Sequence[str]:
        """Return the class of each number."""

    def finish(self, codes: AnyArray) -> tuple[tuple[str, ...], IntArray]:
        """Return the class names, sorted, and the labels."""
        numbered = self.names()
        names = tuple(sorted(set(numbered)))
        order = np.array([names.index(name) for name in numbered] + [-1])
        return names, order[codes]


@dataclass
class Classes(Labels):
    """Classes by name.

    Parameters
    ----------
    column
        Name of the column.
    allowed
        Cells that may occur, with the class that each stands for; None for any.
    """

    column: str
    allowed: Mapping[str, str] | None = None
    _coding: Coding = field(default_factory=Coding, init=False)

    def codes(self, table: Table) -> AnyArray:
        """Return a number for each row, -1 where it has no label."""
        cells = [cell.strip() for cell in table.strings(self.column)]
        codes = self._coding.codes(cells)
        self._check(table, cells)
        empty = self._coding.values.get("", -1)
        return np.where(codes == empty, -1, codes).astype(np.int32)

    def names(self) -> Sequence[str]:
        """Return the class of each number; the sorted result has all allowed ones."""
        seen = [str(value) for value in self._coding.values]
        return [self._allowed.get(value, value) for value in seen]

    def finish(self, codes: AnyArray) -> tuple[tuple[str, ...], IntArray]:
        """Return the class names, sorted, and the labels; no class for no label."""
        numbered = self.names()
        present = {name for name in numbered if name} | set(self._allowed.values())
        names = tuple(sorted(present))
        order = [names.index(name) if name else -1 for name in numbered]
        return names, np.array([*order, -1])[codes]

    @property
    def _allowed(self) -> Mapping[str, str]:
        return self.allowed or {}

    def _check(self, table: Table, cells: Sequence[str]) -> None:
        if self.allowed is not None:
            for cell in dict.fromkeys(cells):
                if cell and cell not in self.allowed:
                    known = suggest(cell, self.allowed)
                    table.fail(
                        cells.index(cell),
                        f"column {self.column!r} holds {cell!r}, which is none of its "
                        f"labels. {known}",
                    )
        if len(self._coding.values) > MOST:
            raise AuditError(
                f"{table.path}: column {self.column!r} holds more than {MOST} "
                "different labels. Name the column of the classes with the option "
                "'label', or cut scores with 'label_threshold'."
            )


@dataclass
class Scores(Labels):
    """Two classes, cut from a score between 0 and 1.

    Parameters
    ----------
    column
        Name of the column.
    threshold
        A row is positive where its score is >= this.
    negative, positive
        Names of the classes.
    """

    column: str
    threshold: float
    negative: str
    positive: str

    def codes(self, table: Table) -> AnyArray:
        """Return 1 for positive rows, 0 for negative ones, -1 without a score."""
        scores = table.fractions(self.column)
        found = (scores >= self.threshold).astype(np.int8)
        return np.where(np.isnan(scores), np.int8(-1), found)

    def names(self) -> Sequence[str]:
        """Return the negative and the positive class."""
        return self.negative, self.positive


@dataclass
class Ids:
    """A column that identifies each row."""

    column: str
    option: str = "id"
    _seen: set[str] = field(default_factory=set, init=False)

    def read(self, table: Table) -> AnyArray:
        """Return the identifiers, none of which may be empty or occur twice."""
        cells = table.texts(self.column)
        fresh = set(cells)
        if len(fresh) < len(cells) or not self._seen.isdisjoint(fresh):
            self._refuse_second(table, cells)
        self._seen |= fresh
        return np.array(cells, dtype=object)

    def _refuse_second(self, table: Table, cells: Sequence[str]) -> None:
        seen = set(self._seen)
        for row, cell in enumerate(cells):
            if cell in seen:
                table.fail(
                    row,
                    f"the {self.column} {cell!r} occurs a second time. Remove one of "
                    f"the rows, or read without identifiers ({self.option}=).",
                )
            seen.add(cell)


@dataclass
class Clusters:
    """A column whose equal cells mark rows that depend on one another."""

    column: str
    _coding: Coding = field(default_factory=Coding, init=False)

    def codes(self, table: Table) -> AnyArray:
        """Return a number for each row, -1 where the cell is empty."""
        cells = [cell.strip() for cell in table.strings(self.column)]
        codes = self._coding.codes(cells)
        empty = self._coding.values.get("", -1)
        return np.where(codes == empty, -1, codes)

    def finish(self, codes: AnyArray) -> IntArray:
        """Return the clusters; a row without one is a cluster of its own."""
        alone = np.flatnonzero(codes < 0)
        found: IntArray = codes.astype(np.int64)
        found[alone] = len(self._coding.values) + np.arange(len(alone))
        return found
