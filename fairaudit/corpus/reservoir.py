"""Keep a bounded random sample of the contexts of a word."""

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.corpus.sentences import Context, Cut

Source: TypeAlias = tuple[str, int]
"""Corpus, and number of the document in it."""


@dataclass
class Reservoir:
    """A sample of distinct contexts, drawn in one pass without knowing how many come.

    Each occurrence gets a uniform random key; the contexts with the smallest keys are
    kept, a context of several occurrences under its smallest. So each occurrence has
    the same chance, a context is kept once, and the sample depends on the order of the
    occurrences and the generator, not on how the corpus is cut into blocks. Twice the
    capacity is held at most, whatever comes. (Random sort sampling with a threshold;
    see Vitter 1985, doi:10.1145/3147.3165, for the reservoir algorithms that it is
    equivalent to.)

    Parameters
    ----------
    capacity
        Contexts to keep, at most.
    rng
        Of this word alone.

    Attributes
    ----------
    bar
        An occurrence whose key is not below it will not be kept.
    """

    capacity: int
    rng: np.random.Generator
    bar: float = field(default=1.0, init=False)
    _kept: dict[Cut, tuple[float, Source]] = field(default_factory=dict, init=False)

    def draw(self, n: int) -> tuple[IntArray, Array]:
        """Draw keys of the next n occurrences; return those that matter, and keys."""
        keys = self.rng.random(n)
        chosen = np.flatnonzero(keys < self.bar)
        return chosen, keys[chosen]

    def add(self, key: float, cut: Cut, source: Source) -> None:
        """Offer an occurrence that was chosen."""
        known = self._kept.get(cut)
        if key < self.bar and (known is None or key < known[0]):
            self._kept[cut] = key, source
            if len(self._kept) >= 2 * self.capacity:
                self._settle()

    def contexts(self) -> list[tuple[Context, str]]:
        """Return the sample with the sources, in random order."""
        self._settle()
        return [
            (Context.of(cut), f"{label}:{document}")
            for cut, (_, (label, document)) in self._kept.items()
        ]

    def _settle(self) -> None:
        ranked = sorted(self._kept.items(), key=lambda item: item[1][0])
        if len(ranked) > self.capacity:
            # What is out lies above the key of the last that is in.
            ranked = ranked[: self.capacity]
            self.bar = ranked[-1][1][0]
        self._kept = dict(ranked)
