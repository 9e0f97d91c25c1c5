"""Distances between the score distributions of groups."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.stats.binned import binned_means
from fairaudit.stats.bootstrap import SAME
from fairaudit.stats.units import chunks

STEPS: Final = 24
"""Quantiles of all scores between which the test takes distributions as level."""


@dataclass(frozen=True)
class Distance:
    """The largest distance of two groups, its interval and its p-value."""

    value: float
    low: float
    high: float
    p_value: float
    pair: tuple[int, int]


def wasserstein(member: BoolArray, code: IntArray, scores: Array) -> Array:
    """Compute the Wasserstein-1 distances of all pairs of groups.

    The integral of |F_g - F_h| over the scores, F being distribution functions.

    Parameters
    ----------
    member
        Shape (patterns, groups); every group has rows.
    code, scores
        Shape (n,): pattern and score of each row, scores rising.

    Returns
    -------
    Array
        Shape (groups, groups), symmetric.
    """
    groups = member.shape[1]
    first, second = np.triu_indices(groups, 1)
    inside = member / np.array([member[code, g].sum() for g in range(groups)])
    found, below = np.zeros(len(first)), np.zeros(groups)
    for part in chunks(len(scores) - 1, 4 * len(first)):
        step = np.diff(scores[part.start : part.stop + 1])
        share = below + np.cumsum(inside[code[part]], axis=0)
        below = share[-1]
        found += step @ np.abs(share[:, first] - share[:, second])
    distances = np.zeros((groups, groups))
    distances[first, second] = distances[second, first] = found
    return distances


def largest_distance(
    member: BoolArray,
    code: IntArray,
    scores: Array,
    draws: int,
    level: float,
    rng: np.random.Generator,
    clusters: IntArray | None = None,
) -> Distance:
    """Infer the largest Wasserstein-1 distance between groups.

    Distribution functions are taken at `STEPS` quantiles of all scores and drawn anew
    together, groups that overlap and clusters included (normal limit of the
    bootstrap). With e_gh the distance of the drawn deviations F* - F of two groups and
    s_gh its mean over the draws, c is the `level` quantile of max e_gh / s_gh. By the
    triangle inequality the distance D_gh lies within c s_gh of the true one for all
    pairs at once: the interval is conservative. The p-value of the null "all groups
    have the same distribution" is the share of draws where max e_gh / s_gh reaches the
    observed max D_gh / s_gh, D taken at the same quantiles.
    """
    exact = wasserstein(member, code, scores)
    first, second = np.triu_indices(len(exact), 1)
    sizes = exact[first, second]
    observed, noise = _at_quantiles(member, code, scores, draws, level, rng, clusters)
    mean = noise.mean(axis=1)
    some = np.maximum(mean, observed) > SAME
    scale = np.where(some, 1 / np.maximum(mean, SAME), 0.0)
    peaks = (noise * scale[:, None]).max(axis=0)
    reach = float(np.quantile(peaks, level, method="higher")) * mean
    hits = int((peaks >= (observed * scale).max() * (1 - SAME)).sum())
    best = int(np.argmax(sizes))
    return Distance(
        value=float(sizes[best]),
        low=max(0.0, float((sizes - reach).max())),
        high=min(float(np.ptp(scores)), float((sizes + reach).max())),
        p_value=(1 + hits) / (1 + draws),
        pair=(int(first[best]), int(second[best])),
    )


def _at_quantiles(
    member: BoolArray,
    code: IntArray,
    scores: Array,
    draws: int,
    level: float,
    rng: np.random.Generator,
    clusters: IntArray | None,
) -> tuple[Array, Array]:
    """Return distances of all pairs, and those of drawn deviations (pairs, draws)."""
    steps = np.linspace(0, 1, STEPS + 1)
    edges = np.unique(np.quantile(scores, steps, method="inverted_cdf"))
    bins = np.searchsorted(edges, scores, side="left")
    ones, count, groups = np.ones(len(scores)), len(edges), member.shape[1]
    found = binned_means(member, code, ones, bins, count, clusters)
    width = np.diff(edges, append=edges[-1])[:, None]
    sample = found.draws(draws, rng, level)
    moved = (sample.draws - sample.centre[:, None]).reshape(groups, count, draws)
    below, moved = np.cumsum(found.means, axis=1), np.cumsum(moved, axis=1)
    first, second = np.triu_indices(groups, 1)
    observed = np.abs(below[first] - below[second]) @ width
    noise = np.empty((len(first), draws))
    for at, (g, h) in enumerate(zip(first, second, strict=True)):
        noise[at] = (np.abs(moved[g] - moved[h]) * width).sum(axis=0)
    return observed[:, 0], noise
