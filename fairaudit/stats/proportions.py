"""Intervals for proportions."""

import numpy as np
from numpy.typing import ArrayLike

from fairaudit.arrays import Array


def wilson(
    successes: ArrayLike, totals: ArrayLike, level: float
) -> tuple[Array, Array]:
    """Compute Wilson score intervals of proportions (Wilson 1927).

    The interval holds every p with |p_hat - p| <= z sqrt(p (1 - p) / n). Unlike the
    Wald interval it has a positive width at 0 and at 1.

    Raises
    ------
    ValueError
        Where a total is 0: such a proportion is undefined.

    Examples
    --------
    >>> low, high = wilson([0, 5], [10, 10], 0.95)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.0, 0.237], [0.278, 0.763])
    """
    from statsmodels.stats.proportion import proportion_confint

    count, total = np.asarray(successes, dtype=float), np.asarray(totals, dtype=float)
    if (total <= 0).any():
        raise ValueError("the proportion of an empty total is undefined")
    low, high = proportion_confint(count, total, alpha=1 - level, method="wilson")
    # By the formula the ends are exactly 0 and 1 there; rounding leaves specks.
    return np.where(count == 0, 0.0, low), np.where(count == total, 1.0, high)
