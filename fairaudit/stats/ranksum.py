"""Mann-Whitney tests of every pair of several samples, ranked once."""

from dataclasses import dataclass
from math import comb

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.stats.units import chunks

EXACT = 8
"""Up to so many values in one of the two samples the p-value is exact, unless tied."""


@dataclass(frozen=True)
class PairwiseTests:
    """Tests of every pair of samples.

    Parameters
    ----------
    first, second
        Shape (pairs,): the samples of each pair, first < second.
    u
        Shape (pairs,): how many values of the first exceed one of the second, ties one
        half.
    p_values
        Shape (pairs,): two-sided.
    least
        Shape (pairs,): the p-value if all values of one sample exceeded the other's.
    """

    first: IntArray
    second: IntArray
    u: Array
    p_values: Array
    least: Array


def pairwise_rank_sum(values: Array, sample: IntArray) -> PairwiseTests:
    r"""Test every pair of samples for a shift, two-sided (Mann & Whitney 1947).

    With no ties in a pair and at most `EXACT` values in one of its samples the p-value
    is exact; else normal with correction for ties and continuity:

    .. math:: z = \frac{\max(U, n_1 n_2 - U) - n_1 n_2 / 2 - 1/2}
        {\sqrt{n_1 n_2 / 12 \; (n + 1 - \sum (t^3 - t) / (n (n - 1)))}}

    for n = n1 + n2 values with t in each tie. p-values are those of
    `scipy.stats.mannwhitneyu` pair by pair.

    Parameters
    ----------
    values
        Shape (n,).
    sample
        Shape (n,): the sample of each value, numbered from 0 without gaps.

    Examples
    --------
    >>> found = pairwise_rank_sum(np.array([1.0, 2, 3, 4]), np.array([0, 0, 1, 1]))
    >>> found.u.tolist(), found.p_values.round(3).tolist()
    ([0.0], [0.333])
    """
    sizes = np.bincount(sample)
    wins, ties = _counted(values, sample, len(sizes))
    first, second = np.triu_indices(len(sizes), k=1)
    u, tie = wins[first, second], ties[first, second]
    some, others = sizes[first], sizes[second]
    return PairwiseTests(
        first=first,
        second=second,
        u=u,
        p_values=_p_values(u, some, others, tie),
        least=_p_values(np.zeros(len(u)), some, others, np.zeros(len(u))),
    )


def _counted(values: Array, sample: IntArray, samples: int) -> tuple[Array, Array]:
    """Return U and the sum of t^3 - t of every pair, shape (samples, samples) each."""
    order = np.argsort(values, kind="stable")
    sample = sample[order]
    level = np.cumsum(np.r_[False, np.diff(values[order]) != 0])
    wins, cubes = np.zeros((samples, samples)), np.zeros((samples, samples))
    below = np.zeros(samples)
    for part in chunks(int(level[-1]) + 1, samples):
        here = slice(*np.searchsorted(level, [part.start, part.stop]))
        size, mine, at = part.stop - part.start, sample[here], level[here] - part.start
        flat = np.bincount(at * samples + mine, minlength=size * samples)
        table = flat.reshape(size, samples).astype(float)
        lower = below + np.cumsum(table, axis=0) - table / 2
        there, first = _groups(mine)
        wins[there] += np.add.reduceat(
            lower[at[np.argsort(mine, kind="stable")]], first
        )
        cubes += _cubes(table[table.sum(axis=1) > 1])
        below = below + table.sum(axis=0)
    return wins, cubes


def _groups(codes: IntArray) -> tuple[IntArray, IntArray]:
    """Return the codes that occur, and where each begins once they are sorted."""
    counts = np.bincount(codes)
    there = np.flatnonzero(counts)
    return there, (np.cumsum(counts) - counts)[there]


def _cubes(table: Array) -> Array:
    """Return the sum of t^3 - t of every pair, t the number of both in a row."""
    square = 3 * (table**2).T @ table
    own = (table**3 - table).sum(axis=0)
    return np.asarray(square + square.T + own[:, None] + own)


def _p_values(u: Array, some: IntArray, others: IntArray, ties: Array) -> Array:
    found = _normal(u, some, others, ties)
    exact = (np.minimum(some, others) <= EXACT) & (ties == 0)
    sizes = np.stack([some, others], axis=1)[exact]
    small, which = np.unique(np.sort(sizes, axis=1), axis=0, return_inverse=True)
    rows = np.flatnonzero(exact)
    for number, (few, many) in enumerate(small.tolist()):
        mine = rows[which.ravel() == number]
        tails = _tails(few, many)
        extreme = np.maximum(u[mine], few * many - u[mine]).astype(np.int64)
        found[mine] = np.minimum(1.0, 2 * tails[extreme])
    return found


def _normal(u: Array, some: IntArray, others: IntArray, ties: Array) -> Array:
    from scipy.special import ndtr

    n, product = some + others, some * others
    spread = product / 12 * (n + 1 - ties / np.maximum(n * (n - 1), 1))
    above = np.maximum(u, product - u) - product / 2 - 0.5
    with np.errstate(divide="ignore", invalid="ignore"):
        z = above / np.sqrt(spread)
    # Where all values are equal there is no spread, and no difference.
    p_values: Array = np.where(spread > 0, 2 * ndtr(-z), 1.0)
    return np.minimum(1.0, p_values)


def _tails(few: int, many: int) -> Array:
    """Return P(U >= u) for u from 0 to few times many.

    The numbers of orders with each U are the coefficients of the Gaussian binomial
    product over i of (1 - q^(many + i)) / (1 - q^i) for i from 1 to few.
    """
    # Beyond 2^53 the numbers would not be exact as floats.
    kind = float if comb(few + many, few) < 2**53 else object
    counts = np.zeros(few * many + 1, dtype=kind)
    counts[0] = 1
    for i in range(1, few + 1):
        if many + i < len(counts):
            counts[many + i :] -= counts[: -(many + i)].copy()
        for start in range(i):
            counts[start::i] = np.cumsum(counts[start::i])
    return np.asarray(np.cumsum(counts[::-1])[::-1] / counts.sum(), dtype=float)
