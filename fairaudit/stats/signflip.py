"""Test of paired differences by flipping their signs."""

from collections.abc import Iterator

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.stats.permutation import EXACT_LIMIT, PermutationResult
from fairaudit.stats.units import chunks

_TIE = 1e-9


def sign_flip_test(
    differences: Array,
    clusters: IntArray | None,
    rng: np.random.Generator,
    *,
    draws: int = 10_000,
    limit: int = EXACT_LIMIT,
) -> PermutationResult:
    r"""Test whether paired differences are as likely to be positive as negative.

    The statistic is the absolute sum :math:`|\\sum_c s_c|` of the differences, s_c the
    sum of cluster c. Under the null hypothesis the sign of each s_c is a toss of a fair
    coin; the p-value is the share of sign patterns with a statistic at least as large,
    two-sided (Fisher 1935, The Design of Experiments, section 21).

    Parameters
    ----------
    differences
        Shape (n,).
    clusters
        Shape (n,): differences with equal numbers keep their signs relative to one
        another; None where all are independent.
    rng
        Used only where patterns are sampled.
    draws
        Number of sampled patterns.
    limit
        Up to this many patterns, all are enumerated.

    Notes
    -----
    Sampled patterns count the observed one among them, so p is never 0 (Phipson & Smyth
    2010, doi:10.2202/1544-6115.1585). Sums that differ by rounding only are ties and
    count. Clusters with sum 0 change no pattern and are left out.

    Examples
    --------
    >>> sign_flip_test(np.array([1.0, 2.0, 4.0]), None, np.random.default_rng(0))
    PermutationResult(p_value=0.25, method='exact', partitions=8)
    """
    sums = differences.astype(np.float64)
    if clusters is not None:
        number = np.unique(clusters, return_inverse=True)[1]
        sums = np.bincount(number, sums).astype(np.float64)
    least = abs(sums.sum()) - _TIE * np.abs(sums).sum()
    moving = sums[sums != 0]
    patterns = 2 ** len(moving) if len(moving) < 64 else limit + 1
    if patterns <= limit:
        flipped = _all_signs(len(moving)) @ moving
        hits = int(np.count_nonzero(np.abs(flipped) >= least))
        return PermutationResult(hits / patterns, "exact", patterns)
    hits = sum(
        int(np.count_nonzero(np.abs(2 * part - moving.sum()) >= least))
        for part in _positive_sums(moving, draws, rng)
    )
    return PermutationResult((hits + 1) / (draws + 1), "sampled", draws)


def _all_signs(n: int) -> Array:
    bits = np.arange(2**n)[:, None] >> np.arange(n) & 1
    return np.asarray(2.0 * bits - 1, dtype=np.float64)


def _positive_sums(
    sums: Array, draws: int, rng: np.random.Generator
) -> Iterator[Array]:
    """Yield the sums over those that keep a positive sign, some draws at a time."""
    for part in chunks(draws, len(sums)):
        size = (part.stop - part.start, -(-len(sums) // 8))
        tossed = rng.integers(0, 256, size=size, dtype=np.uint8)
        kept = np.unpackbits(tossed, axis=1, count=len(sums))
        yield kept.astype(np.float64) @ sums
