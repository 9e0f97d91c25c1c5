"""CEAT of two sets of targets."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairaudit.errors import AuditError
from fairaudit.result import Finding, Quantity
from fairaudit.stats.contextdraws import WordContexts
from fairaudit.stats.pooling import random_effects
from fairaudit_metrics.intrinsic.ceatform import Form, Found
from fairaudit_metrics.intrinsic.contextpool import ContextPool, Undefined
from fairaudit_metrics.intrinsic.inference import (
    NO_INTERVAL,
    Drawing,
    Replicates,
    draws_detail,
    words_detail,
)
from fairaudit_metrics.intrinsic.stimuli import tests
from fairaudit_metrics.intrinsic.testfile import read_tests
from fairaudit_metrics.intrinsic.wordpermutation import NULL, word_p
from fairaudit_metrics.intrinsic.wordsets import AssociationTest, WordSet

COMBINED_EFFECT_SIZE = Quantity(
    name="combined_effect_size",
    unit="standard deviations",
    ideal=0.0,
    definition="Random-effects mean, over draws of one context a word, of the "
    "difference between the mean association of X and of Y with A rather than B, "
    "divided by the standard deviation over X and Y; within -2 and 2 where X and Y are "
    "of one size. n counts the words of all sets.",
    reference="Guo & Caliskan 2021, doi:10.1145/3461702.3462536",
)
NO_SPREAD = (
    "The effect size is undefined: in a draw all targets have the same association."
)


class Targets(Form[AssociationTest]):
    """Targets X and Y, attributes A and B: one finding a test."""

    quantity: ClassVar[Quantity] = COMBINED_EFFECT_SIZE

    def published(self) -> Mapping[str, AssociationTest]:
        """Return C1 to C10 and I1 to I4."""
        return tests()

    def read(self, path: Path) -> Mapping[str, AssociationTest]:
        """Return the tests of a file of words."""
        found = read_tests(path)
        for name, test in found.items():
            if not test.words_known or test.texts != test.words:
                raise AuditError(
                    f"test_file {path}, test {name!r}: ceat looks words up in "
                    "contexts, but the file holds sentences. Give words, or use seat."
                )
        return found

    def needed(self, test: AssociationTest) -> tuple[WordSet, ...]:
        """Return all four sets."""
        return test.sets

    def kept(
        self, test: AssociationTest, pool: ContextPool, max_missing: float
    ) -> AssociationTest:
        """Return the test without words that have too few contexts."""
        return test.within(pool)

    def findings(
        self,
        found: Found[AssociationTest],
        drawing: Drawing,
        seeds: np.random.SeedSequence,
    ) -> Iterator[Finding]:
        """Yield the combined effect size."""
        test = found.kept
        for_draws, for_words, for_interval = seeds.spawn(3)
        sample = _sample(found, drawing)
        rng = np.random.default_rng(for_draws)
        [drawn] = sample.draw(drawing.draws, rng, drawing.sampling)
        if not np.isfinite(drawn.effects).all():
            raise Undefined(NO_SPREAD)
        pooled = random_effects(drawn.effects, drawn.variances)
        replicates = Replicates.of(sample, np.random.default_rng(for_interval))
        interval = replicates.interval(0, drawing.level)
        p_value, tested = word_p(drawn.word_scores, sample.first, for_words)
        yield Finding(
            quantity=COMBINED_EFFECT_SIZE,
            subject=test.subject,
            value=float(pooled.effect),
            n=len(test.words),
            interval=interval,
            p_value=p_value,
            null=NULL,
            detail={
                **draws_detail(drawn, pooled),
                **tested,
                **words_detail(test.sets, sample.picker.counts),
                **found.missing,
                **({} if interval else {"no_interval": NO_INTERVAL}),
            },
        )


def _sample(found: Found[AssociationTest], drawing: Drawing) -> WordContexts:
    rows = found.vectors.rows(found.kept.words)
    x, y, a, b = (len(one.words) for one in found.kept.sets)
    try:
        return WordContexts.of(
            found.vectors.vectors, rows, (x, y, a, b), drawing.expected
        )
    except ValueError as error:
        raise Undefined(f"The effect size is undefined: {error}.") from error
