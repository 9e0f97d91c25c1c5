"""Association scores of chosen contexts of words."""

from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import AnyArray, Array, IntArray
from fairaudit.stats.association import unit

COSINE_BUDGET = 256 * 2**20
_GATHER_BUDGET = 8 * 2**20
_BLOCK = 4096


@dataclass(frozen=True)
class ContextScores:
    """Association scores of chosen contexts, each a weighted sum of cosines.

    Parameters
    ----------
    targets, attributes
        Contexts as unit vectors, shape (contexts, dim), less a constant vector that
        leaves no large common part for single precision to lose digits on. What that
        takes from a score is the same for all targets of a draw: the attributes are
        moved only where their weights sum to 0.
    cosines
        Their products, where they fit the memory budget.
    """

    targets: AnyArray
    attributes: AnyArray
    cosines: AnyArray | None

    @classmethod
    def of(
        cls,
        targets: AnyArray,
        attributes: AnyArray,
        budget: int = COSINE_BUDGET,
        *,
        contrast: bool = True,
    ) -> "ContextScores":
        """Prepare the contexts.

        Parameters
        ----------
        targets, attributes
            Vectors of any length, shape (contexts, dim).
        budget
            Bounds the table of cosines, in bytes.
        contrast
            Whether the weights of attributes will sum to 0.
        """
        left, right = _units(targets, moved=True), _units(attributes, moved=contrast)
        size = len(left) * len(right) * left.itemsize
        return cls(left, right, left @ right.T if size <= budget else None)

    def scores(self, targets: IntArray, attributes: IntArray, weights: Array) -> Array:
        """Return the sums of cosines up to a constant a draw, shape (draws, targets).

        Parameters
        ----------
        targets, attributes
            Shapes (draws, targets) and (draws, attributes): context numbers.
        weights
            Weight of each attribute, shape (attributes,) or (draws, attributes).
        """
        kept = np.broadcast_to(weights.astype(self.targets.dtype), attributes.shape)
        scores = np.empty(targets.shape)
        step = self._draws_at_once(targets.shape[1], attributes.shape[1])
        for start in range(0, len(targets), step):
            part = slice(start, start + step)
            scores[part] = self._block(targets[part], attributes[part], kept[part])
        return scores

    def _draws_at_once(self, targets: int, attributes: int) -> int:
        direct = (targets + attributes) * self.targets.shape[1]
        cells = direct if self.cosines is None else attributes
        return max(1, _GATHER_BUDGET // (cells * self.targets.itemsize))

    def _block(
        self, targets: IntArray, attributes: IntArray, weights: AnyArray
    ) -> AnyArray:
        if self.cosines is not None:
            return _gather(self.cosines, targets, attributes, weights)
        directions = np.einsum("dak,da->dk", self.attributes[attributes], weights)
        products: AnyArray = self.targets[targets] @ directions[..., None]
        return products[..., 0]


def _gather(
    table: AnyArray, rows: IntArray, columns: IntArray, weights: AnyArray
) -> AnyArray:
    """Sum cells target by target: their contexts are neighbours in the table."""
    flat, across = table.ravel(), np.ascontiguousarray(columns.T)
    shares = np.ascontiguousarray(weights.T)
    scores = np.empty(rows.shape, dtype=table.dtype)
    for target, row in enumerate(np.ascontiguousarray(rows.T) * table.shape[1]):
        cells = flat.take(row + across)
        scores[:, target] = np.einsum("ad,ad->d", shares, cells)
    return scores


def _units(vectors: AnyArray, *, moved: bool) -> AnyArray:
    centre = unit(vectors[:_BLOCK]).mean(axis=0) if moved else 0.0
    kept = np.float64 if vectors.dtype == np.float64 else np.float32
    units = np.empty(vectors.shape, dtype=kept)
    for start in range(0, len(vectors), _BLOCK):
        part = slice(start, start + _BLOCK)
        units[part] = unit(vectors[part]) - centre
    return units
