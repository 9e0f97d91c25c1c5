"""What single units add to a finding, so that two audits can be compared in pairs."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from fairaudit.arrays import AnyArray, Array, IntArray

MOST: Final = 1 << 14
"""Most units that are kept apart; a power of two."""
_REPEAT: Final = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class Units:
    """Contributions of single units (texts, pairs, templates) to a finding's value.

    Their mean is the value, to first order, and their standard deviation over the root
    of n its standard error. For a mean they are the values themselves; for any other
    quantity the value plus the influence of each unit, n times the derivative by its
    weight. So the mean of the differences between two audits of the same units is the
    change, with the standard error of a paired test.

    Parameters
    ----------
    keys
        Shape (n,): a number of each unit, the same in every audit of the same data.
    values
        Shape (n,).
    """

    keys: IntArray
    values: Array

    def __post_init__(self) -> None:
        if self.keys.shape != self.values.shape or self.keys.ndim != 1:
            raise ValueError("units: as many keys as values are needed")
        if not np.isfinite(self.values).all():
            raise ValueError("units: a contribution is not finite")


def units_of(
    keys: IntArray, values: Array, clusters: AnyArray | None = None
) -> Units | None:
    """Return the units of rows, or of clusters of rows that depend on one another.

    The contribution of a cluster is the value plus the influences of its rows, scaled
    to the number of clusters. More than `MOST` units are put at random into that many
    cells, which are then the units: the standard error stays the same in expectation,
    and what is kept is bounded. A cluster or cell is known by the sum of the keys of
    its rows, so that other rows give another key.

    Parameters
    ----------
    keys, values
        Shape (n,): as in `Units`, of rows.
    clusters
        Shape (n,): rows with equal numbers are one unit; None where all are apart.
    """
    values = np.asarray(values, dtype=np.float64)
    if clusters is not None and len(keys):
        code = np.unique(clusters, return_inverse=True)[1]
        keys, values = _folded(keys, values, code)
    if len(keys) > MOST:
        keys, values = _folded(keys, values, keys & (MOST - 1))
    return Units(keys, values) if len(keys) else None


def merged(keys: IntArray, code: IntArray) -> IntArray:
    """Return one key for the rows of each number from 0 on: the sum of theirs."""
    found = np.zeros(int(code.max(initial=-1)) + 1, dtype=np.uint64)
    np.add.at(found, code, keys.view(np.uint64))
    return found.view(np.int64)


def _folded(keys: IntArray, values: Array, code: IntArray) -> tuple[IntArray, Array]:
    value, kept = values.mean(), np.bincount(code) > 0
    sums = np.bincount(code, values - value)[kept]
    return merged(keys, code)[kept], value + sums * (len(sums) / len(values))


@lru_cache(maxsize=8)
def unit_keys(*columns: tuple[str, ...]) -> IntArray:
    """Return the key of each row: a digest of its texts.

    Rows with the same texts are told apart by how many came before.

    Examples
    --------
    >>> first = unit_keys(("a", "b", "a"))
    >>> len(set(first.tolist())), first[:2].tolist() == unit_keys(("a", "b")).tolist()
    (3, True)
    """
    rows = (
        "\0".join(row).encode("utf-8", "surrogatepass")
        for row in zip(*columns, strict=True)
    )
    digests = b"".join(hashlib.blake2b(row, digest_size=8).digest() for row in rows)
    found = np.frombuffer(digests, dtype="<u8").astype(np.uint64)
    order = np.argsort(found, kind="stable")
    ranked = found[order]
    place = np.arange(len(ranked))
    new = np.r_[True, ranked[1:] != ranked[:-1]][: len(ranked)]
    before = place - np.maximum.accumulate(np.where(new, place, 0))
    found[order] += before.astype(np.uint64) * _REPEAT
    found.setflags(write=False)
    return found.view(np.int64)
