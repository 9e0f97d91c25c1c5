"""Correlation coefficients of few pairs: value, interval and permutation p-value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import permutations
from math import factorial
from typing import Final, Literal, TypeAlias

import numpy as np

from fairaudit.arrays import Array

Coefficient: TypeAlias = Literal["pearson", "spearman", "kendall"]
COEFFICIENTS: Final[tuple[Coefficient, ...]] = ("pearson", "spearman", "kendall")
EXACT: Final = 7
"""Up to so many pairs every permutation is tried."""
TOLERANCE: Final = 1e-10


@dataclass(frozen=True)
class Permuted:
    """A two-sided permutation p-value and how it was had."""

    p_value: float
    method: str


def coefficients(kind: Coefficient, x: Array, y: Array) -> Array:
    """Return the coefficient along the last axis; NaN where a side does not vary.

    Parameters
    ----------
    kind
        ``"kendall"`` is tau-b.
    x, y
        Shape (..., n), broadcast against each other.

    Notes
    -----
    Spearman's coefficient is Pearson's of mid-ranks, Kendall's tau-b Pearson's of the
    signs of all pair differences without centring.

    >>> rising = np.array([1.0, 2.0, 3.0, 5.0])
    >>> float(coefficients("kendall", rising, -rising))
    -1.0
    """
    first, second = _FEATURES[kind](x), _FEATURES[kind](y)
    product = (first * second).sum(-1)
    sizes = (first**2).sum(-1) * (second**2).sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = product / np.sqrt(sizes)
    return np.clip(np.where(sizes > 0, found, np.nan), -1.0, 1.0)


def standard_interval(
    kind: Coefficient, value: float, n: int, level: float
) -> tuple[float, float] | None:
    """Return the interval by Fisher's z, None where it is not defined.

    The variance of atanh(value) is 1/(n-3) for Pearson's coefficient (Fisher 1921),
    (1 + value^2/2)/(n-3) for Spearman's and .437/(n-4) for Kendall's (Bonett & Wright
    2000, doi:10.1007/BF02294183; Fieller, Hartley & Pearson 1957). Approximate: it
    assumes bivariate normal data.
    """
    from scipy.stats import norm

    least = 4 if kind == "kendall" else 3
    if n <= least or abs(value) >= 1:
        return None
    inflation = {"pearson": 1.0, "spearman": 1 + value**2 / 2, "kendall": 0.437}[kind]
    reach = norm.ppf((1 + level) / 2) * np.sqrt(inflation / (n - least))
    low, high = np.tanh(np.arctanh(value) + np.array([-reach, reach]))
    return float(low), float(high)


def bootstrap_interval(
    kind: Coefficient,
    x: Array,
    y: Array,
    level: float,
    draws: int,
    rng: np.random.Generator,
) -> tuple[float, float] | None:
    """Return the percentile interval over resampled pairs.

    Resamples in which a side does not vary have no coefficient and are left out; None
    where more than one in ten is such.
    """
    rows = rng.integers(0, len(x), size=(draws, len(x)))
    found = coefficients(kind, x[rows], y[rows])
    kept = found[np.isfinite(found)]
    if len(kept) < 0.9 * draws:
        return None
    low, high = np.quantile(kept, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def permutation_test(
    kind: Coefficient, x: Array, y: Array, draws: int, rng: np.random.Generator
) -> Permuted:
    """Test independence by exchanging the second side among the pairs, two-sided.

    Exact up to `EXACT` pairs; else p = (hits + 1) / (draws + 1). Ties with the observed
    coefficient count as hits.
    """
    observed = abs(float(coefficients(kind, x, y)))
    exact = len(x) <= EXACT
    shuffled = _every(y) if exact else rng.permuted(np.tile(y, (draws, 1)), axis=1)
    hits = int((abs(coefficients(kind, x, shuffled)) >= observed - TOLERANCE).sum())
    if exact:
        total = factorial(len(x))
        return Permuted(hits / total, f"all {total} permutations")
    return Permuted((hits + 1) / (draws + 1), f"{draws} sampled permutations")


def leave_one_out(kind: Coefficient, x: Array, y: Array) -> tuple[float, float] | None:
    """Return the range of the coefficient when each pair is left out in turn."""
    rows = np.array([np.delete(np.arange(len(x)), at) for at in range(len(x))])
    found = coefficients(kind, x[rows], y[rows])
    if not np.isfinite(found).all():
        return None
    return float(found.min()), float(found.max())


def _every(y: Array) -> Array:
    orders = np.array(list(permutations(range(len(y)))))
    shuffled: Array = y[orders]
    return shuffled


def _centred(x: Array) -> Array:
    found: Array = x - x.mean(-1, keepdims=True)
    # Rounding leaves specks where nothing varies; they are no variation.
    size = abs(x).max(-1, keepdims=True)
    specks = (abs(found) <= TOLERANCE * size).all(-1, keepdims=True)
    return np.where(specks, 0.0, found)


def _ranks(x: Array) -> Array:
    from scipy.stats import rankdata

    return _centred(np.asarray(rankdata(x, axis=-1), dtype=float))


def _signs(x: Array) -> Array:
    first, second = np.triu_indices(x.shape[-1], 1)
    signs: Array = np.sign(x[..., first] - x[..., second])
    return signs


_FEATURES: Final[Mapping[Coefficient, Callable[[Array], Array]]] = {
    "pearson": _centred,
    "spearman": _ranks,
    "kendall": _signs,
}
