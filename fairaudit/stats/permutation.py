"""Two-sample permutation test on one score per unit."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, combinations
from math import comb
from typing import Literal, TypeAlias

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray

Alternative: TypeAlias = Literal["greater", "two-sided"]

EXACT_LIMIT = 20_000
_CHUNK = 50_000
_TIE = 1e-9


@dataclass(frozen=True)
class PermutationResult:
    """A permutation p-value and how many partitions it rests on."""

    p_value: float
    method: Literal["exact", "sampled"]
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
    if not 0 < first < scores.size:
        raise ValueError(f"{first} of {scores.size} units leave a group empty")
    centred = scores - scores.mean()
    total = comb(scores.size, first)
    if total <= limit:
        sums = centred[_partitions(scores.size, first)].sum(axis=1)
        hits = _hits(sums, centred, first, alternative)
        return PermutationResult(hits / total, "exact", total)
    hits = _sampled_hits(centred, first, rng, alternative, draws)
    return PermutationResult((hits + 1) / (draws + 1), "sampled", draws)


@lru_cache(maxsize=8)
def _partitions(n: int, first: int) -> IntArray:
    flat = chain.from_iterable(combinations(range(n), first))
    table = np.fromiter(flat, np.int64, comb(n, first) * first)
    table.flags.writeable = False
    return table.reshape(-1, first)


def _hits(sums: Array, centred: Array, first: int, alternative: Alternative) -> int:
    observed = centred[:first].sum()
    tolerance = _TIE * np.abs(centred).sum()
    if alternative == "two-sided":
        sums, observed = np.abs(sums), abs(observed)
    return int(np.count_nonzero(sums >= observed - tolerance))


def _sampled_hits(
    centred: Array,
    first: int,
    rng: np.random.Generator,
    alternative: Alternative,
    draws: int,
) -> int:
    sizes = [min(_CHUNK, draws - done) for done in range(0, draws, _CHUNK)]
    sums = (_sampled_sums(centred, first, rng, size) for size in sizes)
    return sum(_hits(chunk, centred, first, alternative) for chunk in sums)


def _sampled_sums(
    centred: Array, first: int, rng: np.random.Generator, draws: int
) -> Array:
    """Sum the first group of random partitions by selection sampling.

    Each unit in turn joins with probability (places left) / (units left), which makes
    all partitions equally likely and needs memory for one number a draw.
    """
    left = np.full(draws, first, dtype=np.float32)
    sums = np.zeros(draws)
    for passed, score in enumerate(centred):
        chance = left / np.float32(centred.size - passed)
        joins: BoolArray = rng.random(draws, dtype=np.float32) < chance
        sums += score * joins
        left -= joins
    return sums
