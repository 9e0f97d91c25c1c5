"""The expected calibration error and an interval for it."""

from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.stats.binned import binned_means
from fairaudit.stats.norms import norm, norm_intervals


@dataclass(frozen=True)
class CalibrationErrors:
    """Calibration errors of groups, shape (groups,), and what they rest on.

    Parameters
    ----------
    values
        Sum over the bins of |sum of (outcome - score)| over the rows of the group.
    residuals
        Shape (groups, bins): those sums over the rows, signed.
    noise
        Shape (groups, bins, draws): deviations of the residuals over draws.
    """

    values: Array
    residuals: Array
    noise: Array

    @property
    def by_chance(self) -> Array:
        """Shape (groups,): mean error of a calibrated classifier on the same rows."""
        return np.asarray(norm(self.noise, "sum").mean(axis=1))

    def intervals(self, level: float) -> Array:
        """Compute intervals of the errors, shape (groups, 2); see `norm_intervals`."""
        found = norm_intervals(self.residuals, self.noise, "sum", level)
        return np.minimum(found, 1.0)


def calibration_errors(
    member: BoolArray,
    code: IntArray,
    score: Array,
    outcome: BoolArray,
    bins: int,
    draws: int,
    level: float,
    rng: np.random.Generator,
    clusters: IntArray | None = None,
) -> CalibrationErrors:
    """Compute the expected calibration error of every group over equal bins.

    With n_b rows in bin b of a group of n it is the sum of n_b / n |mean outcome - mean
    score| over the bins (Guo et al. 2017), which are [0, 1/bins), ... and
    last [1 - 1/bins, 1].

    Parameters
    ----------
    member
        Shape (patterns, groups); every group has rows.
    code, score, outcome
        Shape (n,): pattern, score from 0 to 1 and outcome of each row.
    bins
        How many bins.
    draws, level, rng
        Of the noise.
    clusters
        Shape (n,), or None where rows are independent.
    """
    at = np.minimum((score * bins).astype(np.int64), bins - 1)
    found = binned_means(member, code, outcome - score, at, bins, clusters)
    sample = found.draws(draws, rng, level)
    moved = sample.draws - sample.centre[:, None]
    return CalibrationErrors(
        values=norm(found.means, "sum"),
        residuals=found.means,
        noise=moved.reshape(*found.means.shape, draws),
    )
