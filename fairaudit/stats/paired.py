"""Means of differences between paired texts, and their intervals."""

from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.stats.binned import binned_means
from fairaudit.stats.bootstrap import inflation


@dataclass(frozen=True)
class MeanEstimate:
    """A mean with its standard error and the number of independent units behind it."""

    value: float
    error: float
    units: int
    clustered: bool

    @property
    def method(self) -> str:
        """How the interval is made, in words."""
        of = "clusters" if self.clustered else "pairs"
        return f"normal limit of the bootstrap over {of}, t-inflated"

    def interval(self, level: float) -> tuple[float, float] | None:
        """Return the interval; None where fewer than two units leave it undefined.

        The mean ± t se sqrt(m / (m - 1)) with m - 1 degrees of freedom, m the units and
        se the standard deviation of the bootstrap. For independent pairs that is
        Student's interval.
        """
        from scipy.special import ndtri

        if self.units < 2:
            return None
        factor = float(inflation(np.array([self.units]), level)[0])
        half = float(ndtri((1 + level) / 2)) * factor * self.error
        return self.value - half, self.value + half


def paired_mean(values: Array, clusters: IntArray | None) -> MeanEstimate:
    """Estimate a mean of values that come in independent clusters.

    Parameters
    ----------
    values
        Shape (n,), n at least 1.
    clusters
        Shape (n,); None where values are independent.

    Examples
    --------
    >>> found = paired_mean(np.array([1.0, 2.0, 3.0, 6.0]), None)
    >>> low, high = found.interval(0.95)
    >>> found.value, round(low, 3), round(high, 3)
    (3.0, -0.437, 6.437)
    """
    one = np.zeros(len(values), dtype=np.int64)
    everything = np.ones((1, 1), dtype=bool)
    found = binned_means(everything, one, values, one, 1, clusters)
    variance = max(float(found.covariance[0, 0]), 0.0)
    return MeanEstimate(
        value=float(found.means[0, 0]),
        error=variance**0.5,
        units=int(found.units[0]),
        clustered=found.clustered,
    )
