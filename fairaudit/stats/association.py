"""Arithmetic of word and contextual embedding association tests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from fairaudit.arrays import AnyArray, Array, IntArray

Sampling: TypeAlias = Literal["with", "paper"]
Sizes: TypeAlias = tuple[int, int, int, int]

COSINE_BUDGET = 256 * 2**20
_GATHER_BUDGET = 8 * 2**20
_BLOCK = 4096
_DRAWS_AT_ONCE = 10_000
_TABLE_PAYS = 16  # products cost about this much less than copying a vector


def unit(vectors: AnyArray) -> Array:
    """Scale each vector to length 1, in double precision.

    Raises
    ------
    ValueError
        Where a vector is zero or not finite: it has no direction.

    Examples
    --------
    >>> unit(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]])
    """
    wide = np.asarray(vectors, dtype=np.float64)
    norms = np.sqrt(np.einsum("...d,...d->...", wide, wide))
    if not (np.isfinite(norms) & (norms > 0)).all():
        raise ValueError("a vector is zero or not finite, so it has no direction")
    scaled: Array = wide / norms[..., None]
    return scaled


def association(words: AnyArray, a: AnyArray, b: AnyArray) -> Array:
    """Return how much nearer each word is to the attributes A than to B.

    s(w, A, B) = mean over A of cos(w, a) - mean over B of cos(w, b), Caliskan, Bryson &
    Narayanan 2017 (doi:10.1126/science.aal4230), which equals the product of the unit
    vector of w and the difference of the mean unit vectors.
    """
    scores: Array = unit(words) @ (unit(a).mean(axis=0) - unit(b).mean(axis=0))
    return scores


def effect_size(scores: Array, first: int) -> tuple[Array, Array]:
    """Return the effect size of each row of scores and the variance it carries.

    d = (mean of the first group - mean of the second) / std over both, with the sample
    standard deviation (ddof=1), and V = std squared: Guo & Caliskan 2021, supplement
    8.1 and 8.2. V is the variance of the association scores, not the sampling variance
    of d. Both are NaN where all scores of a row are equal.

    Parameters
    ----------
    scores
        Shape (..., n): the `first` targets X, then the targets Y.
    first
        Number of targets X.

    Examples
    --------
    >>> d, variance = effect_size(np.array([1.0, 2.0, -1.0, -2.0]), 2)
    >>> round(float(d), 4), round(float(variance), 4)
    (1.6432, 3.3333)
    """
    spread = scores.std(axis=-1, ddof=1)
    spread = np.where(spread > _negligible(scores), spread, np.nan)
    gap = scores[..., :first].mean(axis=-1) - scores[..., first:].mean(axis=-1)
    return gap / spread, spread**2


def _negligible(scores: Array) -> Array:
    largest: Array = np.abs(scores).max(axis=-1)
    return 1e-12 * np.maximum(largest, 1.0)


@dataclass(frozen=True)
class ContextScores:
    """Association scores of chosen contexts of the stimuli of one test.

    Targets and attributes are unit vectors less one constant vector each. That changes
    every score of a draw by the same amount, so no effect size, but leaves no large
    common part for single precision to lose digits on.

    Parameters
    ----------
    targets, attributes
        Contexts of X then Y, and of A then B: shape (contexts, dim).
    cosines
        Their products, where they fit the memory budget.
    """

    targets: AnyArray
    attributes: AnyArray
    cosines: AnyArray | None

    @classmethod
    def of(
        cls, targets: AnyArray, attributes: AnyArray, budget: int = COSINE_BUDGET
    ) -> "ContextScores":
        """Prepare the contexts; `budget` bounds the table of cosines, in bytes."""
        left, right = _centred_units(targets), _centred_units(attributes)
        size = len(left) * len(right) * left.itemsize
        return cls(left, right, left @ right.T if size <= budget else None)

    def scores(self, targets: IntArray, attributes: IntArray, n_a: int) -> Array:
        """Return s(w, A, B) up to a constant a draw, shape (draws, targets).

        Parameters
        ----------
        targets, attributes
            Shapes (draws, targets) and (draws, attributes): context numbers; each
            draw's first `n_a` attributes are those of A.
        n_a
            Number of attributes A.
        """
        weights = _weights(attributes.shape[1], n_a, self.targets.dtype)
        scores = np.empty(targets.shape)
        step = self._draws_at_once(targets.shape[1], attributes.shape[1])
        for start in range(0, len(targets), step):
            part = slice(start, start + step)
            scores[part] = self._block(targets[part], attributes[part], weights)
        return scores

    def _draws_at_once(self, targets: int, attributes: int) -> int:
        width = self.targets.shape[1]
        direct = (targets + attributes) * width
        cells = direct if self.cosines is None else targets * attributes
        return max(1, _GATHER_BUDGET // (cells * self.targets.itemsize))

    def _block(
        self, targets: IntArray, attributes: IntArray, weights: AnyArray
    ) -> AnyArray:
        if self.cosines is not None:
            near: AnyArray = _gather(self.cosines, targets, attributes) @ weights
            return near
        directions = np.einsum("dak,a->dk", self.attributes[attributes], weights)
        products: AnyArray = self.targets[targets] @ directions[..., None]
        return products[..., 0]


def _gather(table: AnyArray, rows: IntArray, columns: IntArray) -> AnyArray:
    cells = rows[:, :, None] * table.shape[1] + columns[:, None, :]
    found: AnyArray = table.ravel().take(cells)
    return found


def _weights(attributes: int, n_a: int, dtype: np.dtype[np.generic]) -> AnyArray:
    weights = np.full(attributes, -1.0 / (attributes - n_a))
    weights[:n_a] = 1.0 / n_a
    return weights.astype(dtype)


def _centred_units(vectors: AnyArray) -> AnyArray:
    centre = unit(vectors[:_BLOCK]).mean(axis=0)
    kept = np.float64 if vectors.dtype == np.float64 else np.float32
    units = np.empty(vectors.shape, dtype=kept)
    for start in range(0, len(vectors), _BLOCK):
        part = slice(start, start + _BLOCK)
        units[part] = unit(vectors[part]) - centre
    return units


@dataclass(frozen=True)
class Draws:
    """Effect sizes of many draws.

    Parameters
    ----------
    effects, variances
        Shape (draws,): as `effect_size` defines them.
    word_scores
        Shape (targets,): mean over draws of a target's association score in standard
        deviations of its draw, up to one constant for all targets. The difference
        between its means over X and over Y is the mean of `effects`.
    """

    effects: Array
    variances: Array
    word_scores: Array


@dataclass(frozen=True)
class WordContexts:
    """Contexts of the words of one test, in the order X, Y, A, B.

    Parameters
    ----------
    table
        Association scores of chosen contexts.
    sizes
        Number of words of X, Y, A and B.
    counts
        Shape (words,): contexts of each word, stored one word after the other.
    """

    table: ContextScores
    sizes: Sizes
    counts: IntArray

    @classmethod
    def of(
        cls,
        vectors: AnyArray,
        rows: Sequence[IntArray],
        sizes: Sizes,
        draws: int,
    ) -> "WordContexts":
        """Collect the vectors of each word.

        `rows` holds row numbers by word. `draws` says how many draws will be asked for:
        a table of cosines pays only for many.
        """
        targets = sizes[0] + sizes[1]
        left = vectors[np.concatenate(rows[:targets])]
        right = vectors[np.concatenate(rows[targets:])]
        counts = np.array([len(found) for found in rows], dtype=np.int64)
        pays = len(left) * len(right) <= _TABLE_PAYS * draws * len(rows)
        table = ContextScores.of(left, right, COSINE_BUDGET if pays else 0)
        return cls(table, sizes, counts)

    @property
    def starts(self) -> IntArray:
        """First context of each word among the targets, or among the attributes."""
        targets = self.sizes[0] + self.sizes[1]
        starts = np.cumsum(self.counts) - self.counts
        starts[targets:] -= starts[targets]
        return starts

    def draw(
        self, draws: int, rng: np.random.Generator, sampling: Sampling = "with"
    ) -> Draws:
        """Compute effect sizes of draws of one context of each word.

        Contexts are drawn with replacement; under ``"paper"`` without, where a word has
        at least as many contexts as there are draws.
        """
        targets = self.sizes[0] + self.sizes[1]
        effects, variances = np.empty(draws), np.empty(draws)
        sums = np.zeros(targets)
        for part, picks in self._picks(draws, rng, sampling):
            scores = self._scores(picks)
            effects[part], variances[part] = effect_size(scores, self.sizes[0])
            sums += (scores / np.sqrt(variances[part])[:, None]).sum(axis=0)
        return Draws(effects, variances, sums / draws)

    def replicates(
        self, replicates: int, draws: int, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """Compute effect sizes and variances of bootstrap replicates.

        Each replicate draws words anew within each set, with replacement, and then
        contexts anew within words: both results have shape (replicates, draws).
        """
        low = np.cumsum(self.sizes) - self.sizes
        words = rng.integers(
            np.repeat(low, self.sizes),
            np.repeat(low + self.sizes, self.sizes),
            size=(replicates, sum(self.sizes)),
        )
        words = np.repeat(words, draws, axis=0)
        picks = self.starts[words] + rng.integers(0, self.counts[words])
        effects, variances = effect_size(self._scores(picks), self.sizes[0])
        shape = (replicates, draws)
        return effects.reshape(shape), variances.reshape(shape)

    def _scores(self, picks: IntArray) -> Array:
        cut = self.sizes[0] + self.sizes[1]
        return self.table.scores(picks[:, :cut], picks[:, cut:], self.sizes[2])

    def _picks(
        self, draws: int, rng: np.random.Generator, sampling: Sampling
    ) -> Iterator[tuple[slice, IntArray]]:
        ample = (self.counts >= draws) & (sampling == "paper")
        orders = {
            word: rng.permutation(self.counts[word]) for word in ample.nonzero()[0]
        }
        for start in range(0, draws, _DRAWS_AT_ONCE):
            part = slice(start, min(start + _DRAWS_AT_ONCE, draws))
            shape = (part.stop - start, len(self.counts))
            picks = rng.integers(0, self.counts, size=shape)
            for word, order in orders.items():
                picks[:, word] = order[part]
            yield part, self.starts + picks
