"""Measure how a classifier's decisions and scores differ between groups."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fairaudit.arrays import Array
from fairaudit.data import Examples
from fairaudit.errors import AuditError
from fairaudit.metric import Metric, Unmeasurable
from fairaudit.model import ModelCard, Predict, Reading, Request
from fairaudit.result import Family, Finding, Quantity
from fairaudit_metrics.extrinsic.aucs import AUCS, LOWEST, AucTable
from fairaudit_metrics.extrinsic.rates import GAPS, RATES, RateTable, gap_findings
from fairaudit_metrics.extrinsic.rows import ScoredAxis, scored_axes

BACKGROUNDS = ("all", "identity")
BINARY = 2
FEWEST_DRAWS = 100


@dataclass(frozen=True)
class Disparity(Metric[Examples]):
    """Compare rates and AUCs of a classifier between groups of labelled texts.

    Parameters
    ----------
    positive
        Name of the positive class; by default the second of two.
    threshold
        A text is selected where the probability of the positive class is >= this.
    min_count
        Least denominator: texts for a selection rate, positives for a true positive
        rate, negatives for a false positive rate, both for an AUC.
    draws
        Bootstrap draws for the gaps.
    level
        Of the intervals.
    background
        Background of the BPSN and BNSP AUCs: ``"all"`` takes every row known to be
        outside the group, ``"identity"`` only rows of another group of the axis.
    """

    positive: str | None = None
    threshold: float = 0.5
    min_count: int = 10
    draws: int = 10_000
    level: float = 0.95
    background: str = "all"

    name: ClassVar[str] = "disparity"
    family: ClassVar[Family] = "extrinsic"
    accepts: ClassVar[type[Examples]] = Examples
    asks: ClassVar[tuple[str, ...]] = ("predict",)
    quantities: ClassVar[tuple[Quantity, ...]] = (*RATES, *AUCS, *GAPS, *LOWEST)
    summary: ClassVar[str] = (
        "Rates and AUCs of a classifier per group of labelled texts, and the largest "
        "gaps between groups."
    )
    formula: ClassVar[str] = (
        "Selected: s >= threshold. Gap: max_g r_g - min_g r_g, r the selection, true "
        "positive or false positive rate; equalized odds: the larger of the last two. "
        "AUC(P, N) = P(s_P > s_N) + P(s_P = s_N) / 2; subgroup: P and N in the group; "
        "BPSN: P in the background, N in the group; BNSP: P in the group, N in the "
        "background."
    )
    limits: ClassVar[str] = (
        "Labels are taken as true: a bias of the labels is not seen. Rates rest on one "
        "threshold. Smaller denominators than min_count give no number, and such a "
        "group is in no gap. The tests are conservative when few texts are selected or "
        "few are not. Intervals take texts as independent."
    )
    source: ClassVar[str] = (
        "Hardt et al. (2016), arXiv 1610.02413; Borkan et al. (2019), arXiv "
        "1903.04561. Unlike fairlearn, a rate without denominator is undefined, not 0."
    )

    def __post_init__(self) -> None:
        """Refuse parameters that have no meaning."""
        if not 0 <= self.threshold <= 1:
            _refuse("threshold", self.threshold, "a number from 0 to 1")
        if self.min_count < 1:
            _refuse("min_count", self.min_count, "at least 1")
        if self.draws < FEWEST_DRAWS:
            _refuse("draws", self.draws, f"at least {FEWEST_DRAWS}")
        if not 0 < self.level < 1:
            _refuse("level", self.level, "a number between 0 and 1")
        if self.background not in BACKGROUNDS:
            _refuse("background", self.background, " or ".join(BACKGROUNDS))

    def needs(self, data: Examples, card: ModelCard) -> Mapping[str, Request]:
        """Return one prediction per text."""
        if not data.label_names or not (data.labels >= 0).any():
            raise Unmeasurable("the data has no labels")
        if not data.groups:
            raise Unmeasurable("the data has no groups to compare")
        unknown = [name for name in data.label_names if name not in card.labels]
        if unknown:
            raise Unmeasurable(
                f"the labels of the data ({', '.join(data.label_names)}) are not those "
                f"of the model ({', '.join(card.labels) or 'none'})"
            )
        self._positive(card)
        return {"predictions": Predict(data.texts)}

    def score(
        self,
        data: Examples,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterator[Finding]:
        """Return rates, AUCs and gaps, axis by axis."""
        positive = self._positive(card)
        table = readings["predictions"]["probabilities"]
        scores: Array = table[:, card.labels.index(positive)].astype(float)
        missing = int((~np.isfinite(scores)).sum())
        if missing:
            raise Unmeasurable(
                f"the model gave no finite probability for {missing} of "
                f"{len(scores)} texts"
            )
        for rows in scored_axes(data, scores, positive, self.threshold):
            yield from self._axis(rows, positive, rng)

    def _axis(
        self, rows: ScoredAxis, positive: str, rng: np.random.Generator
    ) -> Iterator[Finding]:
        rates = RateTable(
            rows=rows,
            decision=f"P({positive}) >= {self.threshold:g}",
            min_count=self.min_count,
            level=self.level,
        )
        aucs = AucTable(
            rows=rows,
            background=self.background,
            min_count=self.min_count,
            level=self.level,
        )
        yield from rates.findings()
        yield from gap_findings(rates, self.draws, rng)
        yield from aucs.findings()

    def _positive(self, card: ModelCard) -> str:
        if self.positive is None and len(card.labels) != BINARY:
            raise Unmeasurable(
                f"the model has {len(card.labels)} classes; name the positive one with "
                f"the parameter 'positive' ({', '.join(card.labels)})"
            )
        positive = card.labels[1] if self.positive is None else self.positive
        if positive not in card.labels:
            raise Unmeasurable(
                f"the positive class {positive!r} is not a label of the model "
                f"({', '.join(card.labels)})"
            )
        return positive


def _refuse(name: str, value: object, wanted: str) -> None:
    raise AuditError(f"Parameter {name} of disparity is {value!r}; give {wanted}.")
