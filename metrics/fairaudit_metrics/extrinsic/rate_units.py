"""Two groups with a rate, and what each row adds to how far apart they are."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fairaudit.result import Units, units_of
from fairaudit_metrics.extrinsic.rates import RateTable


@dataclass(frozen=True)
class Widest:
    """Highest and lowest group of a rate, never the same one."""

    rate: int
    high: int
    low: int
    values: tuple[float, float]

    @property
    def difference(self) -> float:
        """The higher rate minus the lower."""
        return self.values[0] - self.values[1]

    @property
    def ratio(self) -> float:
        """The lower rate over the higher, 1 where both are 0."""
        return self.values[1] / self.values[0] if self.values[0] > 0 else 1.0

    def difference_units(self, table: RateTable) -> Units | None:
        """Return what each row adds to the difference."""
        slopes = {self.high: 1.0, self.low: -1.0}
        return rate_units(table, self.rate, self.difference, slopes)

    def ratio_units(self, table: RateTable) -> Units | None:
        """Return what each row adds to the ratio, where the higher rate is not 0."""
        high, low = self.values
        slopes = {self.low: 1 / high, self.high: -low / high**2}
        return rate_units(table, self.rate, self.ratio, slopes)


def rate_units(
    table: RateTable, rate: int, value: float, slopes: Mapping[int, float]
) -> Units | None:
    """Return what each row adds to a function of the rates of groups, to first order.

    A row of a group moves the group's rate r, a hits over b rows, by (hit - r) / b
    where it counts among the b, and the value by that times the slope, its derivative
    by r. All rows that are in some group are units, so that a rate whose denominator
    depends on the decisions (a predictive value) has the same units in every audit.

    Parameters
    ----------
    slopes
        Derivative of the value by the rate of each group that it depends on.
    """
    axis, found = table.axis, table.decisions
    part, whole = table.rates.part[rate], table.rates.whole[rate]
    moves = np.zeros((len(axis.member), len(part)))
    for group, slope in slopes.items():
        each = (part - table.values[rate, group] * whole) / table.totals[rate, group]
        moves += slope * axis.member[:, group, None] * each
    used = np.flatnonzero(np.any(axis.member, axis=1)[axis.code])
    cell = found.label[used] * found.classes + found.decision[used]
    values = value + len(used) * moves[axis.code[used], cell]
    clusters = None if found.clusters is None else found.clusters[used]
    return units_of(found.keys[used], values, clusters)
