"""How far annotators agree."""

from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array
from fairaudit.stats.units import chunks


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha, with the units and judgements it rests on."""

    value: float
    low: float
    high: float
    units: int
    judgements: int


def krippendorff(
    judgements: Array, draws: int, level: float, rng: np.random.Generator
) -> Alpha | None:
    r"""Compute Krippendorff's alpha for interval data.

    :math:`\alpha = 1 - D_o / D_e`, the squared difference of two judgements of one unit
    over that of two judgements of any units; units with one judgement do not count
    (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"). The interval is
    the percentile bootstrap over units.

    Parameters
    ----------
    judgements
        Shape (units, annotators), NaN where there is none.

    Returns
    -------
    Alpha
        None where fewer than two units have two judgements, or all are equal.

    Examples
    --------
    >>> table = np.array([[1.0, 1], [2, 2], [3, 3], [3, 4]])
    >>> found = krippendorff(table, 100, 0.95, np.random.default_rng(0))
    >>> round(found.value, 3), found.units
    (0.889, 4)
    """
    known = np.isfinite(judgements)
    paired = known.sum(axis=1) > 1
    table, known = judgements[paired], known[paired]
    if len(table) < 2:
        return None
    # From one value, so that large judgements lose no digits.
    values = np.where(known, table - np.nanmean(table), 0.0)
    size, total, square = known.sum(axis=1), values.sum(axis=1), (values**2).sum(axis=1)
    within = (size * square - total**2) / (size - 1)
    sums = np.column_stack([size, total, square, within])
    value = float(_alpha(sums.sum(axis=0)[None])[0])
    if np.isnan(value):
        return None
    found = _draws(sums, draws, rng)
    tail = (1 - level) / 2
    low, high = np.nanquantile(found, [tail, 1 - tail])
    return Alpha(value, float(low), float(high), len(table), int(size.sum()))


def _draws(sums: Array, draws: int, rng: np.random.Generator) -> Array:
    found = []
    share = np.full(len(sums), 1 / len(sums))
    for part in chunks(draws, len(sums)):
        weights = rng.multinomial(len(sums), share, size=part.stop - part.start)
        found.append(_alpha(weights @ sums))
    return np.concatenate(found)


def _alpha(sums: Array) -> Array:
    """Return alpha from sums over units; NaN where no judgements differ."""
    size, total, square, within = sums.T
    expected = (size * square - total**2) / (size - 1)
    found = np.full(len(sums), np.nan)
    varies = expected > 1e-12 * np.maximum(square, 1e-300)
    np.divide(within, expected, out=found, where=varies)
    return 1 - found
