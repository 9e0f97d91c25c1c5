"""Gaps between the rates of groups, by a bootstrap on counts.

A decision depends on a row only by its cell: the groups it is in, its label and the
decision taken. Counts of cells are therefore all that is resampled, and a draw costs
the same for a thousand rows and for a million.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray

CHUNK = 4_000_000  # numbers held at a time: 32 MB
PSEUDO = 1.0
SAME = 1e-9


@dataclass(frozen=True)
class Cells:
    """Rows counted by membership pattern, label and decision.

    Parameters
    ----------
    member
        Shape (p, groups): the groups of each pattern.
    label
        Shape (p,): whether the rows of the pattern are positives.
    counts
        Shape (p, 2): rows rejected and rows selected.
    """

    member: BoolArray
    label: BoolArray
    counts: IntArray

    @property
    def weights(self) -> Array:
        """Shape (p, 3 groups): which patterns the denominator of each rate holds.

        The columns are the selection rates, the true positive rates and the false
        positive rates of all groups.
        """
        positive = self.label[:, None]
        parts = (self.member, self.member & positive, self.member & ~positive)
        return np.hstack(parts).astype(float)

    @property
    def totals(self) -> IntArray:
        """Shape (3, groups): denominators of the three rates."""
        return self._by_rate(self.counts.sum(axis=1))

    @property
    def successes(self) -> IntArray:
        """Shape (3, groups): rows selected, of each denominator."""
        return self._by_rate(self.counts[:, 1])

    def _by_rate(self, counts: IntArray) -> IntArray:
        found: Array = counts @ self.weights
        return found.reshape(3, -1).astype(np.int64)


@dataclass(frozen=True)
class Bootstrap:
    """Smoothed rates and their draws: shapes (rates,) and (rates, draws).

    Rates come in the order of `Cells.weights`; one without rows is NaN.
    """

    centre: Array
    draws: Array

    @cached_property
    def covariance(self) -> Array:
        """Shape (rates, rates)."""
        return np.atleast_2d(np.cov(self.draws))


@dataclass(frozen=True)
class Gap:
    """Inference on the largest difference between rates.

    `pair` holds the columns, higher rate first, that speak most against equality.
    """

    low: float
    high: float
    p_value: float
    pair: tuple[int, int]


def count_cells(member: BoolArray, label: BoolArray, decision: BoolArray) -> Cells:
    """Count rows by membership pattern, label and decision.

    Parameters
    ----------
    member
        Shape (n, groups).
    label, decision
        Shape (n,): whether the row is positive, and whether it was selected.
    """
    code, first = _patterns(np.column_stack([member, label]))
    counts = np.bincount(2 * code + decision, minlength=2 * len(first))
    return Cells(member[first], label[first], counts.reshape(-1, 2))


def resample(cells: Cells, draws: int, rng: np.random.Generator) -> Bootstrap:
    """Draw the rates of all groups from smoothed counts.

    Counts get one success and one failure per group and label before they are drawn
    (Agresti and Caffo 2000), spread over the patterns of the group by their size; a
    pattern of several groups gets the largest of its shares. So a group with a rate of
    0 or 1 still varies, and identical groups still vary together. A draw is
    multinomial, of as many rows as there are; one that leaves a denominator empty
    counts as no deviation.
    """
    smooth = _smoothed(cells)
    weights = cells.weights
    centre = _ratio(smooth[:, 1] @ weights, smooth.sum(axis=1) @ weights)
    share = smooth.ravel() / smooth.sum()
    rates = np.empty((len(centre), draws))
    for part in _chunks(draws, share.size):
        size = part.stop - part.start
        drawn = rng.multinomial(cells.counts.sum(), share, size=size)
        table = drawn.reshape(size, -1, 2).astype(float)
        drawn_rates = _ratio(table[:, :, 1] @ weights, table.sum(axis=2) @ weights)
        rates[:, part] = np.where(np.isnan(drawn_rates), centre, drawn_rates).T
    return Bootstrap(centre, rates)


def largest_gap(sample: Bootstrap, families: Sequence[IntArray], level: float) -> Gap:
    """Infer the largest difference between rates of the same family of columns.

    For all pairs i < j within a family let d_ij be the difference of the smoothed
    rates, d*_ij that of a draw, and se_ij the standard deviation of d*_ij over the
    draws. With c the `level` quantile of T* = max |d*_ij - d_ij| / se_ij, the bands
    |d_ij| +- c se_ij hold for all pairs at once, so the largest true difference lies in
    [max(0, max(|d_ij| - c se_ij)), min(1, max(|d_ij| + c se_ij))]. The p-value of the
    null "no difference in any pair" is dual to it: (1 + #{T* >= T}) / (draws + 1) with
    T = max |d_ij| / se_ij. A pair that differs in no draw (two groups with the same
    rows) has t = 0.

    The quantile of max - min itself would not do: it is above 0 for equal groups.

    Parameters
    ----------
    sample
        Rates and draws.
    families
        For each rate to be compared, its columns, one per group: at least one family
        has two.
    level
        Of the interval.

    Raises
    ------
    ValueError
        Where there is no pair, or a rate without rows is compared.
    """
    pairs = _compare(sample, families)
    peaks = _peaks(sample, pairs)
    reach = float(np.quantile(peaks, level, method="higher")) * pairs.spread
    size = np.abs(pairs.gaps)
    best = int(np.argmax(size * pairs.scale))
    observed = float((size * pairs.scale)[best]) * (1 - SAME)
    low, high = np.clip([(size - reach).max(), (size + reach).max()], 0, 1)
    p_value = (1 + int((peaks >= observed).sum())) / (peaks.size + 1)
    return Gap(float(low), float(high), p_value, pairs.ordered(best))


@dataclass(frozen=True)
class _Pairs:
    """Pairs of columns, their gaps, and the spread of the gaps over the draws."""

    left: IntArray
    right: IntArray
    gaps: Array
    spread: Array

    @property
    def scale(self) -> Array:
        """Inverse of the spread, 0 where a gap does not vary."""
        varies = self.spread > SAME
        return np.where(varies, 1 / np.maximum(self.spread, SAME), 0.0)

    def ordered(self, pair: int) -> tuple[int, int]:
        """Return the two columns of a pair, higher rate first."""
        left, right = int(self.left[pair]), int(self.right[pair])
        return (left, right) if self.gaps[pair] >= 0 else (right, left)


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
    for part in _chunks(peaks.size, pairs.left.size):
        some = deviation[:, part]
        t = np.abs(some[pairs.left] - some[pairs.right]) * scale
        peaks[part] = t.max(axis=0)
    return peaks


def _ratio(part: Array, whole: Array) -> Array:
    found = np.full(part.shape, np.nan)
    np.divide(part, whole, out=found, where=whole > 0)
    return found


def _smoothed(cells: Cells) -> Array:
    groups = cells.member.shape[1]
    weights, total = cells.weights[:, groups:], cells.counts.sum(axis=1)
    share = weights / np.maximum(total @ weights, 1)
    return np.asarray(cells.counts + PSEUDO * (total * share.max(axis=1))[:, None])


def _patterns(bits: BoolArray) -> tuple[IntArray, IntArray]:
    """Return the number of each row's pattern, and one row of each pattern."""
    from pandas import factorize

    packed = np.packbits(bits, axis=1)
    words = np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8))).view(">u8")
    code = np.zeros(len(bits), dtype=np.int64)
    for word in words.T:
        seen, known = factorize(word.astype(np.uint64), sort=True)
        code, _ = factorize(code * len(known) + seen, sort=True)
    first = np.full(code.max(initial=-1) + 1, len(bits))
    np.minimum.at(first, code, np.arange(len(bits)))
    return code, first


def _chunks(rows: int, width: int) -> list[slice]:
    step = max(1, CHUNK // max(1, width))
    return [slice(at, min(at + step, rows)) for at in range(0, rows, step)]
