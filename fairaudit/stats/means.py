"""Intervals of means, and the largest difference between the means of groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array

_CHUNK = 1 << 24


@dataclass(frozen=True)
class Gap:
    """Largest difference between group means: simultaneous interval and p-value."""

    value: float
    low: float
    high: float
    p_value: float
    method: str = "bootstrap, simultaneous over pairs of groups (max-t)"


def resampled_means(values: Array, draws: int, rng: np.random.Generator) -> Array:
    """Return the means of bootstrap resamples, shape (draws,), in bounded memory."""
    step = max(1, _CHUNK // len(values))
    sizes = [min(step, draws - begin) for begin in range(0, draws, step)]
    picks = (rng.integers(len(values), size=(size, len(values))) for size in sizes)
    return np.concatenate([values[pick].mean(axis=1) for pick in picks])


def mean_interval(
    values: Array, draws: int, level: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a mean."""
    tail = (1 - level) / 2
    low, high = np.quantile(resampled_means(values, draws, rng), [tail, 1 - tail])
    return float(low), float(high)


def mean_difference(
    groups: Sequence[Array], draws: int, level: float, rng: np.random.Generator
) -> Gap:
    """Assess the largest difference between the means of groups.

    The bootstrap distribution of the largest studentised deviation over all pairs gives
    a factor c, and max|d_ij| lies between max(0, max(|d_ij| - c se_ij)) and
    max(|d_ij| + c se_ij). Unlike the quantiles of max - min, the interval reaches 0 for
    equal groups. The p-value is the share of draws in which that deviation is at least
    the observed max|d_ij| / se_ij, counted as (1 + hits) / (1 + draws).

    Groups take their draws from `rng` in turn: in another order the value is the same,
    the interval and the p-value are the same up to Monte Carlo error.
    """
    # Measured from one value, equal constant groups differ by exactly 0.
    groups = [group - groups[0][0] for group in groups]
    means = np.array([group.mean() for group in groups])
    draw = np.stack([resampled_means(group, draws, rng) for group in groups], axis=1)
    first, second = np.triu_indices(len(groups), k=1)
    apart = np.abs(means[first] - means[second])
    moved = (draw - means)[:, first] - (draw - means)[:, second]
    rounding = max(np.finfo(float).eps * np.abs(means).max(), np.finfo(float).tiny)
    error = np.maximum(moved.std(axis=0, ddof=1), rounding)
    largest = (np.abs(moved) / error).max(axis=1)
    factor = float(np.quantile(largest, level))
    hits = int((largest >= (apart / error).max() * (1 - 1e-12)).sum())
    return Gap(
        value=float(apart.max()),
        low=max(0.0, float((apart - factor * error).max())),
        high=float((apart + factor * error).max()),
        p_value=(1 + hits) / (1 + draws),
    )
