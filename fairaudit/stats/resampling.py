"""How often each row is drawn in a bootstrap, clusters drawn whole."""

from collections.abc import Iterator

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.stats.units import chunks


def row_weights(
    rows: int, clusters: IntArray | None, draws: int, rng: np.random.Generator
) -> Iterator[Array]:
    """Yield the weights of rows in bootstrap draws, shape (some draws, rows) each.

    A draw takes as many units as there are, with replacement: rows, or the clusters of
    rows that depend on one another, each with all of its rows.
    """
    if clusters is None:
        units, number = rows, np.arange(rows)
    else:
        found, number = np.unique(clusters, return_inverse=True)
        units = len(found)
    for part in chunks(draws, max(rows, units)):
        size = part.stop - part.start
        drawn = rng.integers(units, size=(size, units))
        flat = (drawn + units * np.arange(size)[:, None]).ravel()
        counts = np.bincount(flat, minlength=size * units).reshape(size, units)
        yield counts[:, number].astype(float)
