"""Vectors of texts, and the word tables that tests take from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import AnyArray, Array, IntArray
from fairaudit.model import Embed, Pool, Reading
from fairaudit.stats.association import unit
from fairaudit.stats.wordbootstrap import WordTable
from fairaudit_metrics.intrinsic.wordsets import AssociationTest, WordSet


def whole_texts(texts: Sequence[str], layer: int, pool: Pool) -> Embed:
    """Ask for the vector of each text as a whole."""
    spans = tuple((0, len(text)) for text in texts)
    return Embed(tuple(texts), spans, layer, pool)


@dataclass(frozen=True)
class TextVectors:
    """Vectors of distinct texts.

    Parameters
    ----------
    vectors
        Shape (texts, dim).
    rows
        Row of each text that has a vector with a direction.
    lowered
        Texts of which the model knows only the lower-case form.
    """

    vectors: AnyArray
    rows: Mapping[str, int]
    lowered: frozenset[str]

    @classmethod
    def of(cls, texts: Sequence[str], reading: Reading) -> "TextVectors":
        """Take the answer about some texts."""
        vectors = np.asarray(reading["vectors"], dtype=np.float64)
        known = np.isfinite(vectors).all(axis=1) & (vectors != 0).any(axis=1)
        low = reading.get("lowered", np.zeros(len(texts), dtype=bool))
        return cls(
            vectors,
            {text: row for row, text in enumerate(texts) if known[row]},
            frozenset(
                text for text, lowered in zip(texts, low, strict=True) if lowered
            ),
        )

    def units(self, *sets: WordSet) -> Array:
        """Return unit vectors of all texts of some sets, in order."""
        return unit(self.vectors[[self.rows[t] for one in sets for t in one.flat]])

    def table(self, test: AssociationTest) -> WordTable:
        """Return the cosines of a test whose texts all have vectors."""
        x, y, a, b = (len(one.words) for one in test.sets)
        return WordTable(
            self.units(test.x, test.y) @ self.units(test.a, test.b).T,
            _owners(test.x, test.y),
            _owners(test.a, test.b),
            (x, y, a, b),
        )


def _owners(*sets: WordSet) -> IntArray:
    counts = [len(texts) for one in sets for texts in one.texts]
    return np.repeat(np.arange(len(counts)), counts)
