"""Divide rows into two parts so that rows that hang together stay together."""

from collections.abc import Hashable, Sequence

import numpy as np

from fairaudit.arrays import BoolArray, IntArray


def blocks(*keys: Sequence[Hashable]) -> IntArray:
    """Give numbers to blocks of rows that share a value of any key, or hang together.

    Rows 0 and 1 with equal texts and rows 1 and 2 of one author are one block. Blocks
    are the connected components of the graph that has an edge from each row to each of
    its values; they are numbered in the order in which they appear.

    Examples
    --------
    >>> blocks(["a", "a", "b", "c"], [1, 2, 2, 3]).tolist()
    [0, 0, 0, 1]
    """
    codes = [_codes(key) for key in keys]
    if len(codes) == 1:
        return codes[0]
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows = np.arange(len(codes[0]))
    starts = len(rows) + np.cumsum([0, *(len(rows) for _ in codes[1:])])
    values = np.concatenate([c + at for c, at in zip(codes, starts, strict=True)])
    size = len(rows) * (len(codes) + 1)
    edges = (np.ones(len(values), np.int8), (np.tile(rows, len(codes)), values))
    _, found = connected_components(coo_array(edges, (size, size)), directed=False)
    return _codes(found[: len(rows)].tolist())


def divide(
    block: IntArray, strata: IntArray, share: float, rng: np.random.Generator
) -> BoolArray:
    """Choose whole blocks until each stratum has its share of rows.

    A block belongs to the stratum of most of its rows. Blocks are taken in random order
    as long as they fit, those above the whole share last and smallest first; each
    stratum gives one block at least. With blocks of one row, a stratum of m rows gives
    the ceiling of ``share * m``.

    Parameters
    ----------
    block
        Number of each row's block, from 0 without gaps.
    strata
        Stratum of each row, such as its class; from 0.
    share
        Between 0 and 1.

    Returns
    -------
    Shape (rows,): whether the row is chosen.
    """
    sizes = np.bincount(block)
    home = _home(block, strata)
    order = rng.permutation(len(sizes))
    chosen = np.zeros(len(sizes), dtype=bool)
    for stratum in np.unique(home):
        mine = order[home[order] == stratum]
        chosen[mine] = _fitting(sizes, mine, share)
    return chosen[block]


def _fitting(sizes: IntArray, mine: IntArray, share: float) -> BoolArray:
    quota = share * sizes[mine].sum()
    late = np.where(sizes[mine] > quota, sizes[mine], 0)
    order = np.argsort(late, kind="stable")
    ends = np.cumsum(sizes[mine][order])
    fits = ends <= np.ceil(quota - 1e-9)
    fits[0] = True
    chosen = np.zeros(len(mine), dtype=bool)
    chosen[order] = fits
    return chosen


def _home(block: IntArray, strata: IntArray) -> IntArray:
    """Return the most frequent stratum of each block, the lowest among equals."""
    shape = (int(block.max()) + 1, int(strata.max()) + 1)
    counts = np.zeros(shape, dtype=np.int32)
    np.add.at(counts, (block, strata), 1)
    home: IntArray = counts.argmax(axis=1)
    return home


def _codes(values: Sequence[Hashable]) -> IntArray:
    """Give numbers to distinct values in the order in which they appear."""
    number: dict[Hashable, int] = {}
    codes = [number.setdefault(value, len(number)) for value in values]
    return np.array(codes, dtype=np.int64)
