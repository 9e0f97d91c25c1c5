"""Sums of a value within bins, per group, and their joint covariance."""

from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.stats.bootstrap import Bootstrap, inflation, normal_draws


@dataclass(frozen=True)
class BinnedMeans:
    """Sums of a value within bins over the size of the group.

    With n_g the rows of group g: m_gb is the sum of the values of its rows in bin b,
    over n_g. One bin gives the group's mean.

    Parameters
    ----------
    means
        Shape (groups, bins).
    covariance
        Shape (groups x bins, groups x bins).
    units
        Shape (groups,): rows of each group, or clusters of rows.
    clustered
        Whether the units are clusters.
    """

    means: Array
    covariance: Array
    units: IntArray
    clustered: bool

    def draws(self, count: int, rng: np.random.Generator, level: float) -> Bootstrap:
        """Draw the means, in the order (group, bin), from their normal limit.

        Deviations are multiplied by `fairaudit.stats.bootstrap.inflation`.
        """
        flat = self.means.ravel()
        sample = normal_draws(flat, self.covariance, count, rng)
        factor = np.repeat(inflation(self.units, level), self.means.shape[1])
        moved = (sample.draws - flat[:, None]) * factor[:, None]
        of = "cluster sums" if self.clustered else "row sums"
        method = f"normal limit of the bootstrap of {of}, t-inflated"
        return Bootstrap(flat, flat[:, None] + moved, method)


@dataclass(frozen=True)
class _Moments:
    """Sums over units of what they add: v to (group, bin), n to the group's size."""

    sums: Array  # (groups x bins)
    squares: Array  # v v', (groups x bins, groups x bins)
    mixed: Array  # v n', (groups x bins, groups)
    sizes: Array  # n n', (groups, groups)
    units: IntArray  # (groups,)


def binned_means(
    member: BoolArray,
    code: IntArray,
    values: Array,
    bins: IntArray,
    count: int,
    clusters: IntArray | None = None,
) -> BinnedMeans:
    """Compute sums within bins over group sizes, with their covariance.

    A unit (row or cluster) that adds v to bin b of group g, whose size it adds n to,
    moves m_gb by (v - m_gb n) / n_g; the covariance is the sum over units of the
    products of these moves.

    Parameters
    ----------
    member
        Shape (patterns, groups); every group has rows.
    code, values, bins
        Shape (n,): pattern, value and bin of each row.
    count
        How many bins there are.
    clusters
        Shape (n,), or None where rows are independent.
    """
    if clusters is None:
        found = _by_row(member, code, values, bins, count)
    else:
        found = _by_cluster(member, code, values, bins, count, clusters)
    size = _sizes(member, code)
    each = np.repeat(size, count)
    means, owner = found.sums / each, np.repeat(np.arange(len(size)), count)
    cross = found.mixed[:, owner] * means
    covariance = found.squares - cross - cross.T
    covariance += np.outer(means, means) * found.sizes[np.ix_(owner, owner)]
    return BinnedMeans(
        means=means.reshape(len(size), count),
        covariance=covariance / np.outer(each, each),
        units=found.units,
        clustered=clusters is not None,
    )


def _sizes(member: BoolArray, code: IntArray) -> Array:
    rows = np.bincount(code, minlength=len(member))
    return np.array([rows[inside].sum() for inside in member.T], dtype=float)


def _by_row(
    member: BoolArray, code: IntArray, values: Array, bins: IntArray, count: int
) -> _Moments:
    """Add up rows, each of which is in one bin: bins never vary together."""
    cell, cells = code * count + bins, len(member) * count
    first = np.bincount(cell, values, cells).reshape(-1, count)
    second = np.bincount(cell, values**2, cells).reshape(-1, count)
    groups, rows = member.shape[1], np.bincount(code, minlength=len(member))
    weight = member.astype(float)
    squares = np.zeros((groups, count, groups, count))
    mixed = np.empty((groups, count, groups))
    for at in range(count):
        squares[:, at, :, at] = (weight * second[:, [at]]).T @ weight
        mixed[:, at] = (weight * first[:, [at]]).T @ weight
    return _Moments(
        sums=np.asarray(weight.T @ first, dtype=float).ravel(),
        squares=squares.reshape(groups * count, -1),
        mixed=mixed.reshape(-1, groups),
        sizes=(weight * rows[:, None]).T @ weight,
        units=_sizes(member, code).astype(np.int64),
    )


def _by_cluster(
    member: BoolArray,
    code: IntArray,
    values: Array,
    bins: IntArray,
    count: int,
    clusters: IntArray,
) -> _Moments:
    from scipy.sparse import coo_array

    found, number = np.unique(clusters, return_inverse=True)
    row, group = np.nonzero(member[code])
    groups, owner = member.shape[1], number[row]
    v = coo_array(
        (values[row], (owner, group * count + bins[row])),
        shape=(len(found), groups * count),
    ).tocsr()
    n = coo_array((np.ones(len(row)), (owner, group)), shape=(len(found), groups))
    n = n.tocsr()
    return _Moments(
        sums=np.asarray(v.sum(axis=0)),
        squares=(v.T @ v).toarray(),
        mixed=(v.T @ n).toarray(),
        sizes=(n.T @ n).toarray(),
        units=np.asarray((n > 0).sum(axis=0), dtype=np.int64),
    )
