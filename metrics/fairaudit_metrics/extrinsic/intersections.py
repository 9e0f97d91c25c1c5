"""Groups that are in several groups at once."""

from collections.abc import Iterator, Sequence
from itertools import combinations, combinations_with_replacement, product
from math import comb
from typing import Final

import numpy as np

from fairaudit.arrays import BoolArray, IntArray
from fairaudit.metric import Unmeasurable
from fairaudit.stats.patterns import first_rows
from fairaudit_metrics.extrinsic.axes import Axis

MOST: Final = 20_000


def intersections(axes: Sequence[Axis], depth: int, min_count: int) -> list[Axis]:
    """Return an axis for every set of 2 to `depth` axes, of their groups' overlaps.

    Groups of one axis are intersected too where rows are in several. An intersection
    without rows is no group; one with fewer than `min_count` rows is left out and
    named. A row is known to be outside where it is known to be outside of one group,
    and inside where it is known to be inside of all.
    """
    groups = sum(len(axis.groups) for axis in axes)
    candidates = sum(comb(groups, size) for size in range(2, depth + 1))
    if candidates > MOST:
        raise Unmeasurable(
            f"{groups} groups have {candidates} intersections of up to {depth}, more "
            f"than {MOST}; lower 'depth' or audit fewer groups"
        )
    found = [
        _overlaps(chosen, min_count)
        for size in range(2, depth + 1)
        for chosen in combinations_with_replacement(axes, size)
    ]
    return [axis for axis in found if axis.groups or axis.left_out]


def _overlaps(axes: Sequence[Axis], min_count: int) -> Axis:
    """Intersect one group of each axis; an axis that occurs twice gives two groups."""
    distinct = list(dict.fromkeys(axis.name for axis in axes))
    parts = [next(axis for axis in axes if axis.name == name) for name in distinct]
    times = [sum(axis.name == name for axis in axes) for name in distinct]
    code, rows = _joint(parts)
    size = np.bincount(code, minlength=len(rows))
    names, member, known, left_out = [], [], [], {}
    for chosen in product(*map(_choices, parts, times)):
        inside, certain = _conjunction(parts, chosen, rows)
        count = int(size[inside].sum())
        name = " & ".join(
            axis.groups[g] for axis, at in zip(parts, chosen, strict=True) for g in at
        )
        if count >= min_count:
            names.append(name)
            member.append(inside)
            known.append(certain)
        elif count:
            left_out[name] = (
                f"{count} texts in the intersection; min_count is {min_count}"
            )
    shape = (len(rows), 0)
    return Axis(
        name=" & ".join(axis.name for axis in axes),
        groups=tuple(names),
        member=np.column_stack(member) if member else np.zeros(shape, dtype=bool),
        known=np.column_stack(known) if known else np.zeros(shape, dtype=bool),
        code=code,
        left_out=left_out,
    )


def _choices(axis: Axis, times: int) -> Iterator[tuple[int, ...]]:
    return combinations(range(len(axis.groups)), times)


def _joint(axes: Sequence[Axis]) -> tuple[IntArray, IntArray]:
    """Return the joint pattern of each row, and a row of each pattern."""
    code = np.zeros(len(axes[0].code), dtype=np.int64)
    for axis in axes:
        _, code = np.unique(code * len(axis.member) + axis.code, return_inverse=True)
    return code, first_rows(code)


def _conjunction(
    axes: Sequence[Axis],
    chosen: Sequence[tuple[int, ...]],
    rows: IntArray,
) -> tuple[BoolArray, BoolArray]:
    inside, outside = np.ones(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    for axis, groups in zip(axes, chosen, strict=True):
        at = axis.code[rows]
        for group in groups:
            inside &= axis.member[at, group]
            outside |= axis.known[at, group] & ~axis.member[at, group]
    return inside, inside | outside
