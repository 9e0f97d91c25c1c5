"""Measure how the hit rate of each class differs between two groups."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from fairaudit.data import Examples
from fairaudit.errors import AuditError, suggest
from fairaudit.metric import Metric, Unmeasurable
from fairaudit.model import ModelCard, Predict, Reading, Request
from fairaudit.result import Family, Finding, Quantity
from fairaudit_metrics.extrinsic.axes import axes_of
from fairaudit_metrics.extrinsic.decisions import BINARY, most_probable, require_labels
from fairaudit_metrics.extrinsic.profession_findings import (
    axis_findings,
    class_findings,
)
from fairaudit_metrics.extrinsic.profession_quantities import (
    CHANGE,
    COMPOUNDING,
    CORRELATION,
    GAP,
    RMS,
)
from fairaudit_metrics.extrinsic.professions import Professions

FEWEST_DRAWS: Final = 100


@dataclass(frozen=True)
class BiasInBios(Metric[Examples]):
    """Compare true positive rates of two groups, profession by profession.

    Parameters
    ----------
    axis
        An axis of two groups; by default every such axis.
    first
        The group whose rate the other's is taken from, and whose share of the texts
        the gaps are correlated with; by default the first of the axis.
    min_count
        Least number of texts of a class in either group.
    draws
        Bootstrap draws and permutations.
    level
        Of the intervals.
    """

    axis: str | None = None
    first: str | None = None
    min_count: int = 10
    draws: int = 10_000
    level: float = 0.95

    name: ClassVar[str] = "bias_in_bios"
    family: ClassVar[Family] = "extrinsic"
    accepts: ClassVar[type[Examples]] = Examples
    asks: ClassVar[tuple[str, ...]] = ("predict",)
    quantities: ClassVar[tuple[Quantity, ...]] = (
        GAP,
        CHANGE,
        RMS,
        CORRELATION,
        COMPOUNDING,
    )
    summary: ClassVar[str] = (
        "Gaps between two groups in the true positive rate of each class, such as a "
        "profession, and how they go with the group's share of the class."
    )
    formula: ClassVar[str] = (
        "Gap_y = P(d = y | y, first) - P(d = y | y, second), d the most probable "
        "class; RMS = sqrt(mean_y Gap_y^2); r = Pearson's correlation over y of Gap_y "
        "and pi_y, the first group's share of the texts of y; share among the hits: "
        "pi TPR_1 / (pi TPR_1 + (1 - pi) TPR_2)."
    )
    limits: ClassVar[str] = (
        "The share of a group is that of the audited texts; published correlations "
        "take it from the whole dataset. The correlation takes classes as a sample. "
        "The RMS of few texts is too high; its interval allows for that, its value "
        "does not."
    )
    source: ClassVar[str] = (
        "De-Arteaga et al. (2019), arXiv 1901.09451; Ravfogel et al. (2020), arXiv "
        "2004.07667. Unlike the published code, a class that is never predicted "
        "correctly has a gap of 0 and counts."
    )
    traits: ClassVar[Mapping[str, str]] = {"task": "classification"}

    def __post_init__(self) -> None:
        """Refuse parameters that have no meaning."""
        wanted = {
            "min_count": (self.min_count >= 1, "at least 1"),
            "draws": (self.draws >= FEWEST_DRAWS, f"at least {FEWEST_DRAWS}"),
            "level": (0 < self.level < 1, "a number between 0 and 1"),
        }
        for name, (right, told) in wanted.items():
            if not right:
                value = getattr(self, name)
                raise AuditError(
                    f"Parameter {name} of bias_in_bios is {value!r}; give {told}."
                )

    def needs(self, data: Examples, card: ModelCard) -> Mapping[str, Request]:
        """Return one prediction per text."""
        require_labels(data, card)
        if len(card.labels) <= BINARY:
            raise Unmeasurable(
                f"the model has {len(card.labels)} classes; gaps by class need three "
                "or more (the metric disparity compares rates of two)"
            )
        self._axes(data)
        return {"predictions": Predict(data.texts)}

    def score(
        self,
        data: Examples,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterator[Finding]:
        """Return gaps by class, then their size and their correlation, by axis."""
        decisions = most_probable(data, readings["predictions"]["probabilities"], card)
        chosen = self._axes(data)
        axes = [a for a in axes_of(data, decisions.rows) if a.name in chosen]
        for axis, stream in zip(axes, rng.spawn(len(axes)), strict=True):
            table = Professions.of(
                axis,
                decisions,
                chosen[axis.name],
                self.min_count,
                self.level,
                self.draws,
                stream,
            )
            yield from class_findings(table)
            yield from axis_findings(table, self.draws, stream)

    def _axes(self, data: Examples) -> Mapping[str, int]:
        """Return the axes to audit, and the number of the first group of each."""
        names = {axis: [g.name for g in groups] for axis, groups in data.axes.items()}
        if self.axis is not None and self.axis not in names:
            raise Unmeasurable(
                f"the data has no axis {self.axis!r}. {suggest(self.axis, names)}"
            )
        two = {
            axis: groups
            for axis, groups in names.items()
            if len(groups) == 2 and self.axis in {None, axis}
        }
        found = {
            axis: 0 if self.first is None else groups.index(self.first)
            for axis, groups in two.items()
            if self.first is None or self.first in groups
        }
        if not found:
            told = "; ".join(f"{axis}: {', '.join(g)}" for axis, g in names.items())
            with_first = "" if self.first is None else f" and a group {self.first!r}"
            raise Unmeasurable(f"no axis has two groups{with_first} ({told})")
        return found
