"""Correct p-values for the number of tests of an audit."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from fairaudit.arrays import Array

Method = Literal["holm", "bh"]


def adjust(p_values: Sequence[float | None], method: Method) -> list[float | None]:
    """Adjust p-values for multiple testing; None stays None and is not counted.

    ``"holm"`` bounds the family-wise error: with m tests the i-th smallest p becomes
    max over j <= i of (m - j + 1) p_j (Holm 1979). ``"bh"`` bounds the false discovery
    rate: min over j >= i of m p_j / j (Benjamini and Hochberg 1995). Both stop at 1.

    Raises
    ------
    ValueError
        For another method, or a p-value outside [0, 1].

    Examples
    --------
    >>> adjust([0.25, None, 0.5], "holm")
    [0.5, None, 0.5]
    """
    if method not in ("holm", "bh"):
        raise ValueError(f"unknown correction {method!r}; known: holm, bh")
    known = np.array([p for p in p_values if p is not None], dtype=float)
    if not ((known >= 0) & (known <= 1)).all():
        raise ValueError("p-values lie between 0 and 1")
    if not known.size:
        return [None] * len(p_values)
    adjusted = iter((_holm if method == "holm" else _bh)(known).tolist())
    return [None if p is None else next(adjusted) for p in p_values]


def _holm(p_values: Array) -> Array:
    # Not statsmodels' multipletests: it collects garbage, .1 s and more, at each call.
    order = np.argsort(p_values, kind="stable")
    steps = np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.maximum.accumulate(steps * p_values[order])
    return np.minimum(adjusted, 1.0)


def _bh(p_values: Array) -> Array:
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(p_values), dtype=float)
