"""Rows of truth values, told apart."""

import numpy as np

from fairaudit.arrays import BoolArray, IntArray


def patterns(bits: BoolArray) -> tuple[IntArray, IntArray]:
    """Return the number of each row's pattern, and one row of each pattern.

    Patterns are numbered in the order of their bits, so the order of the rows does not
    matter.

    Examples
    --------
    >>> code, first = patterns(np.array([[True], [False], [True]]))
    >>> code.tolist(), first.tolist()
    ([1, 0, 1], [1, 0])
    """
    from pandas import factorize

    packed = np.packbits(bits, axis=1)
    words = np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8))).view(">u8")
    code = np.zeros(len(bits), dtype=np.int64)
    for word in words.T:
        seen, known = factorize(word.astype(np.uint64), sort=True)
        code, _ = factorize(code * len(known) + seen, sort=True)
    return code, first_rows(code)


def first_rows(code: IntArray) -> IntArray:
    """Return the first row of each number; every number up to the largest occurs."""
    first = np.full(code.max(initial=-1) + 1, len(code))
    first[code[::-1]] = np.arange(len(code))[::-1]
    return first
