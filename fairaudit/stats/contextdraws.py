"""Draws of one context a word, and the effect sizes of each draw."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from fairaudit.arrays import AnyArray, Array, IntArray
from fairaudit.stats.association import Sizes, effect_size
from fairaudit.stats.contextscores import COSINE_BUDGET, ContextScores
from fairaudit.stats.wordbootstrap import resample, weighted_effect_size

Sampling: TypeAlias = Literal["with", "paper"]

_DRAWS_AT_ONCE = 10_000
_TABLE_PAYS = 16  # products cost about this much less than copying a vector


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
class Picker:
    """Picks contexts of words by chance.

    Parameters
    ----------
    counts
        Shape (words,): contexts of each word, stored one word after the other.
    sets
        Number of words of each set, in order.
    targets
        Number of target words; the others are numbered from 0 again.
    """

    counts: IntArray
    sets: tuple[int, ...]
    targets: int

    @property
    def starts(self) -> IntArray:
        """First context of each word among the targets, or among the attributes."""
        starts = np.cumsum(self.counts) - self.counts
        starts[self.targets :] -= starts[self.targets]
        return starts

    def draws(
        self, draws: int, rng: np.random.Generator, sampling: Sampling
    ) -> Iterator[tuple[slice, IntArray]]:
        """Yield parts of the draws, and a context of each word in each of them.

        Contexts are drawn with replacement; under ``"paper"`` without, where a word has
        at least as many contexts as there are draws.
        """
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

    def resampled(self, replicates: int, rng: np.random.Generator) -> Array:
        """Return how often each word is drawn from its set: (replicates, words)."""
        return np.hstack([resample(size, replicates, rng) for size in self.sets])


@dataclass(frozen=True)
class Contrast:
    """Which attributes a score sums, each with its weight."""

    columns: slice
    weights: Array


@dataclass(frozen=True)
class WordContexts:
    """Contexts of target words, and contrasts of attribute words to score them by.

    Parameters
    ----------
    table
        Association scores of chosen contexts.
    picker
        Knows the contexts of each word.
    first
        Number of words of the first of the two sets of targets.
    contrasts
        Each gives effect sizes of its own, on the same draws of the targets.
    """

    table: ContextScores
    picker: Picker
    first: int
    contrasts: tuple[Contrast, ...]

    @classmethod
    def of(
        cls, vectors: AnyArray, rows: Sequence[IntArray], sizes: Sizes, draws: int
    ) -> "WordContexts":
        """Collect the words of X, Y, A and B: the one contrast is A less B.

        `rows` holds row numbers by word. `draws` says how many draws will be asked for:
        a table of cosines pays only for many.
        """
        x, y, a, b = sizes
        weights = np.repeat([1 / a, -1 / b], [a, b])
        picker = Picker(_counts(rows), sizes, x + y)
        table = _table(vectors, rows, picker, draws, contrast=True)
        return cls(table, picker, x, (Contrast(slice(0, a + b), weights),))

    @classmethod
    def of_groups(
        cls,
        vectors: AnyArray,
        rows: Sequence[IntArray],
        poles: tuple[int, int],
        groups: tuple[int, ...],
        draws: int,
    ) -> "WordContexts":
        """Collect the words of two poles, which are the targets here, and of groups.

        The contrast of a group is the mean over its words.
        """
        picker = Picker(_counts(rows), (*poles, *groups), sum(poles))
        table = _table(vectors, rows, picker, draws, contrast=False)
        ends = np.cumsum(groups).tolist()
        contrasts = tuple(
            Contrast(slice(end - size, end), np.full(size, 1 / size))
            for size, end in zip(groups, ends, strict=True)
        )
        return cls(table, picker, poles[0], contrasts)

    def draw(
        self, draws: int, rng: np.random.Generator, sampling: Sampling = "with"
    ) -> tuple[Draws, ...]:
        """Compute effect sizes of draws of one context of each word, by contrast."""
        found = [
            Draws(np.empty(draws), np.empty(draws), np.zeros(self.picker.targets))
            for _ in self.contrasts
        ]
        for part, picks in self.picker.draws(draws, rng, sampling):
            for one, scores in zip(found, self._scores(picks), strict=True):
                effects, variances = effect_size(scores, self.first)
                one.effects[part], one.variances[part] = effects, variances
                standard = scores / np.sqrt(variances)[:, None]
                one.word_scores[:] += standard.sum(axis=0) / draws
        return tuple(found)

    def replicates(
        self, replicates: int, draws: int, rng: np.random.Generator
    ) -> tuple[tuple[Array, Array], ...]:
        """Compute effect sizes and variances of bootstrap replicates, by contrast.

        Each replicate draws words anew within each set, with replacement, and then
        contexts anew within words (a word that it has twice comes with one context):
        both results have shape (replicates, draws).
        """
        times = np.repeat(self.picker.resampled(replicates, rng), draws, axis=0)
        found = [np.empty((2, replicates * draws)) for _ in self.contrasts]
        for part, picks in self.picker.draws(replicates * draws, rng, "with"):
            often, others = np.split(times[part], [self.picker.targets], axis=1)
            for one, scores in zip(found, self._scores(picks, others), strict=True):
                one[:, part] = weighted_effect_size(scores, often, self.first)
        shape = (replicates, draws)
        return tuple((e.reshape(shape), v.reshape(shape)) for e, v in found)

    def _scores(self, picks: IntArray, often: Array | None = None) -> Iterator[Array]:
        """Yield the scores by contrast; `often` has how often an attribute counts."""
        targets, others = np.split(picks, [self.picker.targets], axis=1)
        for one in self.contrasts:
            columns, weights = one.columns, one.weights
            if often is not None:
                weights = weights * often[:, columns]
            yield self.table.scores(targets, others[:, columns], weights)


def _counts(rows: Sequence[IntArray]) -> IntArray:
    return np.array([len(found) for found in rows], dtype=np.int64)


def _table(
    vectors: AnyArray,
    rows: Sequence[IntArray],
    picker: Picker,
    draws: int,
    *,
    contrast: bool,
) -> ContextScores:
    left = vectors[np.concatenate(rows[: picker.targets])]
    right = vectors[np.concatenate(rows[picker.targets :])]
    pays = len(left) * len(right) <= _TABLE_PAYS * draws * len(rows)
    budget = COSINE_BUDGET if pays else 0
    return ContextScores.of(left, right, budget, contrast=contrast)
