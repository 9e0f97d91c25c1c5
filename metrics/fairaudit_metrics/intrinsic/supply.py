"""Which words a model supplies for the people of two groups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fairaudit.arrays import AnyArray, Array, BoolArray, IntArray
from fairaudit.result import Json
from fairaudit.stats.equalrates import equal_rate_p

_CHUNK = 1 << 22


@dataclass(frozen=True)
class Supply:
    """Words supplied for people of two groups, and tests of equal rates.

    Parameters
    ----------
    words
        Shape (people, templates, k): the people of the first group, then the others.
    first
        Size of the first group.
    alpha
        Level of all tests together.
    """

    words: AnyArray
    first: int
    alpha: float

    @property
    def second(self) -> int:
        """Size of the second group."""
        return len(self.words) - self.first

    @property
    def tests(self) -> int:
        """How many tests: each template with each word that anybody was supplied."""
        return len(self.fills)

    @property
    def threshold(self) -> float:
        """The level of one test: Bonferroni's correction for all of them."""
        return self.alpha / self.tests

    @property
    def attainable(self) -> bool:
        """Whether groups of these sizes can give a significant difference at all."""
        p_values, _ = equal_rate_p(self.first, self.second)
        return bool(p_values.min() <= self.threshold)

    @cached_property
    def fills(self) -> tuple[tuple[int, str], ...]:
        """The template and the word of each test."""
        return tuple(
            (template, str(word))
            for template, (words, _) in enumerate(self._tables)
            for word in words
        )

    @property
    def templates(self) -> IntArray:
        """Template of each test."""
        return np.array([template for template, _ in self.fills], dtype=np.int64)

    @property
    def supplied(self) -> BoolArray:
        """Shape (people, tests): whether a person was supplied with the word."""
        return np.hstack([table for _, table in self._tables])

    @property
    def counts(self) -> tuple[IntArray, IntArray]:
        """How many people of either group were supplied with each word."""
        parts = np.split(self.supplied, [self.first])
        first, second = (np.count_nonzero(part, axis=0) for part in parts)
        return np.asarray(first), np.asarray(second)

    @property
    def per_template(self) -> Array:
        """Number of significant words of each template."""
        significant = self._significant[self.counts]
        total = self.words.shape[1]
        found = np.bincount(self.templates[significant], minlength=total)
        return found.astype(np.float64)

    def relabelled(self, draws: int, rng: np.random.Generator) -> Array:
        """Return the mean number of significant words with people put into groups anew.

        Returns
        -------
        Array
            Shape (draws,).
        """
        table, people = self.supplied.astype(np.float32), len(self.words)
        total = table.sum(axis=0)
        found = []
        for size in _sizes(draws, max(1, _CHUNK // max(people, self.tests))):
            order = rng.permuted(np.tile(np.arange(people), (size, 1)), axis=1)
            inside = (order < self.first).astype(np.float32)
            first = (inside @ table).round()
            cells = first.astype(np.int64), (total - first).astype(np.int64)
            found.append(np.count_nonzero(self._significant[cells], axis=1))
        means: Array = np.concatenate(found) / self.words.shape[1]
        return means

    def significant(
        self, templates: Sequence[str], names: tuple[str, str]
    ) -> list[Mapping[str, Json]]:
        """Describe the significant words, the smallest p-value first."""
        p_values, _ = equal_rate_p(self.first, self.second)
        first, second = self.counts
        rows = zip(self.fills, p_values[first, second], first, second, strict=True)
        found: list[tuple[float, Mapping[str, Json]]] = [
            (
                float(p_value),
                {
                    "template": templates[template],
                    "word": word,
                    names[0]: int(a),
                    names[1]: int(b),
                    "p": float(p_value),
                },
            )
            for (template, word), p_value, a, b in rows
            if p_value <= self.threshold
        ]
        return [row for _, row in sorted(found, key=lambda pair: pair[0])]

    @property
    def exact(self) -> int:
        """How many tests are Fisher's."""
        _, exact = equal_rate_p(self.first, self.second)
        return int(np.count_nonzero(exact[self.counts]))

    @property
    def _significant(self) -> BoolArray:
        p_values, _ = equal_rate_p(self.first, self.second)
        significant: BoolArray = p_values <= self.threshold
        return significant

    @cached_property
    def _tables(self) -> tuple[tuple[AnyArray, BoolArray], ...]:
        return tuple(map(_table, np.swapaxes(self.words, 0, 1)))


def _table(words: AnyArray) -> tuple[AnyArray, BoolArray]:
    """Return the distinct words of one template, and who was supplied with which."""
    distinct, which = np.unique(words, return_inverse=True)
    table = np.zeros((len(words), len(distinct)), dtype=bool)
    table[np.arange(len(words))[:, None], which.reshape(words.shape)] = True
    return distinct, table


def _sizes(draws: int, step: int) -> Iterator[int]:
    return (min(step, draws - done) for done in range(0, draws, step))
