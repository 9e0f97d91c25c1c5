"""Contexts of words, and the vectors that a model gives them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from fairaudit.arrays import AnyArray, IntArray
from fairaudit.data import Contexts

Context: TypeAlias = tuple[str, int, int]
"""A sentence, and start and end of the word in it."""


class Undefined(Exception):
    """There is no number; the message is the reason in the report."""


@dataclass(frozen=True)
class ContextPool:
    """Distinct contexts of the words that have enough of them.

    Parameters
    ----------
    contexts
        By word.
    min_contexts
        How many are enough.
    """

    contexts: Mapping[str, tuple[Context, ...]]
    min_contexts: int

    @classmethod
    def of(cls, data: Contexts, min_contexts: int) -> "ContextPool":
        """Collect the distinct contexts of each word."""
        starts, ends = data.spans.T.tolist() if len(data.words) else ([], [])
        keys = list(zip(data.texts, starts, ends, strict=True))
        found = {
            word: tuple(dict.fromkeys(keys[row] for row in rows))
            for word, rows in data.rows.items()
        }
        enough = {w: some for w, some in found.items() if len(some) >= min_contexts}
        return cls(enough, min_contexts)

    def __contains__(self, word: object) -> bool:
        return word in self.contexts

    def numbered(self, words: Iterable[str]) -> Mapping[Context, int]:
        """Return the distinct contexts of some words, numbered in order."""
        found = (row for word in dict.fromkeys(words) for row in self.contexts[word])
        return {row: number for number, row in enumerate(dict.fromkeys(found))}


@dataclass(frozen=True)
class ContextVectors:
    """The vectors of the contexts of a pool.

    Parameters
    ----------
    vectors
        Shape (contexts, dim); NaN where the model did not see the word.
    numbers
        Row of each context.
    windowed, truncated
        Whether the model read a window around the word, and whether it read the word
        in part only, where that is known.
    """

    pool: ContextPool
    vectors: AnyArray
    numbers: Mapping[Context, int]
    windowed: AnyArray | None = None
    truncated: AnyArray | None = None

    def counts(self, words: Iterable[str]) -> Mapping[str, int]:
        """Count the distinct contexts of some words, and those not read as they are."""
        rows = [self.numbers[context] for context in self.pool.numbered(words)]
        known = {"windowed": self.windowed, "truncated": self.truncated}
        return {
            "contexts": len(rows),
            **{
                f"contexts_{name}": int(np.count_nonzero(flags[rows]))
                for name, flags in known.items()
                if flags is not None
            },
        }

    def rows(self, words: Sequence[str]) -> list[IntArray]:
        """Return the rows of each word, without those the model did not see.

        Raises
        ------
        Undefined
            Where a word has none left.
        """
        found = [self._readable(self.pool.contexts[word]) for word in words]
        lost = [word for word, rows in zip(words, found, strict=True) if not len(rows)]
        if lost:
            raise Undefined(
                f"No context with a finite vector is left for {', '.join(lost)}."
            )
        return found

    def _readable(self, contexts: Iterable[Context]) -> IntArray:
        rows = np.array([self.numbers[context] for context in contexts])
        kept: IntArray = rows[np.isfinite(self.vectors[rows]).all(axis=1)]
        return kept
