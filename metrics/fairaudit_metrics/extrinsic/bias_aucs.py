"""Measure how well scores rank texts about each group, and across groups."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

import numpy as np

from fairaudit.data import Examples
from fairaudit.errors import AuditError
from fairaudit.metric import Metric
from fairaudit.model import ModelCard, Predict, Reading, Request
from fairaudit.result import Family, Finding, Quantity
from fairaudit_metrics.extrinsic.auc_findings import group_findings, overall_finding
from fairaudit_metrics.extrinsic.auc_quantities import (
    BY_GROUP,
    FINAL,
    LARGEST,
    LOWEST,
    MEANS,
    OVERALL,
)
from fairaudit_metrics.extrinsic.auc_summaries import axis_findings
from fairaudit_metrics.extrinsic.aucs import AucTable
from fairaudit_metrics.extrinsic.axes import axes_of
from fairaudit_metrics.extrinsic.decisions import (
    at_threshold,
    positive_class,
    require_labels,
)

FEWEST_DRAWS: Final = 100


@dataclass(frozen=True)
class BiasAucs(Metric[Examples]):
    """Rank texts by score: within each group, and against its background.

    Parameters
    ----------
    positive
        Name of the positive class; by default the second of two.
    background
        Rows that a group is compared with: ``"all"`` takes every row known to be
        outside the group, ``"identity_only"`` only rows of another group of the axis,
        as the evaluation of HateXplain does.
    unknown
        Rows whose membership is not known: ``"drop"`` leaves them out of the group's
        numbers, ``"background"`` takes them as outside, as the Jigsaw evaluation does.
    min_count
        Least number of positives and of negatives on either side of an AUC.
    power
        Exponent of the generalised means, not 0.
    draws
        Draws of the tests and of the simultaneous intervals.
    level
        Of the intervals.
    """

    positive: str | None = None
    background: Literal["all", "identity_only"] = "all"
    unknown: Literal["drop", "background"] = "drop"
    min_count: int = 10
    power: float = -5.0
    draws: int = 10_000
    level: float = 0.95

    name: ClassVar[str] = "bias_aucs"
    family: ClassVar[Family] = "extrinsic"
    accepts: ClassVar[type[Examples]] = Examples
    asks: ClassVar[tuple[str, ...]] = ("predict",)
    quantities: ClassVar[tuple[Quantity, ...]] = (
        OVERALL,
        *BY_GROUP.values(),
        *LOWEST.values(),
        *MEANS.values(),
        FINAL,
        *LARGEST.values(),
    )
    summary: ClassVar[str] = (
        "Subgroup, BPSN and BNSP AUC and average equality gaps of each group, their "
        "generalised means and the final metric of the Jigsaw evaluation."
    )
    formula: ClassVar[str] = (
        "AUC(P, N) = P(s_P > s_N) + P(s_P = s_N) / 2. With D+, D- the background and "
        "G+, G- the group: subgroup AUC(G+, G-); BPSN AUC(D+, G-); BNSP AUC(G+, D-); "
        "negative AEG AUC(G-, D-) - 1/2; positive AEG AUC(G+, D+) - 1/2. Generalised "
        "mean: (mean of m^p)^(1/p), p = power. Final: (overall + three means) / 4."
    )
    limits: ClassVar[str] = (
        "AUCs see the order of scores only: a threshold that suits one group and not "
        "another is not seen. Groups with fewer than min_count rows on a side give no "
        "number and are in no mean, which then is that of the other groups."
    )
    source: ClassVar[str] = (
        f"{BY_GROUP['subgroup_auc'].reference}. Unlike the published code, a group "
        "without a class is left out of the means by name; there they are undefined."
    )
    traits: ClassVar[Mapping[str, str]] = {"task": "classification"}

    def __post_init__(self) -> None:
        """Refuse parameters that have no meaning."""
        refusals = {
            "background": self.background not in {"all", "identity_only"},
            "unknown": self.unknown not in {"drop", "background"},
            "min_count": self.min_count < 1,
            "power": self.power == 0 or not np.isfinite(self.power),
            "draws": self.draws < FEWEST_DRAWS,
            "level": not 0 < self.level < 1,
        }
        wanted = {
            "background": "all or identity_only",
            "unknown": "drop or background",
            "min_count": "at least 1",
            "power": "a finite number other than 0",
            "draws": f"at least {FEWEST_DRAWS}",
            "level": "a number between 0 and 1",
        }
        for name in (name for name, refused in refusals.items() if refused):
            value = getattr(self, name)
            raise AuditError(
                f"Parameter {name} of bias_aucs is {value!r}; give {wanted[name]}."
            )

    def needs(self, data: Examples, card: ModelCard) -> Mapping[str, Request]:
        """Return one prediction per text."""
        require_labels(data, card)
        positive_class(card, self.positive)
        return {"predictions": Predict(data.texts)}

    def score(
        self,
        data: Examples,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterator[Finding]:
        """Return AUCs by group, then those of the whole axis, axis by axis."""
        positive = positive_class(card, self.positive)
        table = readings["predictions"]["probabilities"]
        decisions = at_threshold(data, table, card, positive, 0.5)
        axes = axes_of(data, decisions.rows)
        for axis, stream in zip(axes, rng.spawn(len(axes)), strict=True):
            aucs = AucTable(
                axis=axis,
                decisions=decisions,
                identity_only=self.background == "identity_only",
                unknown_outside=self.unknown == "background",
                min_count=self.min_count,
                level=self.level,
            )
            yield overall_finding(aucs)
            yield from group_findings(aucs, self.draws, stream)
            yield from axis_findings(aucs, self.power, self.draws, stream)
