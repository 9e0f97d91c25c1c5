"""Bootstrap of words for association tests."""

from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.stats.association import Sizes


@dataclass(frozen=True)
class WordTable:
    """Cosines of the texts of one test, and which word each text belongs to.

    Parameters
    ----------
    cosines
        Shape (target texts, attribute texts): X then Y, and A then B.
    targets, attributes
        Word of each row, numbered from 0 through X and Y, and of each column, numbered
        from 0 through A and B, in order.
    sizes
        Number of words of X, Y, A and B.
    """

    cosines: Array
    targets: IntArray
    attributes: IntArray
    sizes: Sizes

    @property
    def first(self) -> int:
        """Number of texts of X."""
        return int(np.count_nonzero(self.targets < self.sizes[0]))

    @property
    def scores(self) -> Array:
        """Mean cosine with the texts of A less that with B, shape (target texts,)."""
        cut = int(np.count_nonzero(self.attributes < self.sizes[2]))
        near, far = self.cosines[:, :cut], self.cosines[:, cut:]
        scores: Array = near.mean(axis=1) - far.mean(axis=1)
        return scores

    @property
    def word_scores(self) -> Array:
        """Mean score of the texts of each target word."""
        sums = np.bincount(self.targets, weights=self.scores)
        means: Array = sums / np.bincount(self.targets)
        return means

    def replicates(self, replicates: int, rng: np.random.Generator) -> Array:
        """Return effect sizes with words drawn anew within each set, with replacement.

        All texts of a word come with it. NaN where a replicate has no spread.
        """
        x, y, a, b = (resample(size, replicates, rng) for size in self.sizes)
        on_a, on_b = np.hstack([a, 0 * b]), np.hstack([0 * a, b])
        towards = _shares(on_a[:, self.attributes]) - _shares(on_b[:, self.attributes])
        weights = np.hstack([x, y])[:, self.targets]
        return weighted_effect_size(towards @ self.cosines.T, weights, self.first)[0]


def resample(size: int, replicates: int, rng: np.random.Generator) -> Array:
    """Return how often each of `size` units is drawn, shape (replicates, size)."""
    counts = rng.multinomial(size, np.full(size, 1 / size), size=replicates)
    return counts.astype(np.float64)


def weighted_effect_size(
    scores: Array, weights: Array, first: int
) -> tuple[Array, Array]:
    """Return effect sizes and variances where each score counts as its weight says.

    As `effect_size` of scores repeated so often; the shapes (..., n) broadcast. NaN
    where all scores that count are equal.

    Examples
    --------
    >>> d, variance = weighted_effect_size(np.array([1.0, 2, -1, -2]), np.ones(4), 2)
    >>> round(float(d), 4), round(float(variance), 4)
    (1.6432, 3.3333)
    """
    total = weights.sum(axis=-1)
    centre = (_sums(scores, weights) / total)[..., None]
    moved = scores - centre
    spread = np.sqrt(_sums(moved**2, weights) / (total - 1))
    largest = np.maximum(np.abs(scores).max(axis=-1), 1.0)
    spread = np.where(spread > 1e-12 * largest, spread, np.nan)
    means = [
        _sums(moved[..., part], weights[..., part]) / weights[..., part].sum(axis=-1)
        for part in (slice(first), slice(first, None))
    ]
    return (means[0] - means[1]) / spread, spread**2


def _sums(scores: Array, weights: Array) -> Array:
    sums: Array = np.einsum("...n,...n->...", scores, weights)
    return sums


def _shares(weights: Array) -> Array:
    shares: Array = weights / weights.sum(axis=1, keepdims=True)
    return shares
