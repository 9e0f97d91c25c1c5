"""Word Embedding Factual Association Test."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fairaudit.result import Finding, Json, Quantity
from fairaudit_metrics.intrinsic.vectortable import TextVectors
from fairaudit_metrics.intrinsic.wordeffects import WordEffects, word_effects
from fairaudit_metrics.intrinsic.wordmetric import AssociationMetric, percentile
from fairaudit_metrics.intrinsic.wordsets import AssociationTest, WordSet, shortfall

_REFERENCE = "Caliskan, Bryson & Narayanan 2017, doi:10.1126/science.aal4230"
SET_EFFECT_SIZE = Quantity(
    name="mean_word_effect_size",
    unit="standard deviations",
    ideal=0.0,
    definition="Mean of the word effect sizes of a set of target words. n counts the "
    "words of the set, of A and of B.",
    reference=f"own mean of word effect sizes after {_REFERENCE}",
)
WORD_EFFECT_SIZE = Quantity(
    name="word_effect_size",
    unit="standard deviations",
    ideal=0.0,
    definition="Difference between the mean cosine of a word with the words of A and "
    "with those of B, divided by the standard deviation (ddof=1) over A and B; within "
    "-2 and 2 where A and B are of one size. n counts the words of A and B.",
    reference=_REFERENCE,
)
NULL = (
    "How near an attribute word is to the words of the set, in standard deviations of "
    "each word, does not depend on whether the attribute word belongs to A or to B."
)
_NO_VECTOR = "The word has no vector."
_NO_SPREAD = "The effect size is undefined: the word is equally near to all of A and B."
_NO_WORD = "No word of the set has an effect size."


@dataclass(frozen=True)
class WEFAT(AssociationMetric):
    r"""Measure how the vector of each target word leans towards A or B.

    .. math:: d(w) = \frac{\mathrm{mean}_{a \in A} \cos(w, a)
              - \mathrm{mean}_{b \in B} \cos(w, b)}
              {\mathrm{std}_{v \in A \cup B} \cos(w, v)}

    with ddof=1. 0 is neutral; positive means the word goes with A. There is one finding
    for each of the sets X and Y, the mean over its words, and one for each word.

    Parameters
    ----------
    tests
        Names such as ``"C7+C8"`` (plus signs or spaces between them) whose target and
        attribute words are used; empty: C7 (mathematics and arts words, male and female
        terms), or all tests of `test_file`.
    test_file
        JSON file with tests of your own, as for ``weat``.
    max_missing
        A test is not run where A or B loses a larger share of its words.
    layer
        Hidden layer, 0 the embedding output, -1 the last.
    pool
        How an encoder's sub-tokens make a vector: their mean, the first or the last one
        (special tokens do not count), or ``"cls"``, the first position of the input.
    level
        Level of the interval.

    References
    ----------
    Caliskan, Bryson & Narayanan 2017, "Semantics derived automatically from language
    corpora contain human-like biases", doi:10.1126/science.aal4230, on associations of
    single words; Guo & Caliskan 2021, doi:10.1145/3461702.3462536, for ddof=1.
    Westfall & Young 1993, "Resampling-Based Multiple Testing".

    Notes
    -----
    Deviations from the papers:

    - The p-values are our own: two-sided permutations of the attribute words between A
      and B, all partitions up to 20,000, else 100,000 drawn ones and the observed one.
      Only the mean of a set enters the correction over the audit: a p-value for every
      word would make it blunt for all other metrics. A word's p-value is in its detail,
      uncorrected and corrected for the words of its set by the largest effect.
    - Words that lean in opposite directions cancel in the mean: read the words too.
    - The intervals are our own: percentile bootstraps that draw words anew within A and
      within B, for the mean of a set also within the set. Those of words say nothing of
      other target words.
    - Caliskan et al. correlate the numbers with a property of the words, such as the
      share of women in an occupation; that comparison is left to the reader.
    """

    name: ClassVar[str] = "wefat"
    quantities: ClassVar[tuple[Quantity, ...]] = (SET_EFFECT_SIZE, WORD_EFFECT_SIZE)
    summary: ClassVar[str] = "Association of each single word with attributes."
    formula: ClassVar[str] = "d(w) = (mean_A cos - mean_B cos) / std_AB cos"
    limits: ClassVar[str] = (
        "Says how a word is represented, not how a model treats people; the standard "
        "deviation is the word's own, so that sizes of words compare only roughly."
    )
    source: ClassVar[str] = "https://doi.org/10.1126/science.aal4230"
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "association",
        "task": "representation",
    }
    default_tests: ClassVar[str] = "C7"

    def spell(self, listed: str, word: str, kind: str) -> tuple[str, ...]:
        """Return the word itself."""
        return (word,)

    def measure(
        self, test: AssociationTest, vectors: TextVectors, seeds: np.random.SeedSequence
    ) -> Iterator[Finding]:
        """Yield one finding a set and a target word, or why the test cannot run."""
        if reason := _obstacle(test, vectors, self.max_missing):
            yield Finding(quantity=SET_EFFECT_SIZE, subject=test.subject, reason=reason)
            return
        a, b = (one.within(vectors.rows) for one in (test.a, test.b))
        shared = {
            "missing_words": {n: list(w) for n, w in test.missing(vectors.rows).items()}
        }
        poles = f"{a.name} vs {b.name}"
        for targets, seed in zip((test.x, test.y), seeds.spawn(2), strict=True):
            effects = word_effects(vectors, targets, a, b, seed)
            yield self._set(f"{test.name}: {targets.name}, {poles}", effects, shared)
            for word in targets.words:
                subject = f"{test.name}: {word}, {poles}"
                if word in effects.words:
                    yield self._word(subject, word, effects, targets, shared)
                else:
                    reason = _NO_SPREAD if word in vectors.rows else _NO_VECTOR
                    yield Finding(
                        quantity=WORD_EFFECT_SIZE, subject=subject, reason=reason
                    )

    def _set(
        self, subject: str, effects: WordEffects, shared: Mapping[str, Json]
    ) -> Finding:
        if not effects.words:
            return Finding(quantity=SET_EFFECT_SIZE, subject=subject, reason=_NO_WORD)
        return Finding(
            quantity=SET_EFFECT_SIZE,
            subject=subject,
            value=float(effects.values.mean()),
            n=len(effects.words) + effects.attributes,
            interval=percentile(effects.replicated_mean, self.level),
            p_value=effects.p_mean,
            null=NULL,
            detail={**effects.partitions, **shared},
        )

    def _word(
        self,
        subject: str,
        word: str,
        effects: WordEffects,
        targets: WordSet,
        shared: Mapping[str, Json],
    ) -> Finding:
        at = effects.words.index(word)
        return Finding(
            quantity=WORD_EFFECT_SIZE,
            subject=subject,
            value=float(effects.values[at]),
            n=effects.attributes,
            interval=percentile(effects.replicates[at], self.level),
            detail={
                "set": targets.name,
                "p_uncorrected": float(effects.p_words[at]),
                "p_corrected_within_set": float(effects.p_within[at]),
                **effects.partitions,
                **shared,
            },
        )


def _obstacle(test: AssociationTest, vectors: TextVectors, max_missing: float) -> str:
    poles = (test.a, test.b)
    if lost := shortfall(poles, vectors.rows, max_missing):
        return f"Words without a vector: {lost}."
    alone = [one.name for one in poles if len(one.words) == 1]
    return f"{alone[0]} has one word; a spread takes two." if alone else ""
