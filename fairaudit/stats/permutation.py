"""Two-sample permutation tests on one score, or several, per unit."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, combinations
from math import comb
from typing import Literal, TypeAlias

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray

Alternative: TypeAlias = Literal["greater", "two-sided"]
Method: TypeAlias = Literal["exact", "sampled"]
Statistics: TypeAlias = Callable[[Array], Array]
"""From sums of the first group, (scores, partitions), to (statistics, partitions).

The sums are of centred scores: 0 is their mean over all partitions.
"""

EXACT_LIMIT = 20_000
_CHUNK = 50_000
_TIE = 1e-9


@dataclass(frozen=True)
class PermutationResult:
    """A permutation p-value and how many partitions it rests on."""

    p_value: float
    method: Method
    partitions: int


@dataclass(frozen=True)
class JointResult:
    """Permutation p-values of several statistics on the same partitions."""

    p_values: Array
    method: Method
    partitions: int


def permutation_test(
    scores: Array,
    first: int,
    rng: np.random.Generator,
    *,
    alternative: Alternative = "two-sided",
    draws: int = 10_000,
    limit: int = EXACT_LIMIT,
) -> PermutationResult:
    r"""Test whether the first units score like the others, by relabelling units.

    The statistic is the sum S of the scores of the first group; with fixed group
    sizes it orders partitions as the difference of means does. The p-value is the share
    of partitions with :math:`S' \ge S` ("greater") or
    :math:`|S' - E| \ge |S - E|` ("two-sided"), E being the mean of S over all
    partitions.

    Parameters
    ----------
    scores
        Shape (n,): the `first` units of the first group, then the others.
    first
        Size of the first group, at least 1 and less than n.
    rng
        Used only where partitions are sampled.
    alternative
        Which partitions count as at least as extreme as the observed one.
    draws
        Number of sampled partitions.
    limit
        Up to this many partitions, all are enumerated.

    Notes
    -----
    Sampled partitions are drawn without replacement of units, and the observed one is
    counted among them: p = (hits + 1) / (draws + 1), never 0 (Phipson & Smyth 2010,
    doi:10.2202/1544-6115.1585). Sums that differ by rounding only are ties and count.

    Examples
    --------
    >>> scores = np.array([3.0, 4.0, 1.0, 2.0])
    >>> permutation_test(scores, 2, np.random.default_rng(0), alternative="greater")
    PermutationResult(p_value=0.16666666666666666, method='exact', partitions=6)
    """
    statistics: Statistics = np.abs if alternative == "two-sided" else np.asarray
    found = joint_permutation_test(
        scores[:, None], first, rng, statistics, draws=draws, limit=limit
    )
    return PermutationResult(float(found.p_values[0]), found.method, found.partitions)


def joint_permutation_test(
    scores: Array,
    first: int,
    rng: np.random.Generator,
    statistics: Statistics,
    *,
    observed: Array | None = None,
    draws: int = 10_000,
    limit: int = EXACT_LIMIT,
) -> JointResult:
    """Test several statistics of the units' scores on the same partitions.

    Parameters
    ----------
    scores
        Shape (n, k): k scores a unit, the `first` units of the first group first.
    first, rng, draws, limit
        As in `permutation_test`.
    statistics
        Large values count as extreme; twice the sums must give twice the statistics.
    observed
        What the statistics of each partition are compared with; by default the
        statistics of the observed partition. To adjust for the largest of several
        (Westfall & Young 1993), each one's own value.

    Examples
    --------
    >>> scores = np.array([[3.0, 0.0], [4.0, 1.0], [1.0, 0.0], [2.0, 1.0]])
    >>> found = joint_permutation_test(scores, 2, np.random.default_rng(0), np.abs)
    >>> found.p_values.round(3).tolist()
    [0.333, 1.0]
    """
    if not 0 < first < len(scores):
        raise ValueError(f"{first} of {len(scores)} units leave a group empty")
    centred = np.ascontiguousarray((scores - scores.mean(axis=0)).T)
    if observed is None:
        observed = statistics(centred[:, :first].sum(axis=1, keepdims=True))[:, 0]
    least = observed[:, None] - _TIE * np.abs(centred).sum(axis=1).max(initial=0.0)
    total = comb(len(scores), first)
    if total <= limit:
        hits = _count(iter([_all_sums(centred, first)]), statistics, least)
        return JointResult(hits / total, "exact", total)
    hits = _count(_sampled_sums(centred, first, rng, draws), statistics, least)
    return JointResult((hits + 1) / (draws + 1), "sampled", draws)


def _count(sums: Iterator[Array], statistics: Statistics, least: Array) -> IntArray:
    hits = (np.count_nonzero(statistics(part) >= least, axis=1) for part in sums)
    total: IntArray = np.sum(list(hits), axis=0)
    return total


def _all_sums(centred: Array, first: int) -> Array:
    table = _partitions(centred.shape[1], first)
    sums = np.zeros((len(centred), table.shape[1]))
    for units in table:
        sums += centred[:, units]
    return sums


@lru_cache(maxsize=8)
def _partitions(n: int, first: int) -> IntArray:
    """Return the units of the first group of all partitions: (first, partitions)."""
    flat = chain.from_iterable(combinations(range(n), first))
    table = np.fromiter(flat, np.int64, comb(n, first) * first)
    table = np.ascontiguousarray(table.reshape(-1, first).T)
    table.flags.writeable = False
    return table


def _sampled_sums(
    centred: Array, first: int, rng: np.random.Generator, draws: int
) -> Iterator[Array]:
    for done in range(0, draws, _CHUNK):
        yield _sums_by_selection(centred, first, rng, min(_CHUNK, draws - done))


def _sums_by_selection(
    centred: Array, first: int, rng: np.random.Generator, draws: int
) -> Array:
    """Sum the first group of random partitions by selection sampling.

    Each unit in turn joins with probability (places left) / (units left), which makes
    all partitions equally likely and needs memory for a few numbers a draw.
    """
    left = np.full(draws, first, dtype=np.float32)
    sums = np.zeros((len(centred), draws))
    for passed, scores in enumerate(centred.T):
        chance = left / np.float32(centred.shape[1] - passed)
        joins: BoolArray = rng.random(draws, dtype=np.float32) < chance
        sums += scores[:, None] * joins
        left -= joins
    return sums
