"""Many AUCs over the same scores, from one sort, with their joint covariance."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from fairaudit.arrays import AnyArray, Array, BoolArray, IntArray
from fairaudit.stats.auc import AucEstimate
from fairaudit.stats.bootstrap import Bootstrap, inflation, normal_draws

if TYPE_CHECKING:
    from scipy.sparse import csr_array

WIDTH: Final = 200_000
"""Numbers held at a time in each array: few, so that they stay in the cache."""
LARGE: Final = 200_000
"""From so many rows on, covariances are added up in single precision."""


@dataclass(frozen=True)
class JointAucs:
    """AUCs of pairs of subsets: NaN where a subset is empty.

    Parameters
    ----------
    values
        Shape (pairs,).
    covariance
        Shape (pairs, pairs), DeLong's; 0 where a subset has fewer than two units.
    positives, negatives
        Shape (pairs,): rows of the two subsets.
    units
        Shape (pairs,): rows, or clusters of rows, of the smaller subset.
    clustered
        Whether the units are clusters.
    """

    values: Array
    covariance: Array
    positives: IntArray
    negatives: IntArray
    units: IntArray
    clustered: bool

    def estimate(self, pair: int) -> AucEstimate:
        """Return one AUC with its variance."""
        return AucEstimate(
            value=float(self.values[pair]),
            variance=float(self.covariance[pair, pair]),
            positives=int(self.positives[pair]),
            negatives=int(self.negatives[pair]),
            units=int(self.units[pair]),
        )

    def draws(
        self, pairs: IntArray, count: int, rng: np.random.Generator, level: float
    ) -> Bootstrap:
        """Draw AUCs from their joint normal limit.

        An AUC of 0 or 1 has no DeLong variance; it gets that of a proportion of as many
        trials as the smaller subset has units, with one success and one failure added.
        Where units are clusters, deviations are multiplied by `inflation`.
        """
        values, units = self.values[pairs], self.units[pairs]
        covariance = self.covariance[np.ix_(pairs, pairs)]
        smooth = (values * units + 1) / (units + 2)
        floor = smooth * (1 - smooth) / (units + 2)
        bare = (np.diag(covariance) <= 0) | (values <= 0) | (values >= 1)
        covariance[bare] = covariance[:, bare] = 0
        covariance[bare, bare] = floor[bare]
        sample = normal_draws(values, covariance, count, rng)
        factor = inflation(units, level) if self.clustered else np.ones(len(pairs))
        moved = (sample.draws - values[:, None]) * factor[:, None]
        return Bootstrap(values, values[:, None] + moved, "normal limit, DeLong")


def joint_aucs(
    scores: Array,
    key: IntArray,
    inside: BoolArray,
    pairs: IntArray,
    clusters: IntArray | None = None,
) -> JointAucs:
    """Compute AUCs of pairs of disjoint subsets of rows, and how they vary together.

    With V+ the placements of positives among the negatives (share below, ties half) and
    V- those of the negatives, a positive row moves the AUC A by (V+ - A) / m and a
    negative one by (1 - V- - A) / n. Products of these moves, added up over the rows
    and corrected by m / (m - 1) and n / (n - 1), are the covariance of DeLong, DeLong
    and Clarke-Pearson (1988), here for AUCs that share only some of their rows. Moves
    of a cluster are added up first (Obuchowski 1997).

    Parameters
    ----------
    scores
        Shape (n,), in any order; they are sorted once for all pairs.
    key
        Shape (n,): number of the row's kind.
    inside
        Shape (kinds, subsets): which subsets the rows of a kind are in.
    pairs
        Shape (pairs, 2): subset of the positives and subset of the negatives.
    clusters
        Shape (n,), or None where rows are independent.
    """
    table = _Table.of(scores, key, clusters)
    sizes = np.bincount(key, minlength=len(inside)) @ inside.astype(np.int64)
    units = sizes if clusters is None else _clusters_inside(key, inside, clusters)
    positive, negative = pairs.T
    m, n = sizes[positive], sizes[negative]
    values = np.full(len(pairs), np.nan)
    np.divide(table.wins(inside, pairs), m * n, out=values, where=m * n > 0)
    return JointAucs(
        values=values,
        covariance=_covariance(table, inside, pairs, values, sizes, units),
        positives=m,
        negatives=n,
        units=np.minimum(units[positive], units[negative]),
        clustered=clusters is not None,
    )


@dataclass(frozen=True)
class _Table:
    """Rows of equal score and kind as one, scores rising.

    Parameters
    ----------
    key, weight
        Kind, and number of rows.
    block
        Number of the score: rows of one block are tied.
    begins
        First row of each block, and the number of rows.
    clusters
        Shape (clusters, rows): rows of each cluster; None where rows are independent.
    """

    key: IntArray
    weight: IntArray
    block: IntArray
    begins: IntArray
    clusters: "csr_array | None"

    @classmethod
    def of(cls, scores: Array, key: IntArray, clusters: IntArray | None) -> "_Table":
        order = np.lexsort((key, scores))
        scores, key = scores[order], key[order]
        new_block = np.r_[True, scores[1:] != scores[:-1]]
        new = np.flatnonzero(new_block | np.r_[True, key[1:] != key[:-1]])
        block = np.cumsum(new_block[new]) - 1
        begins = np.r_[np.flatnonzero(new_block[new]), len(new)]
        weight = np.diff(np.r_[new, len(order)])
        if clusters is None:
            return cls(key[new], weight, block, begins, None)
        row = np.repeat(np.arange(len(new)), weight)
        return cls(
            key[new], weight, block, begins, _incidence(clusters[order], row, len(new))
        )

    def wins(self, inside: BoolArray, pairs: IntArray) -> Array:
        """Count the pairs of rows in which the positive scores higher, ties half."""
        columns, weight = np.ascontiguousarray(inside.T), self.weight.astype(float)
        tied = len(self.begins) <= len(self.key)
        found = np.zeros(len(pairs))
        for subset in np.unique(pairs[:, 1]):
            count = columns[subset].take(self.key) * weight
            if tied:
                count = np.add.reduceat(count, self.begins[:-1])
            below = np.cumsum(count) - count / 2
            below = (below[self.block] if tied else below) * weight
            for at in np.flatnonzero(pairs[:, 1] == subset):
                found[at] = below @ columns[pairs[at, 0]].take(self.key)
        return found

    def placements(
        self, inside: BoolArray
    ) -> Iterator[tuple[BoolArray, AnyArray, slice]]:
        """Yield masks of the subsets and the rows of each subset that score lower.

        Ties count half. Both have the shape (rows, subsets), for some rows at a time.
        """
        kind = np.float32 if len(self.key) > LARGE else np.float64
        below = np.zeros(inside.shape[1], dtype=kind)
        for first, last in self._spans(WIDTH // inside.shape[1]):
            rows = slice(int(self.begins[first]), int(self.begins[last]))
            mask = inside[self.key[rows]]
            count = mask * self.weight[rows, None].astype(kind)
            starts = self.begins[first:last] - rows.start
            if len(starts) < len(count):
                count = np.add.reduceat(count, starts, axis=0)
            reached = np.cumsum(count, axis=0)
            reached += below
            below = reached[-1].copy()
            reached -= count / 2
            yield mask, reached[self.block[rows] - first], rows

    def _spans(self, step: int) -> Iterator[tuple[int, int]]:
        """Yield ranges of blocks that hold about `step` rows."""
        first, blocks = 0, len(self.begins) - 1
        while first < blocks:
            until = self.begins[first] + max(1, step)
            last = int(np.searchsorted(self.begins, until, side="right")) - 1
            last = min(max(last, first + 1), blocks)
            yield first, last
            first = last


def _covariance(
    table: _Table,
    inside: BoolArray,
    pairs: IntArray,
    values: Array,
    sizes: IntArray,
    units: IntArray,
) -> Array:
    positive, negative = pairs.T
    more = np.maximum(units, 2)
    enough = (units[positive] > 1) & (units[negative] > 1)
    correction = np.sqrt(more / (more - 1)) / np.maximum(sizes, 1)
    up, down = (np.where(enough, correction[s], 0.0) for s in (positive, negative))
    rises, falls = (
        up / np.maximum(sizes[negative], 1),
        down / np.maximum(sizes[positive], 1),
    )
    known = np.nan_to_num(values)
    squares: AnyArray = np.zeros((len(pairs), len(pairs)))
    by_cluster: AnyArray = np.zeros((1, len(pairs)))
    for mask, place, rows in table.placements(inside):
        kind = place.dtype
        moves = place[:, negative] * rises.astype(kind) - (known * up).astype(kind)
        moves *= mask[:, positive]
        other = ((1 - known) * down).astype(kind) - place[:, positive] * falls.astype(
            kind
        )
        other *= mask[:, negative]
        moves += other
        if table.clusters is None:
            moves *= np.sqrt(table.weight[rows, None]).astype(kind)
            squares += moves.T @ moves
        else:
            by_cluster = by_cluster + table.clusters[:, rows] @ moves
    return squares if table.clusters is None else by_cluster.T @ by_cluster


def _incidence(clusters: IntArray, row: IntArray, rows: int) -> "csr_array":
    from scipy.sparse import coo_array

    found, number = np.unique(clusters, return_inverse=True)
    ones = np.ones(len(row))
    return coo_array((ones, (number, row)), shape=(len(found), rows)).tocsc()


def _clusters_inside(key: IntArray, inside: BoolArray, clusters: IntArray) -> IntArray:
    kinds = _incidence(clusters, key, len(inside)).tocsr()
    return np.asarray(((kinds @ inside.astype(float)) > 0).sum(axis=0), dtype=np.int64)
