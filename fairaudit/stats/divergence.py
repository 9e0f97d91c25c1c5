"""How far two samples of texts are apart: by their words and by their vectors."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array


@dataclass(frozen=True)
class Discrepancy:
    """Squared maximum mean discrepancy and its permutation p-value."""

    value: float
    p_value: float
    method: str


def jensen_shannon(first: Mapping[str, int], second: Mapping[str, int]) -> float:
    """Return the Jensen-Shannon divergence of two word counts, in bits: 0 to 1.

    >>> jensen_shannon({"a": 1, "b": 1}, {"a": 2, "b": 2})
    0.0
    >>> jensen_shannon({"a": 1, "b": 1}, {"c": 2})
    1.0
    """
    from scipy.spatial.distance import jensenshannon

    words = sorted(first.keys() | second.keys())
    counts = np.array([[found.get(w, 0) for w in words] for found in (first, second)])
    return float(np.round(jensenshannon(*counts, base=2) ** 2, 12))


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
    shuffled = _mmd(kernel, rng.permuted(np.tile(member, (draws, 1)), axis=1))
    hits = int((shuffled >= observed - 1e-12).sum())
    return Discrepancy(observed, (hits + 1) / (draws + 1), f"{draws} permutations")


def _mmd(kernel: Array, members: Array) -> Array:
    """Return the statistic for each row of memberships; the kernel's diagonal is 0."""
    others = 1 - members
    m, n = members.sum(1), others.sum(1)
    inside = (members @ kernel * members).sum(1) / (m * (m - 1))
    outside = (others @ kernel * others).sum(1) / (n * (n - 1))
    across = (members @ kernel * others).sum(1) / (m * n)
    found: Array = inside + outside - 2 * across
    return found
