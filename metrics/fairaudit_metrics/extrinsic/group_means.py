"""Means of groups with intervals, and the largest difference between them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array
from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.means import mean_difference, mean_interval


@dataclass(frozen=True)
class Drawing:
    """How intervals are drawn.

    Parameters
    ----------
    min_units
        Groups with fewer independent units have a reason instead of a mean.
    draws
        Bootstrap draws.
    level
        Level of the intervals.
    """

    min_units: int
    draws: int
    level: float


@dataclass(frozen=True)
class Compared:
    """What is compared: a group's mean, the gap, and the null of the gap's test."""

    mean: Quantity
    gap: Quantity
    null: str


def compared(
    axis: str,
    groups: Mapping[str, Array],
    what: Compared,
    how: Drawing,
    detail: Mapping[str, Json],
    rng: np.random.Generator,
) -> Iterator[Finding]:
    """Yield the mean of every group, and the largest gap of those with enough units.

    Parameters
    ----------
    axis
        Name of the axis.
    groups
        One value an independent unit, by group.
    what, how
        Quantities, and the drawing of intervals.
    detail
        Of every finding.
    rng
        Draws the bootstrap.
    """
    for group, found in groups.items():
        yield mean_of(f"{axis}={group}", found, what.mean, how, detail, rng)
    kept = {name: v for name, v in groups.items() if len(v) >= how.min_units}
    few = sorted(groups.keys() - kept.keys())
    yield _largest(axis, kept, what, how, {**detail, "left_out": list(few)}, rng)


def mean_of(
    subject: str,
    found: Array,
    quantity: Quantity,
    how: Drawing,
    detail: Mapping[str, Json],
    rng: np.random.Generator,
) -> Finding:
    """Return the mean over independent units, or that they are too few."""
    if len(found) < how.min_units:
        return Finding(
            quantity=quantity,
            subject=subject,
            reason=f"independent units (entities, else texts): {len(found)}, fewer "
            f"than {how.min_units}",
            detail=detail,
        )
    low, high = mean_interval(found, how.draws, how.level, rng)
    method = f"percentile bootstrap over units, {how.draws} draws"
    return Finding(
        quantity=quantity,
        subject=subject,
        value=float(found.mean()),
        n=len(found),
        interval=Interval(low, high, how.level, method),
        detail=detail,
    )


def _largest(
    axis: str,
    kept: Mapping[str, Array],
    what: Compared,
    how: Drawing,
    detail: Mapping[str, Json],
    rng: np.random.Generator,
) -> Finding:
    if len(kept) < 2:
        reason = f"fewer than two groups have {how.min_units} units"
        return Finding(
            quantity=what.gap, subject=axis, key=axis, reason=reason, detail=detail
        )
    names = sorted(kept, key=lambda name: float(kept[name].mean()))
    gap = mean_difference(list(kept.values()), how.draws, how.level, rng)
    return Finding(
        quantity=what.gap,
        subject=f"{axis}: {names[-1]} vs {names[0]}",
        key=axis,
        value=gap.value,
        n=sum(map(len, kept.values())),
        interval=Interval(gap.low, gap.high, how.level, gap.method),
        p_value=gap.p_value,
        null=what.null,
        detail={**detail, "highest": names[-1], "lowest": names[0]},
    )
