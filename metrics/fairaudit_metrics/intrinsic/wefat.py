"""Word Embedding Factual Association Test."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fairaudit.arrays import Array
from fairaudit.result import Finding, Json, Quantity
from fairaudit.stats.association import effect_size
from fairaudit.stats.permutation import permutation_test
from fairaudit.stats.wordbootstrap import resample, weighted_effect_size
from fairaudit_metrics.intrinsic.textsets import TextSet, TextTest
from fairaudit_metrics.intrinsic.vectortable import TextVectors
from fairaudit_metrics.intrinsic.wordmetric import (
    PERMUTATIONS,
    REPLICATES,
    WordMetric,
    percentile,
)

WORD_EFFECT_SIZE = Quantity(
    name="word_effect_size",
    unit="standard deviations",
    ideal=0.0,
    definition="Difference between the mean cosine of a word with the words of A and "
    "with those of B, divided by the standard deviation (ddof=1) over A and B; within "
    "-2 and 2 where A and B are of one size. n counts the words of A and B.",
    reference="Caliskan, Bryson & Narayanan 2017, doi:10.1126/science.aal4230",
)
NULL = (
    "The word's similarity to an attribute word does not depend on whether that word "
    "belongs to A or to B."
)
_NO_VECTOR = "The word has no vector."
_NO_SPREAD = "The effect size is undefined: the word is equally near to all of A and B."


@dataclass(frozen=True)
class WEFAT(WordMetric):
    r"""Measure how the vector of each target word leans towards A or B.

    .. math:: d(w) = \frac{\mathrm{mean}_{a \in A} \cos(w, a)
              - \mathrm{mean}_{b \in B} \cos(w, b)}
              {\mathrm{std}_{v \in A \cup B} \cos(w, v)}

    with ddof=1. 0 is neutral; positive means the word goes with A. There is one finding
    for each target word of X and of Y; the detail gives the mean of its set.

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

    Notes
    -----
    Deviations from the papers:

    - The p-value is our own: a two-sided permutation of the attribute words between A
      and B, all partitions up to 20,000, else 100,000 drawn ones and the observed one.
    - The interval is our own: a percentile bootstrap that draws words anew within A and
      within B. It says nothing of other target words.
    - Caliskan et al. correlate the numbers with a property of the words, such as the
      share of women in an occupation; that comparison is left to the reader.
    """

    name: ClassVar[str] = "wefat"
    quantities: ClassVar[tuple[Quantity, ...]] = (WORD_EFFECT_SIZE,)
    summary: ClassVar[str] = "Association of each single word with attributes."
    formula: ClassVar[str] = "d(w) = (mean_A cos - mean_B cos) / std_AB cos"
    limits: ClassVar[str] = (
        "Says how a word is represented, not how a model treats people; the standard "
        "deviation is the word's own, so that sizes of words compare only roughly."
    )
    source: ClassVar[str] = "https://doi.org/10.1126/science.aal4230"
    default_tests: ClassVar[str] = "C7"

    def spell(self, listed: str, word: str, kind: str) -> tuple[str, ...]:
        """Return the word itself."""
        return (word,)

    def findings(
        self, test: TextTest, vectors: TextVectors, seeds: np.random.SeedSequence
    ) -> Iterator[Finding]:
        """Yield one finding a target word, or the reason why the test cannot run."""
        reason = _obstacle(test, vectors, self.max_missing)
        if reason:
            yield _refusal(test.subject, reason)
            return
        shared = _Attributes.of(test, vectors, seeds, self.level)
        for targets in (test.x, test.y):
            kept = targets.within(vectors.rows)
            if kept.words:
                yield from shared.findings(test.name, kept, vectors.units(kept))
            for word in targets.missing(vectors.rows):
                yield _refusal(shared.subject(test.name, word), _NO_VECTOR)


@dataclass(frozen=True)
class _Attributes:
    """The attributes of one test, and what all its target words share."""

    a: TextSet
    b: TextSet
    units: Array
    missing: Mapping[str, Json]
    weights: Array
    seed: np.random.SeedSequence
    level: float

    @classmethod
    def of(
        cls,
        test: TextTest,
        vectors: TextVectors,
        seeds: np.random.SeedSequence,
        level: float,
    ) -> "_Attributes":
        """Collect the attribute words that have vectors, and resample them."""
        a, b = (one.within(vectors.rows) for one in (test.a, test.b))
        for_words, for_interval = seeds.spawn(2)
        rng = np.random.default_rng(for_interval)
        drawn = [resample(len(one.words), REPLICATES, rng) for one in (a, b)]
        missing = {n: list(w) for n, w in test.missing(vectors.rows).items()}
        units = vectors.units(a, b)
        return cls(a, b, units, missing, np.hstack(drawn), for_words, level)

    def subject(self, test: str, word: str) -> str:
        """Name a word and what it is compared with."""
        return f"{test}: {word}, {self.a.name} vs {self.b.name}"

    def findings(self, test: str, targets: TextSet, units: Array) -> Iterator[Finding]:
        """Yield the finding of each word; `units` has its unit vector."""
        cosines = units @ self.units.T
        effects = effect_size(cosines, len(self.a.words))[0]
        mean = float(effects.mean())
        shared: Mapping[str, Json] = {
            "set": targets.name,
            "set_words": len(targets.words),
            "set_mean": mean if np.isfinite(mean) else None,
            "missing_words": self.missing,
        }
        for word, effect, row in zip(targets.words, effects, cosines, strict=True):
            subject = self.subject(test, word)
            if np.isfinite(effect):
                yield self._finding(subject, float(effect), row, shared)
            else:
                yield _refusal(subject, _NO_SPREAD)

    def _finding(
        self, subject: str, effect: float, row: Array, shared: Mapping[str, Json]
    ) -> Finding:
        first = len(self.a.words)
        rng = np.random.default_rng(self.seed)
        result = permutation_test(row, first, rng, draws=PERMUTATIONS)
        replicates = weighted_effect_size(row, self.weights, first)
        return Finding(
            quantity=WORD_EFFECT_SIZE,
            subject=subject,
            value=effect,
            n=row.size,
            interval=percentile(replicates, self.level),
            p_value=result.p_value,
            null=NULL,
            detail={
                "permutation_method": result.method,
                "permutation_partitions": result.partitions,
                **shared,
            },
        )


def _refusal(subject: str, reason: str) -> Finding:
    return Finding(quantity=WORD_EFFECT_SIZE, subject=subject, reason=reason)


def _obstacle(test: TextTest, vectors: TextVectors, max_missing: float) -> str:
    for one in (test.a, test.b):
        gone, size = len(one.missing(vectors.rows)), len(one.words)
        if gone > max_missing * size or size - gone < 2:
            words = ", ".join(one.missing(vectors.rows)) or "it has too few"
            return (
                f"{one.name} keeps {size - gone} of {size} words, at least two and "
                f"{1 - max_missing:.0%} are needed (without a vector: {words})."
            )
    return ""
