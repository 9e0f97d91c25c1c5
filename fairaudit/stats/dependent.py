"""Correlations with one target, compared with each other."""

from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.stats.correlation import Coefficient
from fairaudit.stats.resampling import row_weights

SPECK = 1e-12


@dataclass(frozen=True)
class Williams:
    """A test of two correlations that share a variable."""

    t: float
    degrees: int
    p_value: float


def correlation_draws(
    kind: Coefficient,
    target: Array,
    others: Array,
    clusters: IntArray | None,
    draws: int,
    rng: np.random.Generator,
) -> Array:
    """Draw the correlations of several variables with a target, from one bootstrap.

    Parameters
    ----------
    kind
        ``"pearson"``, or ``"spearman"``: Pearson's of the mid-ranks in each draw.
    target, others
        Shapes (n,) and (m, n).
    clusters
        Shape (n,): rows with equal numbers are drawn together; None for rows.

    Returns
    -------
    Array
        Shape (m, draws); NaN where a variable does not vary in a draw.
    """
    rows = np.vstack([target, others])
    # Measured from one value, equal numbers differ by exactly 0.
    rows = rows - rows[:, :1]
    found = []
    for weights in row_weights(len(target), clusters, draws, rng):
        first, *rest = (_scores(kind, row, weights) for row in rows)
        found.append(np.stack([_correlation(first, one, weights) for one in rest]))
    return np.concatenate(found, axis=1)


def williams(first: float, second: float, between: float, n: int) -> Williams:
    r"""Test whether two variables correlate equally with a third, two-sided.

    Williams's T2 as Steiger (1980, doi:10.1037/0033-2909.87.2.245, equation 7) gives
    it: with r12 and r13 the two correlations, r23 that between the two variables, and
    :math:`|R| = 1 - r_{12}^2 - r_{13}^2 - r_{23}^2 + 2 r_{12} r_{13} r_{23}`,

    .. math:: t = (r_{12} - r_{13}) \sqrt{\frac{(n - 1)(1 + r_{23})}
              {2 \frac{n - 1}{n - 3} |R| + \bar r^2 (1 - r_{23})^3}}

    on n - 3 degrees of freedom, :math:`\bar r = (r_{12} + r_{13}) / 2`. It assumes
    independent rows of a normal distribution.

    Examples
    --------
    >>> found = williams(0.4, 0.5, 0.1, 103)
    >>> round(found.t, 2), found.degrees, round(found.p_value, 2)
    (-0.89, 100, 0.37)

    Raises
    ------
    ValueError
        With fewer than four rows.
    """
    from scipy.special import stdtr

    if n < 4:
        raise ValueError("the test needs four rows")
    determinant = 1 - first**2 - second**2 - between**2 + 2 * first * second * between
    mean = (first + second) / 2
    spread = 2 * (n - 1) / (n - 3) * max(determinant, 0.0)
    spread += mean**2 * (1 - between) ** 3
    gap = first - second
    if spread <= SPECK:
        return Williams(0.0, n - 3, 1.0)
    t = gap * float(np.sqrt((n - 1) * (1 + between) / spread))
    return Williams(t, n - 3, float(2 * stdtr(n - 3, -abs(t))))


def _scores(kind: Coefficient, values: Array, weights: Array) -> Array:
    """Return the values, or the mid-ranks of the drawn values, shape (draws, n)."""
    if kind == "pearson":
        return np.broadcast_to(values, weights.shape)
    _, place = np.unique(values, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    mass = np.add.reduceat(weights[:, order], starts, axis=1)
    ranks: Array = (np.cumsum(mass, axis=1) - mass / 2)[:, place]
    return ranks


def _correlation(x: Array, y: Array, weights: Array) -> Array:
    total = weights.sum(axis=1, keepdims=True)
    x, y = (v - (weights * v).sum(axis=1, keepdims=True) / total for v in (x, y))
    spread = (weights * x**2).sum(axis=1) * (weights * y**2).sum(axis=1)
    scale = np.abs(x).max(axis=1) * np.abs(y).max(axis=1) * total[:, 0]
    enough = spread > (SPECK * scale) ** 2
    found = np.full(len(x), np.nan)
    product = (weights * x * y).sum(axis=1)
    np.divide(product, np.sqrt(spread), out=found, where=enough)
    clipped: Array = np.clip(found, -1.0, 1.0)
    return clipped
