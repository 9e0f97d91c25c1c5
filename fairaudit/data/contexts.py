"""Sentences in which stimulus words occur."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from fairaudit.arrays import IntArray
from fairaudit.data.base import Data


@dataclass(frozen=True, kw_only=True)
class Contexts(Data):
    """Sentences in which a stimulus word occurs, for contextual association tests.

    Parameters
    ----------
    words
        The stimulus of each row, as the word lists spell it.
    texts
        The sentence of each row.
    spans
        Shape (n, 2): character offsets of the word in its sentence, end exclusive.
    """

    kind: ClassVar[str] = "contexts"
    words: tuple[str, ...]
    texts: tuple[str, ...]
    spans: IntArray

    @cached_property
    def rows(self) -> Mapping[str, tuple[int, ...]]:
        """Row numbers by stimulus word."""
        found: dict[str, list[int]] = {}
        for row, word in enumerate(self.words):
            found.setdefault(word, []).append(row)
        return {word: tuple(rows) for word, rows in found.items()}
