"""Effect sizes of words between groups that cross several axes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np

from fairaudit.arrays import Array, BoolArray
from fairaudit.result import Json
from fairaudit.stats.association import effect_size
from fairaudit_metrics.intrinsic.detection import Comparisons, Kind
from fairaudit_metrics.intrinsic.detectionset import DetectionSet, Gold
from fairaudit_metrics.intrinsic.vectortable import TextVectors


@dataclass(frozen=True)
class DetectionTable:
    """Cosines of the words to test with the words of each group.

    Parameters
    ----------
    words
        The words that have a vector.
    cosines
        Shape (words, words of the group), by group.
    missing
        Words without a vector, by set.
    """

    given: DetectionSet
    words: tuple[str, ...]
    cosines: Mapping[str, Array]
    missing: Mapping[str, Json]

    @classmethod
    def of(cls, given: DetectionSet, vectors: TextVectors) -> "DetectionTable":
        """Look up the vectors."""
        words = given.words.within(vectors.rows)
        units = vectors.units(words)
        sets = (given.words, *given.groups.values())
        return cls(
            given,
            words.words,
            {
                name: units @ vectors.units(one.within(vectors.rows)).T
                for name, one in given.groups.items()
            },
            {
                one.name: list(gone)
                for one in sets
                if (gone := one.missing(vectors.rows))
            },
        )

    def comparisons(self, group: str) -> Comparisons:
        """Return the effect sizes of the words for one group."""
        others = self.given.others(group)
        parts = self.given.parts(group).values()
        return Comparisons(
            np.array([self._effects((group,), (other,)) for other in others]),
            np.array([self._effects(mine, theirs) for mine, theirs in parts]),
        )

    def gold(self, group: str, kind: Kind) -> BoolArray:
        """Tell which of the words people ascribe to the group."""
        known = self.given.gold.get(group, Gold())
        wanted = set(getattr(known, kind))
        return np.array([word in wanted for word in self.words])

    def detail(self, group: str, found: BoolArray) -> Mapping[str, Json]:
        """Return the detected words, each with its effect sizes."""
        effects = self.comparisons(group)
        others, parts = self.given.others(group), list(self.given.parts(group))
        return {
            self.words[at]: {
                "against_groups": _named(others, effects.others[:, at]),
                "along_axes": _named(parts, effects.parts[:, at]),
            }
            for at in np.flatnonzero(found)
        }

    def _effects(self, mine: tuple[str, ...], theirs: tuple[str, ...]) -> Array:
        near = np.hstack([self.cosines[name] for name in mine])
        far = np.hstack([self.cosines[name] for name in theirs])
        return effect_size(np.hstack([near, far]), near.shape[1])[0]


def _named(names: Iterable[str], effects: Array) -> Mapping[str, Json]:
    return {
        name: effect if isfinite(effect) else None
        for name, effect in zip(names, effects.tolist(), strict=True)
    }
