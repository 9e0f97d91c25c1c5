"""One association test on words that are predicted in sentences."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np

from fairaudit.arrays import Array, BoolArray
from fairaudit.result import Finding, Json, Quantity
from fairaudit.stats.association import effect_size
from fairaudit.stats.wordbootstrap import resample, weighted_effect_size
from fairaudit_metrics.intrinsic.slotscores import SlotScores
from fairaudit_metrics.intrinsic.wordmetric import REPLICATES, percentile
from fairaudit_metrics.intrinsic.wordpermutation import word_p
from fairaudit_metrics.intrinsic.wordsets import AssociationTest, shortfall

Increase: TypeAlias = Callable[[Array, Array], Array]
Slot: TypeAlias = Literal["target", "attribute"]
NULL = (
    "An attribute word's score does not depend on whether the word belongs to A or to "
    "B."
)
_NO_SPREAD = "The effect size is undefined: all attributes have the same score."


@dataclass(frozen=True)
class SlotTest:
    """A test and the log-probabilities of its words.

    Parameters
    ----------
    scores
        Targets X then Y, attributes A then B.
    increase
        From log-probabilities with and without the other word, for the targets of one
        set, to one number an attribute and frame.
    predicted
        Whose words are predicted.
    """

    test: AssociationTest
    scores: SlotScores
    increase: Increase
    predicted: Slot

    def finding(
        self,
        quantity: Quantity,
        max_missing: float,
        level: float,
        seeds: np.random.SeedSequence,
    ) -> Finding:
        """Return the effect size over attributes, or the reason why there is none."""
        subject = self.test.subject
        if reason := self._obstacle(max_missing):
            return Finding(quantity=quantity, subject=subject, reason=reason)
        scores, first = self.attribute_scores, len(self._kept.a.words)
        effect = float(effect_size(scores, first)[0])
        if not np.isfinite(effect):
            return Finding(quantity=quantity, subject=subject, reason=_NO_SPREAD)
        for_words, for_interval = seeds.spawn(2)
        p_value, inference = word_p(scores, first, for_words)
        replicates = _replicates(scores, first, np.random.default_rng(for_interval))
        return Finding(
            quantity=quantity,
            subject=subject,
            value=effect,
            n=scores.size,
            interval=percentile(replicates, level),
            p_value=p_value,
            null=NULL,
            detail={**inference, **self._detail(scores, first)},
        )

    @cached_property
    def attribute_scores(self) -> Array:
        """Score of each attribute that is kept: the increase for X less that for Y."""
        targets, attributes = self._gone
        kept = self.scores.take(np.flatnonzero(~targets), np.flatnonzero(~attributes))
        first = len(self._kept.x.words)
        x, y = (
            self.increase(kept.filled[part], kept.prior[part])
            for part in (slice(first), slice(first, None))
        )
        scores: Array = (x - y).mean(axis=1)
        return scores

    @cached_property
    def _gone(self) -> tuple[BoolArray, BoolArray]:
        return self.scores.gone_targets, self.scores.gone_attributes

    @cached_property
    def _known(self) -> frozenset[str]:
        kept = ~np.concatenate(self._gone)
        pairs = zip(self.test.words, kept, strict=True)
        return frozenset(word for word, known in pairs if known)

    @cached_property
    def _kept(self) -> AssociationTest:
        return self.test.within(self._known)

    def _obstacle(self, max_missing: float) -> str:
        if lost := shortfall(self.test.sets, self._known, max_missing):
            return f"Words that cannot be scored: {lost}."
        alone = [one.name for one in (self.test.a, self.test.b) if len(one.words) == 1]
        return f"{alone[0]} has one word; a spread takes two." if alone else ""

    def _detail(self, scores: Array, first: int) -> Mapping[str, Json]:
        test, kept = self.test, self._kept
        words = (*kept.a.words, *kept.b.words)
        return {
            "mean_score": {
                kept.a.name: float(scores[:first].mean()),
                kept.b.name: float(scores[first:].mean()),
            },
            "attribute_scores": dict(zip(words, scores.tolist(), strict=True)),
            "sentences_per_pair_of_words": self.scores.filled.shape[2],
            "words": {one.name: len(one.words) for one in kept.sets},
            "missing_words": _listed(test.missing(self._known)),
            "words_of_several_tokens": _listed(self._several()),
        }

    def _several(self) -> Mapping[str, tuple[str, ...]]:
        """Return the predicted words of several tokens of each set that has some."""
        several = self.scores.several
        none = np.zeros_like(several)
        targets = np.any(several if self.predicted == "target" else none, axis=(1, 2))
        others = np.any(several if self.predicted == "attribute" else none, axis=(0, 2))
        marked = zip(self.test.words, [*targets, *others], strict=True)
        return self.test.missing({word for word, several in marked if not several})


def _replicates(scores: Array, first: int, rng: np.random.Generator) -> Array:
    sizes = (first, scores.size - first)
    weights = np.hstack([resample(size, REPLICATES, rng) for size in sizes])
    return weighted_effect_size(scores, weights, first)[0]


def _listed(words: Mapping[str, tuple[str, ...]]) -> Mapping[str, Json]:
    return {name: list(some) for name, some in words.items()}
