"""Measure how a classifier's decisions and scores differ between groups."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from fairaudit.data import Examples
from fairaudit.errors import AuditError
from fairaudit.metric import Metric
from fairaudit.model import ModelCard, Predict, Reading, Request
from fairaudit.result import Family, Finding, Quantity
from fairaudit_metrics.extrinsic.axes import Axis, axes_of
from fairaudit_metrics.extrinsic.calibration import GAPS, LEVELS, Calibration
from fairaudit_metrics.extrinsic.decisions import (
    BINARY,
    Decisions,
    at_threshold,
    most_probable,
    positive_class,
    require_labels,
)
from fairaudit_metrics.extrinsic.intersections import intersections
from fairaudit_metrics.extrinsic.rate_gaps import DIFFERENCES, RATIOS, gap_findings
from fairaudit_metrics.extrinsic.rates import RATES, RateTable
from fairaudit_metrics.extrinsic.score_distance import DISTANCE, distance_finding

FEWEST_DRAWS: Final = 100


@dataclass(frozen=True)
class Disparity(Metric[Examples]):
    """Compare rates, calibration and scores between groups of labelled texts.

    Parameters
    ----------
    positive
        Name of the positive class. By default the second of two; with more classes
        each is rated against the others, by the most probable class.
    threshold
        A text is selected where the probability of the positive class is >= this.
    min_count
        Least denominator: texts for a selection rate and for accuracy, positives for a
        true positive rate, negatives for a false positive rate, selected texts for a
        predictive value.
    depth
        Up to so many groups are intersected; 1 takes groups as they are.
    bins
        Equal bins of the score for the calibration error.
    draws
        Bootstrap draws.
    level
        Of the intervals.
    """

    positive: str | None = None
    threshold: float = 0.5
    min_count: int = 10
    depth: int = 1
    bins: int = 10
    draws: int = 10_000
    level: float = 0.95

    name: ClassVar[str] = "disparity"
    family: ClassVar[Family] = "extrinsic"
    accepts: ClassVar[type[Examples]] = Examples
    asks: ClassVar[tuple[str, ...]] = ("predict",)
    quantities: ClassVar[tuple[Quantity, ...]] = (
        *RATES,
        *DIFFERENCES.values(),
        *RATIOS.values(),
        *LEVELS,
        *GAPS,
        DISTANCE,
    )
    summary: ClassVar[str] = (
        "Rates, calibration and scores of a classifier per group of labelled texts, "
        "and the largest gaps between groups."
    )
    formula: ClassVar[str] = (
        "Selected: s >= threshold, or the most probable of several classes. "
        "Difference: max_g r_g - min_g r_g; ratio: min_g r_g / max_g r_g; r the "
        "selection, true positive or false positive rate, predictive value or "
        "accuracy; equalized odds: the larger difference (smaller ratio) of true and "
        "false positive rate."
    )
    limits: ClassVar[str] = (
        "Labels are taken as true: a bias of the labels is not seen. Rates rest on one "
        "threshold. Smaller denominators than min_count give no number, and such a "
        "group is in no gap. The tests are conservative when few texts are selected or "
        "few are not. The calibration error is too high in small groups; its interval "
        "allows for that, its value does not. Rows are taken as independent unless the "
        "data names clusters of them."
    )
    source: ClassVar[str] = (
        "Hardt et al. (2016), arXiv 1610.02413; Dwork et al. (2012), arXiv 1104.3913; "
        "Chouldechova (2017), arXiv 1610.07524. Unlike fairlearn, a rate without "
        "denominator is undefined, not 0, and a ratio of zeros has a reason."
    )
    traits: ClassVar[Mapping[str, str]] = {"task": "classification"}

    def __post_init__(self) -> None:
        """Refuse parameters that have no meaning."""
        wanted = {
            "threshold": (0 <= self.threshold <= 1, "a number from 0 to 1"),
            "min_count": (self.min_count >= 1, "at least 1"),
            "depth": (self.depth >= 1, "at least 1"),
            "bins": (self.bins >= 1, "at least 1"),
            "draws": (self.draws >= FEWEST_DRAWS, f"at least {FEWEST_DRAWS}"),
            "level": (0 < self.level < 1, "a number between 0 and 1"),
        }
        for name, (right, told) in wanted.items():
            if not right:
                value = getattr(self, name)
                raise AuditError(
                    f"Parameter {name} of disparity is {value!r}; give {told}."
                )

    def needs(self, data: Examples, card: ModelCard) -> Mapping[str, Request]:
        """Return one prediction per text."""
        require_labels(data, card)
        if not self._several(card):
            positive_class(card, self.positive)
        return {"predictions": Predict(data.texts)}

    def score(
        self,
        data: Examples,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterator[Finding]:
        """Return rates, calibration and gaps, axis by axis, intersections last."""
        table = readings["predictions"]["probabilities"]
        if self._several(card):
            decisions = most_probable(data, table, card)
        else:
            positive = positive_class(card, self.positive)
            decisions = at_threshold(data, table, card, positive, self.threshold)
        axes = axes_of(data, decisions.rows)
        axes += intersections(axes, self.depth, self.min_count)
        for axis, stream in zip(axes, rng.spawn(len(axes)), strict=True):
            if axis.groups:
                yield from self._axis(axis, decisions, stream)
            else:
                yield self._too_small(axis)

    def _axis(
        self, axis: Axis, decisions: Decisions, rng: np.random.Generator
    ) -> Iterator[Finding]:
        first, second, third = rng.spawn(3)
        rates = RateTable.of(
            axis, decisions, self.min_count, self.level, self.draws, first
        )
        yield from rates.findings()
        yield from gap_findings(rates)
        yield from Calibration(
            axis=axis,
            decisions=decisions,
            bins=self.bins,
            min_count=self.min_count,
            draws=self.draws,
            level=self.level,
        ).findings(second)
        yield distance_finding(
            axis, decisions, self.min_count, self.draws, self.level, third
        )

    def _too_small(self, axis: Axis) -> Finding:
        return Finding(
            quantity=DIFFERENCES["selection_rate"],
            subject=axis.name,
            reason=f"no group of {axis.name} has {self.min_count} texts (min_count)",
            detail={"left_out": {**axis.left_out}},
        )

    def _several(self, card: ModelCard) -> bool:
        return self.positive is None and len(card.labels) > BINARY
