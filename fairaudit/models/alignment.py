"""Which tokens of one tokenisation stand for which tokens of another."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from fairaudit.arrays import Array, BoolArray
from fairaudit.models.encoded import Encoded


def shares(mine: Encoded, other: Encoded) -> Array:
    """Return how a weight on each of the other's tokens spreads over mine.

    A token's weight goes to the tokens that stand for the same characters, in
    proportion to the number of characters in common. A token that has no character in
    common with any loses its weight.

    Returns
    -------
    Array
        Shape (b, t, u): column u sums to 1, or to 0 where nothing is in common.
    """
    begins = np.maximum(mine.offsets[:, :, None, 0], other.offsets[:, None, :, 0])
    ends = np.minimum(mine.offsets[:, :, None, 1], other.offsets[:, None, :, 1])
    both = mine.text[:, :, None] & other.text[:, None, :]
    common = np.where(both, np.maximum(ends - begins, 0), 0).astype(np.float64)
    total = common.sum(axis=1, keepdims=True)
    spread: Array = common / np.where(total > 0, total, 1)
    return spread


@dataclass(frozen=True)
class Moves:
    """Where each token of a text goes in another text.

    Parameters
    ----------
    targets
        Shape (b, t, u): share of each token of the other text; a row sums to 1, or to 0
        where the token stays.
    aligned
        Shape (b,): all differences are tokens in the place of as many others.
    """

    targets: Array
    aligned: BoolArray

    @property
    def moved(self) -> BoolArray:
        """Shape (b, t): tokens that do not stay."""
        found: BoolArray = (self.targets != 0).any(axis=2)
        return found


def replacements(
    texts: Sequence[Sequence[int]], others: Sequence[Sequence[int]]
) -> Moves:
    """Find the tokens in which texts differ; `fairaudit.model.Directional` says how.

    Parameters
    ----------
    texts, others
        Token ids of each text.

    Examples
    --------
    >>> found = replacements([[1, 5, 9]], [[1, 7, 9]])
    >>> found.moved.tolist(), found.aligned.tolist()
    ([[False, True, False]], [True])
    """
    shape = (len(texts), max(map(len, texts)), max(map(len, others)))
    targets, aligned = np.zeros(shape), np.ones(len(texts), dtype=bool)
    for row, (text, other) in enumerate(zip(texts, others, strict=True)):
        matcher = SequenceMatcher(None, text, other, autojunk=False)
        for kind, a, b, c, d in matcher.get_opcodes():
            if kind == "replace" and b - a == d - c:
                targets[row, np.arange(a, b), np.arange(c, d)] = 1
            elif kind == "replace":
                targets[row, a:b, c:d] = 1 / (d - c)
            aligned[row] &= kind == "equal" or (kind == "replace" and b - a == d - c)
    return Moves(targets, aligned)
