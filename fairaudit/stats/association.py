"""Arithmetic of word embedding association tests."""

from typing import TypeAlias

import numpy as np

from fairaudit.arrays import AnyArray, Array

Sizes: TypeAlias = tuple[int, int, int, int]


def unit(vectors: AnyArray) -> Array:
    """Scale each vector to length 1, in double precision.

    Raises
    ------
    ValueError
        Where a vector is zero or not finite: it has no direction.

    Examples
    --------
    >>> unit(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]])
    """
    wide = np.asarray(vectors, dtype=np.float64)
    norms = np.sqrt(np.einsum("...d,...d->...", wide, wide))
    if not (np.isfinite(norms) & (norms > 0)).all():
        raise ValueError("a vector is zero or not finite, so it has no direction")
    scaled: Array = wide / norms[..., None]
    return scaled


def association(words: AnyArray, a: AnyArray, b: AnyArray) -> Array:
    """Return how much nearer each word is to the attributes A than to B.

    s(w, A, B) = mean over A of cos(w, a) - mean over B of cos(w, b), Caliskan, Bryson &
    Narayanan 2017 (doi:10.1126/science.aal4230), which equals the product of the unit
    vector of w and the difference of the mean unit vectors.
    """
    scores: Array = unit(words) @ (unit(a).mean(axis=0) - unit(b).mean(axis=0))
    return scores


def effect_size(scores: Array, first: int) -> tuple[Array, Array]:
    """Return the effect size of each row of scores and the variance it carries.

    d = (mean of the first group - mean of the second) / std over both, with the sample
    standard deviation (ddof=1), and V = std squared: Guo & Caliskan 2021, supplement
    8.1 and 8.2. V is the variance of the association scores, not the sampling variance
    of d. Both are NaN where all scores of a row are equal.

    Parameters
    ----------
    scores
        Shape (..., n): the `first` targets X, then the targets Y.
    first
        Number of targets X.

    Examples
    --------
    >>> d, variance = effect_size(np.array([1.0, 2.0, -1.0, -2.0]), 2)
    >>> round(float(d), 4), round(float(variance), 4)
    (1.6432, 3.3333)
    """
    spread = scores.std(axis=-1, ddof=1)
    spread = np.where(spread > _negligible(scores), spread, np.nan)
    gap = scores[..., :first].mean(axis=-1) - scores[..., first:].mean(axis=-1)
    return gap / spread, spread**2


def _negligible(scores: Array) -> Array:
    largest: Array = np.abs(scores).max(axis=-1)
    return 1e-12 * np.maximum(largest, 1.0)
