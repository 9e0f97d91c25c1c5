"""How far two samples of texts are apart: by their words and by their vectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fairaudit.arrays import Array, IntArray

_AT_ONCE: Final = 256
"""Permutations that are in memory together."""


@dataclass(frozen=True)
class Discrepancy:
    """Squared maximum mean discrepancy and its permutation p-value."""

    value: float
    p_value: float
    method: str


@dataclass(frozen=True)
class Divergence:
    """Divergence of two vocabularies, and its mean where texts are dealt at random."""

    value: float
    chance: float


def vocabulary_divergence(
    first: Sequence[Sequence[str]],
    second: Sequence[Sequence[str]],
    draws: int,
    rng: np.random.Generator,
) -> Divergence:
    """Compare the words of two samples of texts with `jensen_shannon`.

    The divergence of two finite samples of one vocabulary lies above 0, the more so the
    smaller they are. `Divergence.chance` says how far: its mean where the texts of both
    are dealt to two sides of the same sizes at random.

    Parameters
    ----------
    first, second
        The words of each text; each side has a word.
    draws
        How often the texts are dealt.
    """
    from scipy.sparse import csr_array

    texts = [*first, *second]
    numbers: dict[str, int] = {}
    words = [numbers.setdefault(word, len(numbers)) for text in texts for word in text]
    ends = np.cumsum([0, *map(len, texts)])
    table = csr_array(
        (np.ones(len(words)), words, ends), shape=(len(texts), len(numbers))
    )
    dealt = np.tile(np.arange(len(texts)) < len(first), (draws + 1, 1))
    rng.permuted(dealt[1:], axis=1, out=dealt[1:])
    ones = dealt.astype(float) @ table
    found = _divergences(ones, np.asarray(table.sum(axis=0)) - ones)
    return Divergence(float(found[0]), float(np.mean(found[1:])))


def _divergences(first: Array, second: Array) -> Array:
    """Return the divergence in bits of each row of counts; 0 where a side has none."""
    from scipy.spatial.distance import jensenshannon

    empty = (first.sum(1) == 0) | (second.sum(1) == 0)
    found = np.zeros(len(first))
    kept = ~empty
    found[kept] = jensenshannon(first[kept], second[kept], base=2, axis=1) ** 2
    return np.round(found, 12)


def jensen_shannon(first: Mapping[str, int], second: Mapping[str, int]) -> float:
    """Return the Jensen-Shannon divergence of two word counts, in bits: 0 to 1.

    >>> jensen_shannon({"a": 1, "b": 1}, {"a": 2, "b": 2})
    0.0
    >>> jensen_shannon({"a": 1, "b": 1}, {"c": 2})
    1.0
    """
    words = sorted(first.keys() | second.keys())
    counts = np.array([[found.get(w, 0) for w in words] for found in (first, second)])
    return float(_divergences(*counts[:, None].astype(float))[0])


def discrepancy(
    first: Array, second: Array, draws: int, rng: np.random.Generator
) -> Discrepancy:
    """Test whether two samples of vectors have one distribution.

    The unbiased squared maximum mean discrepancy with a Gaussian kernel whose width is
    the median distance of the pooled sample (Gretton et al. 2012, JMLR 13, equation 3);
    p by exchanging the labels, (hits + 1) / (draws + 1).

    Parameters
    ----------
    first, second
        Shapes (m, dim) and (n, dim), at least two rows each.
    """
    from scipy.spatial.distance import pdist, squareform

    pooled = np.concatenate([first, second])
    distances = pdist(pooled, "sqeuclidean")
    kernel = squareform(np.exp(-distances / (np.median(distances) or 1.0)))
    member = np.repeat([1.0, 0.0], [len(first), len(second)])
    observed = float(_mmd(kernel, member[None])[0])
    hits = 0
    for size in _portions(draws):
        shuffled = rng.permuted(np.tile(member, (size, 1)), axis=1)
        hits += int((_mmd(kernel, shuffled) >= observed - 1e-12).sum())
    return Discrepancy(observed, (hits + 1) / (draws + 1), f"{draws} permutations")


def _portions(draws: int) -> IntArray:
    """Divide draws into portions that fit the memory."""
    begins = np.arange(0, draws, _AT_ONCE)
    return np.diff(begins, append=draws)


def _mmd(kernel: Array, members: Array) -> Array:
    """Return the statistic for each row of memberships; the kernel's diagonal is 0.

    With sums over the kernel, inside + across is the sum of the members' rows, so that
    one product with the kernel is enough.
    """
    m = members.sum(1)
    n = members.shape[1] - m
    rows = kernel.sum(1)
    inside = np.einsum("ij,ij->i", members @ kernel, members)
    across = members @ rows - inside
    outside = rows.sum() - inside - 2 * across
    found: Array = (
        inside / (m * (m - 1)) + outside / (n * (n - 1)) - 2 * across / (m * n)
    )
    return found
