"""Generalised means, which weigh the worst group most."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array, IntArray


def power_mean(values: Array, power: float) -> float:
    """Compute M_p = (mean of m^p)^(1/p); 0 where a value is 0 and p is negative.

    Examples
    --------
    >>> round(power_mean(np.array([0.5, 1.0]), -5.0), 4)
    0.5708
    """
    if power < 0 and (values <= 0).any():
        return 0.0
    # Scaled by the largest, powers neither overflow nor vanish.
    largest = float(values.max())
    if largest <= 0:
        return 0.0
    return float(largest * np.mean((values / largest) ** power) ** (1 / power))


@dataclass(frozen=True)
class WeightedMeans:
    """A weighted sum of power means, each of some columns.

    Parameters
    ----------
    power
        Exponent of the means, not 0.
    parts
        Weight and columns of each mean.
    """

    power: float
    parts: Sequence[tuple[float, IntArray]]

    def value(self, values: Array) -> float:
        """Compute the sum."""
        return sum(w * power_mean(values[at], self.power) for w, at in self.parts)

    def gradient(self, values: Array) -> Array:
        """Compute the derivative by each column: w (m / M)^(p - 1) / N.

        0 for a mean that is 0.
        """
        found = np.zeros(len(values))
        for weight, at in self.parts:
            mean = power_mean(values[at], self.power)
            if mean > 0:
                share = (values[at] / mean) ** (self.power - 1)
                found[at] += weight * share / len(at)
        return found
