"""Tests of equal rates in two groups, for all counts at once."""

from functools import lru_cache

import numpy as np

from fairaudit.arrays import Array, BoolArray
from fairaudit.stats.twoproportions import fisher_p

_LEAST_EXPECTED = 5


@lru_cache(maxsize=16)
def equal_rate_p(first: int, second: int) -> tuple[Array, BoolArray]:
    """Return the p-value of equal rates for all counts in groups of these sizes.

    Pearson's chi-squared test without correction for continuity where all four expected
    counts are 5 or more, else Fisher's exact test (two-sided).

    Returns
    -------
    tuple
        The p-value of a in the first and b in the second group at [a, b], and whether
        it is Fisher's; both of shape (first + 1, second + 1).

    Examples
    --------
    >>> p_values, exact = equal_rate_p(20, 20)
    >>> round(float(p_values[15, 8]), 4), bool(exact[15, 8])
    (0.0252, False)
    >>> round(float(p_values[4, 0]), 4), bool(exact[4, 0])
    (0.106, True)
    """
    from scipy.stats import chi2

    a, b = np.meshgrid(np.arange(first + 1.0), np.arange(second + 1.0), indexing="ij")
    n, hits = first + second, a + b
    least = min(first, second) * np.minimum(hits, n - hits) / n
    exact: BoolArray = least < _LEAST_EXPECTED
    spread = np.where(exact, 1.0, hits * (n - hits) * first * second)
    p_values = np.asarray(chi2.sf(n * (a * second - b * first) ** 2 / spread, df=1))
    for row, column in np.argwhere(exact).tolist():
        p_values[row, column] = fisher_p((row, first), (column, second))
    p_values.flags.writeable = exact.flags.writeable = False
    return p_values, exact
