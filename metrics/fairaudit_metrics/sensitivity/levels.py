"""Dataset-level findings of one form: overall, by group, by class, and the gap."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.data import Group
from fairaudit.result import Finding, Interval, Json, Quantity, units_of
from fairaudit_metrics.sensitivity.means import (
    column_means,
    difference,
    normal_interval,
)

ALL = "all texts"


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Values of one form, text by text.

    Parameters
    ----------
    quantity, gap
        What their mean, and the difference between groups, mean.
    values
        Shape (n,): NaN where a text has none.
    axes
        Groups whose means are compared, by axis.
    predicted
        Shape (n,): the predicted class of each text.
    classes
        Their names.
    keys
        Shape (n,): what a text is known by in another audit of the same data.
    clusters
        Shape (n,), None where texts are independent.
    detail
        Stands beside the number over all texts.
    """

    quantity: Quantity
    gap: Quantity
    values: Array
    axes: Mapping[str, tuple[Group, ...]]
    predicted: IntArray
    classes: tuple[str, ...]
    keys: IntArray
    clusters: IntArray | None
    min_count: int
    draws: int
    level: float
    detail: Mapping[str, Json] = field(default_factory=dict)

    @cached_property
    def usable(self) -> BoolArray:
        """Texts that have a value."""
        found: BoolArray = np.isfinite(self.values)
        return found

    def findings(self, rng: np.random.Generator) -> Iterator[Finding]:
        """Return the means, then the differences between groups."""
        columns = self._columns()
        large = {k: c for k, c in columns.items() if c.sum() >= self.min_count}
        intervals = self._means(large)
        for subject, column in columns.items():
            yield self._mean(subject, column, intervals.get(subject))
        if ALL in large:
            for axis, groups in self.axes.items():
                yield self._difference(axis, groups, large, rng)

    def _columns(self) -> dict[str, BoolArray]:
        found = {ALL: self.usable}
        for groups in self.axes.values():
            for group in groups:
                found[group.label] = self.usable & group.known & group.member
        for number, name in enumerate(self.classes):
            if (self.predicted == number).any():
                found[f"predicted as {name}"] = self.usable & (self.predicted == number)
        return found

    def _means(
        self, columns: Mapping[str, BoolArray]
    ) -> Mapping[str, tuple[float, Interval]]:
        if not columns:
            return {}
        member = np.stack(list(columns.values()), axis=1)[self.usable]
        found = column_means(self.values[self.usable], member, self._clusters)
        least = self.quantity.low
        return {
            subject: (
                float(found.means[at, 0]),
                normal_interval(found, at, self.level, least),
            )
            for at, subject in enumerate(columns)
        }

    @property
    def _clusters(self) -> IntArray | None:
        return None if self.clusters is None else self.clusters[self.usable]

    def _mean(
        self, subject: str, column: BoolArray, found: tuple[float, Interval] | None
    ) -> Finding:
        detail = self.detail if subject == ALL else {}
        n = int(column.sum())
        if found is None:
            reason = f"{n} texts have a value; {self.min_count} are needed"
            return Finding(
                quantity=self.quantity, subject=subject, reason=reason, detail=detail
            )
        value, interval = found
        clusters = None if self.clusters is None else self.clusters[column]
        return Finding(
            quantity=self.quantity,
            subject=subject,
            value=value,
            n=n,
            interval=interval,
            detail={**self._spread(subject), **detail},
            units=units_of(self.keys[column], self.values[column], clusters),
        )

    def _spread(self, subject: str) -> Mapping[str, Json]:
        if subject != ALL:
            return {}
        values = self.values[self.usable]
        return {"deciles": np.quantile(values, np.linspace(0, 1, 11)).tolist()}

    def _difference(
        self,
        axis: str,
        groups: tuple[Group, ...],
        large: Mapping[str, BoolArray],
        rng: np.random.Generator,
    ) -> Finding:
        names = [group.label for group in groups if group.label in large]
        left_out: Json = [group.label for group in groups if group.label not in large]
        if len(names) > 1:
            member = np.stack([large[name] for name in names], axis=1)
            return self._compared(axis, names, member, left_out, rng)
        reason = f"fewer than two groups of {axis} with {self.min_count} texts"
        detail = {"left_out": left_out}
        return Finding(quantity=self.gap, subject=axis, reason=reason, detail=detail)

    def _compared(
        self,
        axis: str,
        names: list[str],
        member: BoolArray,
        left_out: Json,
        rng: np.random.Generator,
    ) -> Finding:
        rows = member.any(axis=1)
        found = difference(
            self.values[rows],
            member[rows],
            None if self.clusters is None else self.clusters[rows],
            draws=self.draws,
            level=self.level,
            rng=rng,
        )
        return Finding(
            quantity=self.gap,
            subject=f"{names[found.highest]} vs {names[found.lowest]}",
            value=found.value,
            n=int(rows.sum()),
            interval=Interval(found.low, found.high, self.level, found.method),
            p_value=found.p_value,
            null=f"the mean sensitivity is the same in all groups of {axis}",
            detail={"left_out": left_out, "test": found.test},
        )
