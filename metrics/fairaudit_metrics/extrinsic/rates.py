"""Rates of groups and their intervals."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.bootstrap import Bootstrap, resample
from fairaudit.stats.cells import (
    PER_CLASS,
    Cells,
    Rates,
    count_cells,
    one_vs_rest,
    ratio,
)
from fairaudit.stats.proportions import wilson
from fairaudit.stats.units import cluster_units, row_units
from fairaudit_metrics.extrinsic.axes import Axis
from fairaudit_metrics.extrinsic.decisions import Decisions

FEWEST_CLUSTERS: Final = 2


def _rate(name: str, definition: str) -> Quantity:
    return Quantity(
        name=name, unit="proportion", ideal=None, low=0, high=1, definition=definition
    )


RATES: Final = (
    _rate("selection_rate", "Share of the group's texts that are selected."),
    _rate(
        "true_positive_rate", "Share of the group's positive texts that are selected."
    ),
    _rate(
        "false_positive_rate", "Share of the group's negative texts that are selected."
    ),
    _rate(
        "positive_predictive_value",
        "Share of the group's selected texts that are positive.",
    ),
    _rate("accuracy", "Share of the group's texts that are decided as labelled."),
)
COUNTED: Final = ("texts", "positives", "negatives", "selected texts", "texts")


@dataclass(frozen=True, kw_only=True)
class RateTable:
    """Rates of all groups of an axis, class by class, accuracy last.

    Parameters
    ----------
    axis, decisions
        Groups and decisions.
    sample
        Draws of the rates, in the order (rate, group).
    min_count
        Least denominator.
    level
        Of the intervals.
    """

    axis: Axis
    decisions: Decisions
    cells: Cells
    rates: Rates
    sample: Bootstrap
    min_count: int
    level: float

    @classmethod
    def of(
        cls,
        axis: Axis,
        decisions: Decisions,
        min_count: int,
        level: float,
        draws: int,
        rng: np.random.Generator,
    ) -> "RateTable":
        """Count the rows and draw the rates."""
        found, count = decisions, decisions.classes
        cells = count_cells(
            axis.member, axis.code, found.label, found.decision, (count, count)
        )
        rates = one_vs_rest(found.rated, count)
        units = row_units(cells)
        if found.clusters is not None:
            units = cluster_units(
                cells, axis.code, found.label, found.decision, found.clusters
            )
        return cls(
            axis=axis,
            decisions=found,
            cells=cells,
            rates=rates,
            sample=resample(units, rates, draws, rng, level),
            min_count=min_count,
            level=level,
        )

    @cached_property
    def counts(self) -> tuple[IntArray, IntArray]:
        """Numerators and denominators, shape (rates, groups)."""
        return self.rates.count(self.cells.tables)

    @property
    def totals(self) -> IntArray:
        """Denominators, shape (rates, groups)."""
        return self.counts[1]

    @cached_property
    def values(self) -> Array:
        """Rates, shape (rates, groups); NaN where undefined, never reported."""
        found = ratio(*self.counts)
        return np.where(self.totals >= self.min_count, found, np.nan)

    @cached_property
    def overall(self) -> Array:
        """Rates of all labelled rows, shape (rates,)."""
        part, whole = self.rates.count(self.cells.counts.sum(axis=0, keepdims=True))
        return ratio(part, whole)[:, 0]

    @cached_property
    def effective(self) -> Array:
        """Denominators as of independent rows, shape (rates, groups).

        Where rows come in clusters, the number of rows that would give the variance
        found; never more than there are, and at least 1.
        """
        if self.decisions.clusters is None:
            return np.maximum(self.totals, 1).astype(float)
        smooth = np.nan_to_num(self.sample.centre.reshape(self.totals.shape), nan=0.5)
        spread = np.nan_to_num(self.sample.spread.reshape(self.totals.shape))
        with np.errstate(divide="ignore"):
            alone = smooth * (1 - smooth) / spread**2
        return np.clip(alone, 1, np.maximum(self.totals, 1))

    def kind(self, rate: int) -> int:
        """Return which of `RATES` a rate is."""
        last = len(self.rates.part) - 1
        return PER_CLASS if rate == last else rate % PER_CLASS

    def of_kind(self, kind: int) -> IntArray:
        """Return the rates of a kind, one for each class."""
        rates = range(len(self.rates.part))
        return np.array([r for r in rates if self.kind(r) == kind])

    def label(self, rate: int) -> str:
        """Return the name of a rate, with its class where there are several."""
        name = RATES[self.kind(rate)].name
        return f"{name}{self.about(rate, ' of ')}"

    def about(self, rate: int, before: str) -> str:
        """Return the class a rate is about, "" where that goes without saying."""
        if self.decisions.one_positive or self.kind(rate) == PER_CLASS:
            return ""
        return f"{before}{self.decisions.names[rate // PER_CLASS]}"

    def column(self, rate: int, group: int) -> int:
        """Return where a rate stands in the sample."""
        return rate * len(self.axis.groups) + group

    def reason(self, rate: int, group: int) -> str:
        """Return why a rate is undefined, "" if it is not."""
        count = self.totals[rate, group]
        if count >= self.min_count:
            return ""
        what = f"{COUNTED[self.kind(rate)]}{self.about(rate, ' of class ')}"
        return f"{count} {what} in the group; min_count is {self.min_count}"

    def obstacle(self, rate: int, group: int) -> str:
        """Return why a rate can be in no comparison, "" if it can."""
        if self.comparable[rate, group]:
            return ""
        rows = f"{self.totals[rate, group]} {COUNTED[self.kind(rate)]}"
        return self.reason(rate, group) or f"its {rows} are all in one cluster"

    @cached_property
    def comparable(self) -> BoolArray:
        """Tell which rates can be compared, shape (rates, groups)."""
        enough = self.totals >= self.min_count
        if self.sample.clusters is None:
            return enough
        clusters = self.sample.clusters.reshape(enough.shape)
        return np.asarray(enough & (clusters >= FEWEST_CLUSTERS))

    def measured(self, rate: int) -> IntArray:
        """Return the groups whose rate can be compared."""
        return np.flatnonzero(self.comparable[rate])

    def group_counts(self, rate: int, group: int) -> dict[str, int]:
        """Return texts, positives and negatives; of the class the rate is about."""
        if self.kind(rate) == PER_CLASS and not self.decisions.one_positive:
            return {"n": int(self.totals[rate, group])}
        first = rate - self.kind(rate) if self.kind(rate) < PER_CLASS else 0
        n, positives, negatives = self.totals[first : first + 3, group]
        return {"n": int(n), "positives": int(positives), "negatives": int(negatives)}

    def findings(self) -> Iterator[Finding]:
        """Return the rates of every group with Wilson intervals.

        `detail` has the interval that holds for all groups of the axis at once: that of
        Wilson with the max-t factor of the bootstrap for its normal quantile.
        """
        alone = self._wilson(self.level)
        joint = {
            kind: self._wilson(self._joint_level(kind)) for kind in range(len(RATES))
        }
        for group in range(len(self.axis.groups)):
            for rate in range(len(self.rates.part)):
                together = joint[self.kind(rate)][:, rate, group]
                yield self._finding(rate, group, alone[:, rate, group], together)

    def _wilson(self, level: float) -> Array:
        size = self.effective
        share = np.nan_to_num(ratio(*self.counts))
        return np.stack(wilson(share * size, size, level))

    def _joint_level(self, kind: int) -> float:
        from scipy.special import ndtr

        columns = [
            self.column(int(rate), int(group))
            for rate in self.of_kind(kind)
            for group in self.measured(int(rate))
        ]
        if not columns:
            return self.level
        reach = self.sample.critical(np.array(columns), self.level)
        return max(self.level, 2 * float(ndtr(reach)) - 1)

    def _finding(self, rate: int, group: int, alone: Array, together: Array) -> Finding:
        reason, obstacle = self.reason(rate, group), self.obstacle(rate, group)
        method = "Wilson"
        if self.decisions.clusters is not None:
            method = "Wilson, effective rows by a bootstrap of clusters"
        detail: dict[str, Json] = {
            **self.group_counts(rate, group),
            "hits": int(self.counts[0][rate, group]),
            "decision": self.decisions.rule,
            "unlabelled_rows": self.decisions.unlabelled,
            "unknown_membership": int(self.axis.unknown[group]),
        }
        if not obstacle:
            detail["simultaneous_interval"] = together.tolist()
        elif not reason:
            detail["no_interval"] = obstacle
        interval = Interval(float(alone[0]), float(alone[1]), self.level, method)
        return Finding(
            quantity=RATES[self.kind(rate)],
            subject=f"{self.axis.subject(group)}{self.about(rate, ', class ')}",
            value=None if reason else float(self.values[rate, group]),
            n=int(self.totals[rate, group]),
            interval=None if obstacle else interval,
            reason=reason,
            detail=detail,
        )
