"""Means of a value over columns of texts: all, groups, classes."""

from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.result import Interval
from fairaudit.stats.binned import BinnedMeans, binned_means
from fairaudit.stats.bootstrap import Bootstrap, inflation
from fairaudit.stats.gaps import largest_gap
from fairaudit.stats.patterns import patterns
from fairaudit.stats.regrouping import permuted_gap


@dataclass(frozen=True)
class Difference:
    """The largest difference between columns, with its test."""

    highest: int
    lowest: int
    value: float
    low: float
    high: float
    method: str
    p_value: float
    test: str


def column_means(
    values: Array, member: BoolArray, clusters: IntArray | None
) -> BinnedMeans:
    """Return the mean over each column's texts, with the covariance of the means.

    Parameters
    ----------
    values
        Shape (n,).
    member
        Shape (n, columns); every column has texts.
    clusters
        Shape (n,), None where texts are independent.
    """
    code, first = patterns(member)
    bins = np.zeros(len(values), dtype=np.int64)
    return binned_means(member[first], code, values, bins, 1, clusters)


def normal_interval(
    found: BinnedMeans, column: int, level: float, least: float | None = 0.0
) -> Interval:
    """Return the interval of one mean, no lower than `least`.

    The normal limit of the bootstrap over texts, or over clusters of texts, with the
    quantile of Student's t for their number.
    """
    from scipy.special import ndtri

    units = found.units[column : column + 1]
    reach = float(ndtri((1 + level) / 2) * inflation(units, level)[0])
    half = reach * float(np.sqrt(max(found.covariance[column, column], 0.0)))
    value = float(found.means[column, 0])
    low = value - half if least is None else max(least, value - half)
    of = "clusters" if found.clustered else "texts"
    method = f"normal limit of the bootstrap over {of}, t-inflated"
    return Interval(min(low, value), value + half, level, method)


def difference(
    values: Array,
    member: BoolArray,
    clusters: IntArray | None,
    *,
    draws: int,
    level: float,
    rng: np.random.Generator,
) -> Difference:
    """Assess the largest difference between the means of columns.

    The interval holds for all pairs at once (`fairaudit.stats.gaps.largest_gap`), so it
    reaches 0 where columns do not differ; the p-value is that of
    `fairaudit.stats.regrouping.permuted_gap`.
    """
    means = column_means(values, member, clusters)
    sample: Bootstrap = means.draws(draws, rng, level)
    found = largest_gap(sample, [np.arange(member.shape[1])], level, np.inf)
    test = permuted_gap(values, member, clusters, draws, rng)
    flat = means.means[:, 0]
    value = float(np.ptp(flat))
    return Difference(
        highest=int(flat.argmax()),
        lowest=len(flat) - 1 - int(flat[::-1].argmin()),
        value=value,
        low=min(found.low, value),
        high=max(found.high, value),
        method=f"{sample.method}, max-t over all pairs",
        p_value=test.p_value,
        test=test.method,
    )
