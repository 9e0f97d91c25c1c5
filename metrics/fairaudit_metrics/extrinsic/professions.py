"""True positive rates of two groups, class by class."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.stats.bootstrap import Bootstrap, resample
from fairaudit.stats.cells import (
    Cells,
    count_cells,
    one_vs_rest,
    ratio,
    true_positive_rates,
)
from fairaudit.stats.units import cluster_units, row_units
from fairaudit_metrics.extrinsic.axes import Axis
from fairaudit_metrics.extrinsic.decisions import Decisions

ROUNDING: Final = 1e-12


@dataclass(frozen=True, kw_only=True)
class Professions:
    """True positive rates of two groups for every class of the data.

    Parameters
    ----------
    axis, decisions
        Two groups, and decisions between several classes.
    first, second
        Numbers of the groups: gaps are those of the first minus the second.
    sample
        Draws of the rates, in the order (class, group).
    min_count
        Least number of texts of a class in either group.
    level
        Of the intervals.
    """

    axis: Axis
    decisions: Decisions
    first: int
    second: int
    cells: Cells
    sample: Bootstrap
    min_count: int
    level: float

    @classmethod
    def of(
        cls,
        axis: Axis,
        decisions: Decisions,
        first: int,
        min_count: int,
        level: float,
        draws: int,
        rng: np.random.Generator,
    ) -> "Professions":
        """Count the rows and draw the rates."""
        label, right = decisions.label, decisions.outcome.astype(np.int64)
        classes = (decisions.classes, 2)
        cells = count_cells(axis.member, axis.code, label, right, classes)
        units = row_units(cells)
        if decisions.clusters is not None:
            units = cluster_units(cells, axis.code, label, right, decisions.clusters)
        rates = true_positive_rates(decisions.classes)
        return cls(
            axis=axis,
            decisions=decisions,
            first=first,
            second=1 - first,
            cells=cells,
            sample=resample(units, rates, draws, rng, level),
            min_count=min_count,
            level=level,
        )

    @property
    def names(self) -> tuple[str, str]:
        """Names of the two groups."""
        return self.axis.groups[self.first], self.axis.groups[self.second]

    @cached_property
    def totals(self) -> IntArray:
        """Texts of each class in the two groups, shape (classes, 2)."""
        return self._both(self.cells.tables.sum(axis=2))

    @cached_property
    def rates(self) -> Array:
        """True positive rates, shape (classes, 2); NaN without texts."""
        return ratio(self._both(self.cells.tables[:, :, 1]), self.totals)

    @cached_property
    def false_positive_rates(self) -> Array:
        """Rates at which other classes are taken for this one, shape (classes, 2)."""
        found, count = self.decisions, self.decisions.classes
        cells = count_cells(
            self.axis.member, self.axis.code, found.label, found.decision, (count,) * 2
        )
        rates = one_vs_rest(range(count), count)
        return ratio(*(side[2:-1:4] for side in rates.count(cells.tables)))[
            :, [self.first, self.second]
        ]

    @cached_property
    def shares(self) -> Array:
        """Share of the first group among the texts of each class."""
        return ratio(self.totals[:, 0], self.totals.sum(axis=1))

    @cached_property
    def gaps(self) -> Array:
        """True positive rate of the first group minus that of the second."""
        return np.asarray(self.rates[:, 0] - self.rates[:, 1])

    @cached_property
    def hit_shares(self) -> Array:
        """Share of the first group among the texts that are predicted correctly.

        pi TPR_1 / (pi TPR_1 + (1 - pi) TPR_2), pi the share of the first group.
        """
        return _hit_shares(self.shares, self.rates[:, 0], self.rates[:, 1])

    @cached_property
    def compounds(self) -> BoolArray:
        """Whether that share is farther from one half, on the same side."""
        return _compounds(self.shares, self.hit_shares)

    @cached_property
    def measured(self) -> IntArray:
        """Return the classes of the data that both groups have enough texts of."""
        return np.array([y for y in self.decisions.rated if not self.reason(y)], int)

    def reason(self, number: int) -> str:
        """Return why a class has no gap, "" if it has."""
        counts = self.totals[number].tolist()
        if min(counts) < self.min_count:
            told = " and ".join(
                f"{n} texts of {g}" for n, g in zip(counts, self.names, strict=True)
            )
            return f"{told}; min_count is {self.min_count}"
        clusters = self.sample.clusters
        if clusters is not None and clusters.reshape(-1, 2)[number].min() < 2:
            return "the texts of a group are all in one cluster"
        return ""

    def drawn_gaps(self, numbers: IntArray) -> Bootstrap:
        """Return draws of the gaps of some classes, on smoothed rates."""
        columns = 2 * numbers + self.first, 2 * numbers + self.second
        centre, draws = self.sample.centre, self.sample.draws
        return Bootstrap(
            centre[columns[0]] - centre[columns[1]],
            draws[columns[0]] - draws[columns[1]],
            self.sample.method,
        )

    def drawn_hit_shares(self, numbers: IntArray) -> Array:
        """Return draws of the shares among the hits, shape (classes, draws)."""
        first, second = (
            np.clip(self.sample.draws[2 * numbers + group], 0, 1)
            for group in (self.first, self.second)
        )
        return _hit_shares(self.shares[numbers, None], first, second)

    def drawn_compounds(self, numbers: IntArray) -> BoolArray:
        """Return whether draws compound, shape (classes, draws)."""
        return _compounds(self.shares[numbers, None], self.drawn_hit_shares(numbers))

    def _both(self, table: IntArray) -> IntArray:
        return np.asarray(table[[self.first, self.second]].T)


def _hit_shares(share: Array, first: Array, second: Array) -> Array:
    hits = share * first
    return ratio(hits, hits + (1 - share) * second)


def _compounds(share: Array, among_hits: Array) -> BoolArray:
    return np.asarray((share - 0.5) * (among_hits - share) > ROUNDING)
