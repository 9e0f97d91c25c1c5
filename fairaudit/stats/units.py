"""What a bootstrap draws: rows, or clusters of rows that depend on one another."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.stats.cells import Cells, Rates

if TYPE_CHECKING:
    from scipy.sparse import csr_array

PSEUDO: Final = 1.0
CHUNK: Final = 4_000_000
"""Numbers held at a time: 32 MB."""


@dataclass(frozen=True)
class Units:
    """Kinds of units, each by what one unit adds to the confusion tables of groups.

    First come clusters of rows, one of each kind, then cells: rows of the same groups,
    label and decision.

    Parameters
    ----------
    weight
        Shape (kinds,): how often a kind occurs, pseudo-rows included.
    size
        How many units there are, without pseudo-rows.
    member, cell, rows
        The groups of each cell, shape (cells, groups), its place in a confusion table,
        and how many rows one unit of it stands for.
    tables
        Shape (clusters, groups x places); None where rows are drawn.
    """

    weight: Array
    size: int
    member: BoolArray
    cell: IntArray
    rows: Array
    tables: "csr_array | None" = None

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return int(self.member.shape[1])

    @property
    def clusters(self) -> int:
        """How many clusters there are; 0 where rows are drawn."""
        return 0 if self.tables is None else int(self.tables.shape[0])

    def sums(self, rates: Rates, kinds: slice) -> tuple[Array, Array]:
        """Return what units add to numerators and denominators.

        Both have the shape (kinds, rates x groups).
        """
        part, whole = (self._sums(side, kinds) for side in (rates.part, rates.whole))
        return part, whole

    def chunks(self, rates: Rates) -> Iterator[slice]:
        """Yield slices of the kinds, to be worked on one at a time."""
        return chunks(len(self.weight), self.groups * max(rates.part.shape))

    def _sums(self, side: BoolArray, kinds: slice) -> Array:
        last = min(kinds.stop, self.clusters)
        cells = slice(max(0, kinds.start - self.clusters), kinds.stop - self.clusters)
        if self.clusters <= kinds.start or self.tables is None:
            return self._of_cells(side, cells)
        table = self.tables[kinds.start : last].toarray()
        table = table.reshape(len(table), self.groups, -1) @ side.T.astype(float)
        found = np.swapaxes(table, 1, 2).reshape(len(table), -1)
        if kinds.stop <= self.clusters:
            return np.asarray(found)
        return np.concatenate([found, self._of_cells(side, cells)])

    def _of_cells(self, side: BoolArray, cells: slice) -> Array:
        counted = side[:, self.cell[cells]].T * self.rows[cells, None]
        found = counted[:, :, None] * self.member[cells][:, None, :]
        return np.asarray(found.reshape(len(found), -1), dtype=float)


def row_units(cells: Cells) -> Units:
    """Return the cells as units, smoothed.

    Each group gets, for each label, one pseudo-row of the right decision and one of
    the others (Agresti and Caffo 2000), spread over the patterns of the group by their
    size; a pattern of several groups gets the largest of its shares. So a group with a
    rate of 0 or 1 still varies, and identical groups still vary together.
    """
    weight = cells.counts + _pseudo(cells)
    pattern, cell = np.nonzero(weight.reshape(len(weight), -1))
    return Units(
        weight=weight.reshape(len(weight), -1)[pattern, cell],
        size=int(cells.counts.sum()),
        member=cells.member[pattern],
        cell=cell,
        rows=np.ones(len(cell)),
    )


def cluster_units(
    cells: Cells,
    code: IntArray,
    label: IntArray,
    decision: IntArray,
    clusters: IntArray,
) -> Units:
    """Return clusters of rows as units, and pseudo-rows as further ones.

    Where all rows of a group with one label got the same decision, the spread between
    clusters is not known from them; there a pseudo-row stands for a cluster of mean
    size, as if clusters were of one mind.
    """
    from scipy.sparse import coo_array

    found, number = np.unique(clusters, return_inverse=True)
    groups, decisions = cells.member.shape[1], cells.counts.shape[2]
    row, group = np.nonzero(cells.member[code])
    column = group * cells.counts[0].size + label[row] * decisions + decision[row]
    shape = (len(found), groups * cells.counts[0].size)
    tables = coo_array((np.ones(len(row)), (number[row], column)), shape=shape)
    pseudo = _pseudo(cells).reshape(len(cells.counts), -1)
    pattern, cell = np.nonzero(pseudo)
    rows = np.where(_alike(cells), len(clusters) / len(found), 1.0)
    return Units(
        weight=np.r_[np.ones(len(found)), pseudo[pattern, cell]],
        size=len(found),
        member=cells.member[pattern],
        cell=cell,
        rows=rows[pattern, cell // decisions],
        tables=tables.tocsr(),
    )


def chunks(rows: int, width: int) -> Iterator[slice]:
    """Yield slices of rows that hold at most `CHUNK` numbers each."""
    step = max(1, CHUNK // max(1, width))
    return (slice(at, min(at + step, rows)) for at in range(0, rows, step))


def _pseudo(cells: Cells) -> Array:
    """Return the pseudo-rows, shape as `cells.counts`.

    A label gets one of the right decision and one among all the others.
    """
    _, labels, decisions = cells.counts.shape
    right = np.eye(labels, decisions, dtype=bool)
    each = np.where(right, 1.0, 1.0 / (decisions - 1))
    return np.asarray(PSEUDO * _shares(cells)[:, :, None] * each)


def _shares(cells: Cells) -> Array:
    """Return the largest share of each pattern and label in one of its groups.

    Where a group has no rows of the label, its rows of any label count instead: a
    predictive value depends on labels that were not seen.
    """
    total = cells.counts.sum(axis=2)
    every = total.sum(axis=1, keepdims=True)
    share = np.zeros(total.shape)
    for inside, table in zip(cells.member.T, cells.tables, strict=True):
        size = table.sum(axis=1)
        rows = np.where(size > 0, total[inside], every[inside])
        found = rows / np.maximum(np.where(size > 0, size, size.sum()), 1)
        share[inside] = np.maximum(share[inside], found)
    return share


def _alike(cells: Cells) -> Array:
    """Tell for which patterns and labels a group has one decision only."""
    alike = np.zeros(cells.counts.shape[:2], dtype=bool)
    for inside, table in zip(cells.member.T, cells.tables, strict=True):
        alike[inside] |= table.max(axis=1) == table.sum(axis=1)
    return alike
