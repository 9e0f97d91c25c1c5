"""What the word and the sentence embedding association test share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array
from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.association import effect_size
from fairaudit.stats.permutation import PermutationResult, permutation_test
from fairaudit.stats.wordbootstrap import WordTable
from fairaudit_metrics.intrinsic.textsets import TextTest
from fairaudit_metrics.intrinsic.vectortable import TextVectors
from fairaudit_metrics.intrinsic.wordmetric import (
    PERMUTATIONS,
    REPLICATES,
    WordMetric,
    percentile,
)

NULL = (
    "A target word's association with A rather than B does not depend on whether the "
    "word belongs to X or to Y."
)
_NO_SPREAD = "The effect size is undefined: all targets have the same association."
_NO_WORDS = "The file does not say which sentences belong to one word."


@dataclass(frozen=True)
class TextAssociation(WordMetric):
    """Measure how vectors of texts associate targets with attributes."""

    def further(self, kept: TextTest, table: WordTable) -> Mapping[str, Json]:
        """Return further detail of a test that ran."""
        return {}

    def findings(
        self, test: TextTest, vectors: TextVectors, seeds: np.random.SeedSequence
    ) -> Iterable[Finding]:
        """Return the effect size, or the reason why the test cannot run."""
        return [self._finding(test, vectors, seeds)]

    def _finding(
        self, test: TextTest, vectors: TextVectors, seeds: np.random.SeedSequence
    ) -> Finding:
        quantity = self.quantities[0]
        reason = test.obstacle(vectors.rows, self.max_missing)
        if reason:
            return Finding(quantity=quantity, subject=test.subject, reason=reason)
        kept = test.within(vectors.rows)
        table = vectors.table(kept)
        effect = float(effect_size(table.scores, table.first)[0])
        if not np.isfinite(effect):
            return Finding(quantity=quantity, subject=test.subject, reason=_NO_SPREAD)
        p_value, interval, inference = self._inference(kept, table, seeds)
        return Finding(
            quantity=quantity,
            subject=test.subject,
            value=effect,
            n=kept.size,
            interval=interval,
            p_value=p_value,
            null=NULL if p_value is not None else "",
            detail={
                **inference,
                **self.further(kept, table),
                "words": {one.name: len(one.words) for one in kept.sets},
                "missing_words": {
                    name: list(words)
                    for name, words in test.missing(vectors.rows).items()
                },
                "lower_cased": sorted(vectors.lowered & set(kept.texts)),
            },
        )

    def _inference(
        self, kept: TextTest, table: WordTable, seeds: np.random.SeedSequence
    ) -> tuple[float | None, Interval | None, Mapping[str, Json]]:
        for_words, for_texts, for_interval = seeds.spawn(3)
        by_text = published_p(table.scores, table.first, for_texts)
        if not kept.words_known:
            return None, None, {**by_text, "no_p_value_because": _NO_WORDS}
        result, one_sided = word_p(table, for_words)
        rng = np.random.default_rng(for_interval)
        interval = percentile(table.replicates(REPLICATES, rng), self.level)
        return result.p_value, interval, {**one_sided, **by_text}


def word_p(
    table: WordTable, seed: np.random.SeedSequence
) -> tuple[PermutationResult, Mapping[str, Json]]:
    """Permute words between X and Y, all texts of a word with it."""
    scores, first = table.word_scores, table.sizes[0]
    both, greater = (
        permutation_test(
            scores,
            first,
            np.random.default_rng(seed),
            alternative=alternative,
            draws=PERMUTATIONS,
        )
        for alternative in ("two-sided", "greater")
    )
    return both, {
        "p_one_sided": greater.p_value,
        "permutation_method": both.method,
        "permutation_partitions": both.partitions,
    }


def published_p(
    scores: Array, first: int, seed: np.random.SeedSequence
) -> Mapping[str, Json]:
    """Return the one-sided p-values as published, of texts permuted one by one.

    Caliskan et al. count partitions whose statistic is greater than the observed one,
    May et al. those that are at least as great. Both take X and Y of equal size.
    """
    if 2 * first != scores.size:
        reason = "the published test takes X and Y of equal size"
        return {"published_p": None, "no_published_p_because": reason}
    least, most = (
        permutation_test(
            signed,
            first,
            np.random.default_rng(seed),
            alternative="greater",
            draws=PERMUTATIONS,
        ).p_value
        for signed in (scores, -scores)
    )
    return {
        "published_p": {"ties_count": least, "ties_do_not_count": max(0.0, 1 - most)}
    }


def effect_quantity(texts: str, reference: str) -> Quantity:
    """Return the effect size of an association test on some kind of texts."""
    return Quantity(
        name="effect_size",
        unit="standard deviations",
        ideal=0.0,
        definition="Difference between the mean association of X and of Y with A "
        "rather than B, divided by the standard deviation (ddof=1) over X and Y, on "
        f"vectors of {texts}; within -2 and 2 where X and Y are of one size. n counts "
        "the words of all sets.",
        reference=reference,
    )
