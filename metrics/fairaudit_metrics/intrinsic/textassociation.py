"""What the word and the sentence embedding association test share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.association import effect_size
from fairaudit.stats.wordbootstrap import WordTable
from fairaudit_metrics.intrinsic.vectortable import TextVectors
from fairaudit_metrics.intrinsic.wordmetric import (
    REPLICATES,
    AssociationMetric,
    percentile,
)
from fairaudit_metrics.intrinsic.wordpermutation import NULL, published_p, word_p
from fairaudit_metrics.intrinsic.wordsets import AssociationTest, shortfall

_NO_SPREAD = "The effect size is undefined: all targets have the same association."
_NO_WORDS = "The file does not say which sentences belong to one word."


@dataclass(frozen=True)
class TextAssociation(AssociationMetric):
    """Measure how vectors of texts associate targets with attributes."""

    def further(self, kept: AssociationTest, table: WordTable) -> Mapping[str, Json]:
        """Return further detail of a test that ran."""
        return {}

    def measure(
        self, test: AssociationTest, vectors: TextVectors, seeds: np.random.SeedSequence
    ) -> Iterable[Finding]:
        """Return the effect size, or the reason why the test cannot run."""
        return [self._finding(test, vectors, seeds)]

    def _finding(
        self, test: AssociationTest, vectors: TextVectors, seeds: np.random.SeedSequence
    ) -> Finding:
        quantity = self.quantities[0]
        if lost := shortfall(test.sets, vectors.rows, self.max_missing):
            reason = f"Words without a vector: {lost}."
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
            n=len(kept.words),
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
        self, kept: AssociationTest, table: WordTable, seeds: np.random.SeedSequence
    ) -> tuple[float | None, Interval | None, Mapping[str, Json]]:
        for_words, for_texts, for_interval = seeds.spawn(3)
        by_text = published_p(table.scores, table.first, for_texts)
        if not kept.words_known:
            return None, None, {**by_text, "no_p_value_because": _NO_WORDS}
        p_value, one_sided = word_p(table.word_scores, table.sizes[0], for_words)
        rng = np.random.default_rng(for_interval)
        interval = percentile(table.replicates(REPLICATES, rng), self.level)
        return p_value, interval, {**one_sided, **by_text}


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
