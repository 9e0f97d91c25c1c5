"""How the metrics agree with what annotators say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.annotators import krippendorff
from fairaudit.stats.correlation import Coefficient
from fairaudit_metrics.sensitivity.correlating import Correlating
from fairaudit_metrics.sensitivity.judgements import Judgements

KINDS: Final[tuple[Coefficient, ...]] = ("spearman", "pearson")
CHANGE: Final = "counterfactual change"
"""Name of the metric that the others are compared with."""
AGREEMENT: Final = Quantity(
    name="annotator_agreement",
    unit="Krippendorff's alpha",
    ideal=None,
    high=1.0,
    definition="Krippendorff's alpha of the judgements, for interval data.",
    reference="Krippendorff 2011, Computing Krippendorff's Alpha-Reliability",
)
CORRELATIONS: Final[Mapping[Coefficient, Quantity]] = {
    kind: Quantity(
        name=f"human_{kind}",
        unit="correlation",
        ideal=None,
        low=-1.0,
        high=1.0,
        definition=(
            f"{kind.capitalize()}'s correlation over texts of the metric with the mean "
            "judgement; its sign follows the scale of the file."
        ),
        reference="own",
    )
    for kind in KINDS
}
DIFFERENCE: Final = Quantity(
    name="human_correlation_difference",
    unit="difference of correlations",
    ideal=None,
    low=-2.0,
    high=2.0,
    definition=(
        "Pearson's correlation with the mean judgement: of the first metric less that "
        "of the second."
    ),
    reference="Test: Williams's T2, Steiger 1980, doi:10.1037/0033-2909.87.2.245, "
    "equation 7",
)


@dataclass(frozen=True, kw_only=True)
class HumanAgreement:
    """Metrics and judgements of the same texts.

    Parameters
    ----------
    judgements
        Of the texts.
    values
        Shape (n,) each: the metrics, by name.
    clusters
        Shape (n,), None where texts are independent.
    """

    judgements: Judgements
    values: Mapping[str, Array]
    clusters: IntArray | None
    min_count: int
    draws: int
    level: float

    def findings(self, rng: np.random.Generator) -> Iterator[Finding]:
        """Return agreement of annotators, then of metrics, then differences."""
        yield self._annotators(rng)
        over = Correlating(
            clusters=self.clusters,
            min_count=self.min_count,
            draws=self.draws,
            level=self.level,
        )
        human = self.judgements.mean
        for kind in KINDS:
            for name, values in self.values.items():
                quantity = CORRELATIONS[kind]
                yield over.correlation(quantity, name, kind, human, values, rng)
        if CHANGE not in self.values:
            return
        for name, values in self.values.items():
            if name != CHANGE:
                pair = values, self.values[CHANGE]
                told = f"{name} vs {CHANGE}"
                yield over.difference(DIFFERENCE, told, human, pair, rng)

    def _annotators(self, rng: np.random.Generator) -> Finding:
        table = self.judgements.table
        detail: Mapping[str, Json] = {
            "annotators": len(self.judgements.annotators),
            "texts_judged": int(np.isfinite(table).any(axis=1).sum()),
            "rows_of_the_file_without_a_text": self.judgements.unmatched,
        }
        found = krippendorff(table, self.draws, self.level, rng)
        if found is None:
            reason = "fewer than two texts have two judgements, or all are equal"
            return Finding(
                quantity=AGREEMENT,
                subject="annotators",
                reason=reason,
                detail=detail,
            )
        told = f"percentile bootstrap over texts, {self.draws} draws"
        return Finding(
            quantity=AGREEMENT,
            subject="annotators",
            value=found.value,
            n=found.units,
            interval=Interval(
                min(found.low, found.value),
                max(found.high, found.value),
                self.level,
                told,
            ),
            detail={**detail, "judgements": found.judgements},
        )
