"""The largest difference between estimates, and which pairs speak for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.stats.bootstrap import SAME, Bootstrap
from fairaudit.stats.units import chunks

MOST_PAIRS: Final = 10


@dataclass(frozen=True)
class Pair:
    """Two columns, higher estimate first, and the inference on their difference.

    `low` and `high` hold for all pairs at once, as `p_value` does; `p_alone` is that
    of the pair taken by itself.
    """

    higher: int
    lower: int
    difference: float
    low: float
    high: float
    p_value: float
    p_alone: float


@dataclass(frozen=True)
class Gap:
    """Inference on the largest difference between estimates.

    `pairs` holds the pairs that speak most against equality, strongest first.
    """

    low: float
    high: float
    p_value: float
    pairs: tuple[Pair, ...]


def largest_gap(
    sample: Bootstrap,
    families: Sequence[IntArray],
    level: float,
    ceiling: float = 1.0,
) -> Gap:
    """Infer the largest difference between estimates of the same family of columns.

    For all pairs i < j within a family let d_ij be the difference of the estimates,
    d*_ij that of a draw, and se_ij the standard deviation of d*_ij over the draws. With
    c the `level` quantile of T* = max |d*_ij - d_ij| / se_ij, the bands |d_ij| +- c
    se_ij hold for all pairs at once, so the largest true difference lies in
    [max(0, max(|d_ij| - c se_ij)), min(ceiling, max(|d_ij| + c se_ij))]. The p-value of
    the null "no difference in any pair" is dual to it: (1 + #{T* >= T}) / (draws + 1)
    with T = max |d_ij| / se_ij. A pair that differs in no draw (two groups with the
    same rows) has t = 0.

    The quantile of max - min itself would not do: it is above 0 for equal groups.

    Parameters
    ----------
    sample
        Estimates and draws.
    families
        For each quantity to be compared, its columns, one per group: at least one
        family has two.
    level
        Of the interval.
    ceiling
        Largest possible difference.

    Raises
    ------
    ValueError
        Where there is no pair, or an estimate without rows is compared.
    """
    pairs = _compare(sample, families)
    peaks = _peaks(sample, pairs)
    reach = float(np.quantile(peaks, level, method="higher")) * pairs.spread
    size = np.abs(pairs.gaps)
    low, high = np.clip([(size - reach).max(), (size + reach).max()], 0, ceiling)
    strongest = np.argsort(-size * pairs.scale, kind="stable")[:MOST_PAIRS]
    told = [_pair(sample, pairs, int(at), peaks, reach[at]) for at in strongest]
    return Gap(float(low), float(high), told[0].p_value, tuple(told))


@dataclass(frozen=True)
class _Pairs:
    """Pairs of columns, their gaps, and the spread of the gaps over the draws."""

    left: IntArray
    right: IntArray
    gaps: Array
    spread: Array

    @property
    def scale(self) -> Array:
        """Inverse of the spread; 0 where there is no gap in any draw either."""
        some = np.maximum(self.spread, np.abs(self.gaps)) > SAME
        return np.where(some, 1 / np.maximum(self.spread, SAME), 0.0)


def _compare(sample: Bootstrap, families: Sequence[IntArray]) -> _Pairs:
    index = [np.triu_indices(len(family), 1) for family in families]
    left, right = (
        np.concatenate([f[at[side]] for f, at in zip(families, index, strict=True)])
        for side in (0, 1)
    )
    gaps = sample.centre[left] - sample.centre[right]
    if not gaps.size or np.isnan(gaps).any():
        raise ValueError("compare at least two rates, each with rows")
    cov = sample.covariance
    square = cov[left, left] + cov[right, right] - 2 * cov[left, right]
    return _Pairs(left, right, gaps, np.sqrt(np.maximum(square, 0)))


def _peaks(sample: Bootstrap, pairs: _Pairs) -> Array:
    """Return the largest studentised deviation of each draw."""
    deviation = sample.draws - sample.centre[:, None]
    scale = pairs.scale[:, None]
    peaks = np.empty(deviation.shape[1])
    for part in chunks(peaks.size, pairs.left.size):
        some = deviation[:, part]
        t = np.abs(some[pairs.left] - some[pairs.right]) * scale
        peaks[part] = t.max(axis=0)
    return peaks


def _pair(
    sample: Bootstrap, pairs: _Pairs, at: int, peaks: Array, reach: float
) -> Pair:
    left, right = int(pairs.left[at]), int(pairs.right[at])
    gap, scale = float(pairs.gaps[at]), float(pairs.scale[at])
    moved = sample.draws[left] - sample.draws[right] - gap
    seen = abs(gap) * (1 - SAME)
    higher, lower = (left, right) if gap >= 0 else (right, left)
    return Pair(
        higher=higher,
        lower=lower,
        difference=abs(gap),
        low=abs(gap) - float(reach),
        high=abs(gap) + float(reach),
        p_value=_share(peaks, seen * scale),
        p_alone=_share(np.abs(moved) * scale, seen * scale),
    )


def _share(found: Array, least: float) -> float:
    return float((1 + (found >= least).sum()) / (found.size + 1))
