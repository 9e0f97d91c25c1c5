"""Variance over groups, with an interval that can reach 0."""

import numpy as np

from fairaudit.arrays import Array


def variance_interval(
    values: Array, replicates: Array, level: float, ddof: int
) -> tuple[float, float]:
    r"""Return an interval of the variance over groups.

    The standard deviation over groups, :math:`S(v)`, is a seminorm, so that
    :math:`|S(\theta) - S(\hat\theta)| \le S(\theta - \hat\theta)` whatever the truth
    :math:`\theta`. With q the `level` quantile of :math:`S(\theta^* - \hat\theta)` over
    bootstrap replicates, the interval is :math:`[\max(0, S - q)^2, (S + q)^2]`.

    Percentiles of the variance itself would not do: noise makes every replicate's
    variance positive, so that they exclude 0 where groups do not differ.

    Parameters
    ----------
    values
        One value a group, shape (groups,).
    replicates
        Bootstrap replicates of the values, shape (replicates, groups).
    level
        Coverage aimed at; the inequality makes the interval cautious.
    ddof
        The variance divides by the number of groups less this.

    Examples
    --------
    >>> still = np.tile([1.0, 2.0], (100, 1))
    >>> variance_interval(np.array([1.0, 2.0]), still, 0.95, 0)
    (0.25, 0.25)
    """
    centre = values.std(ddof=ddof)
    away = (replicates - values).std(axis=1, ddof=ddof)
    reach = np.quantile(away, level)
    low, high = max(0.0, centre - reach), centre + reach
    return float(low**2), float(high**2)
