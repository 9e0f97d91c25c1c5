"""Correct p-values for the number of tests of an audit."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

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
    from statsmodels.stats.multitest import multipletests

    names = {"holm": "holm", "bh": "fdr_bh"}
    if method not in names:
        raise ValueError(f"unknown correction {method!r}; known: holm, bh")
    known = np.array([p for p in p_values if p is not None], dtype=float)
    if not ((known >= 0) & (known <= 1)).all():
        raise ValueError("p-values lie between 0 and 1")
    if not known.size:
        return [None] * len(p_values)
    adjusted = iter(multipletests(known, method=names[method])[1].tolist())
    return [None if p is None else next(adjusted) for p in p_values]
