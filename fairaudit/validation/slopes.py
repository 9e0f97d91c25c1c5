"""Means and least-squares slopes over runs that are independent of one another."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from fairaudit.arrays import Array
from fairaudit.result import Interval
from fairaudit.stats.correlation import coefficients

LEVEL: Final = 0.95
METHOD: Final = "t interval over independent runs (other texts, another training)"


@dataclass(frozen=True)
class Mean:
    """Mean over runs; no interval with fewer than two."""

    value: float
    interval: Interval | None


def mean(values: Array, level: float = LEVEL) -> Mean:
    """Return the mean of one value a run, with Student's t interval.

    Runs differ in their texts, in those audited and in the training, so their spread
    holds all of these. Without spread the interval is the value.

    >>> found = mean(np.array([1.0, 2.0, 3.0]))
    >>> found.value, round(found.interval.high, 3)
    (2.0, 4.484)
    """
    from scipy.special import stdtrit

    n, value = len(values), float(values.mean())
    if n < 2:
        return Mean(value, None)
    error = values.std(ddof=1) / np.sqrt(n)
    reach = float(stdtrit(n - 1, (1 + level) / 2) * error)
    return Mean(value, Interval(value - reach, value + reach, level, METHOD))


def slope(strengths: Array, values: Array, level: float = LEVEL) -> Mean:
    """Return the least-squares slope of values over strengths, runs as clusters.

    Every run has a value at every strength, so the slope over all pairs together is the
    mean of the slopes of the runs; the interval is that of this mean. Values of one run
    share their texts and are not independent, their slopes are.

    Parameters
    ----------
    strengths
        Shape (strengths,).
    values
        Shape (runs, strengths).
    """
    centred = strengths - strengths.mean()
    return mean(values @ centred / (centred @ centred), level)


def rank_correlation(strengths: Array, distances: Array) -> float | None:
    """Return Spearman's correlation over all runs and strengths; None without spread.

    >>> rank_correlation(np.array([0.0, 1.0]), np.array([[2.0, 3.0], [2.5, 3.5]]))
    0.8944271909999159
    """
    every = np.broadcast_to(strengths, distances.shape)
    found = float(coefficients("spearman", every.ravel(), distances.ravel()))
    return found if np.isfinite(found) else None


def ordered(values: Array, ideal: float) -> bool:
    """Tell whether the means over runs lie farther from the ideal at each strength."""
    return bool((np.diff(np.abs(values.mean(axis=0) - ideal)) > 0).all())
