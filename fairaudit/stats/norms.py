"""Sizes of vectors that are known with noise only, which makes them look larger."""

from typing import Final, Literal, TypeAlias

import numpy as np

from fairaudit.arrays import Array

Norm: TypeAlias = Literal["sum", "rms"]
STEPS: Final = 16
MOST_DRAWS: Final = 2000


def norm(vectors: Array, kind: Norm) -> Array:
    """Return sizes along the second axis: sum of |x|, or root of the mean of x^2."""
    if kind == "sum":
        return np.asarray(np.abs(vectors).sum(axis=1))
    return np.asarray(np.sqrt(np.mean(vectors**2, axis=1)))


def norm_intervals(vectors: Array, noise: Array, kind: Norm, level: float) -> Array:
    """Compute intervals for the sizes of vectors without noise, shape (vectors, 2).

    Noise in every entry adds to a size, so the size of a vector known with noise is too
    large. The lower end is the largest t for which a size as large as the observed one
    has a probability of at most (1 - level) / 2, where t times the observed vector,
    scaled to size 1, is the true one and noise is added to it. The upper end is that of
    a normal interval, without a correction, and at least the size that noise alone has
    in all but (1 - level) / 2 of the draws: together the two are conservative, and they
    hold the observed size.

    Parameters
    ----------
    vectors
        Shape (vectors, entries).
    noise
        Shape (vectors, entries, draws): deviations from the vectors.
    kind
        ``"sum"`` of absolute entries, or ``"rms"``, their root mean square.
    level
        Of the intervals.
    """
    from scipy.special import ndtri

    tail, size, some = (1 - level) / 2, norm(vectors, kind), noise[:, :, :MOST_DRAWS]
    shape = vectors / np.maximum(size, 1e-300)[:, None]
    low, high = np.zeros_like(size), size.copy()
    for _ in range(STEPS):
        middle = (low + high) / 2
        drawn = norm((middle[:, None] * shape)[:, :, None] + some, kind)
        rare = (drawn >= size[:, None]).mean(axis=1) <= tail
        low, high = np.where(rare, middle, low), np.where(rare, high, middle)
    slope = np.sign(vectors) if kind == "sum" else shape / vectors.shape[1]
    spread = (slope[:, :, None] * noise).sum(axis=1).std(axis=1)
    low[low <= size * 2.0 ** (1 - STEPS)] = 0.0
    least = np.quantile(norm(some, kind), 1 - tail, axis=1)
    return np.column_stack([low, np.maximum(size - ndtri(tail) * spread, least)])


def chance_of_size(vectors: Array, noise: Array, kind: Norm) -> Array:
    """Return the share of draws of noise alone that are at least as large, never 0."""
    size, drawn = norm(vectors, kind), norm(noise, kind)
    hits = (drawn >= size[:, None] * (1 - 1e-9)).sum(axis=1)
    return np.asarray((1 + hits) / (1 + noise.shape[2]))
