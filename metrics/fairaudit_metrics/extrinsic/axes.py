"""Groups of one axis, by the membership patterns that occur."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.data import Examples, Group
from fairaudit.stats.patterns import patterns


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The groups of one axis over the labelled rows of a dataset.

    Parameters
    ----------
    name
        Such as ``"gender"``.
    groups
        Names of the groups. A row may be in several, or in none.
    member, known
        Shape (patterns, groups): the pattern is in the group; it is known whether.
    code
        Shape (n,): the pattern of each row.
    left_out
        Groups that are not compared, each with the reason.
    """

    name: str
    groups: tuple[str, ...]
    member: BoolArray
    known: BoolArray
    code: IntArray
    left_out: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def rows(self) -> IntArray:
        """Shape (patterns,): rows of each pattern."""
        return np.bincount(self.code, minlength=len(self.member))

    @cached_property
    def unknown(self) -> IntArray:
        """Shape (groups,): rows of which membership is not known."""
        return np.asarray(self.rows @ ~self.known, dtype=np.int64)

    @cached_property
    def sizes(self) -> IntArray:
        """Shape (groups,): rows of each group."""
        return np.asarray(self.rows @ self.member, dtype=np.int64)

    def sums(self, values: Array | BoolArray) -> Array:
        """Add up a value of the rows of each group, shape (groups,)."""
        found = np.bincount(self.code, values, minlength=len(self.member))
        return np.asarray(found @ self.member, dtype=float)

    def too_small(self, least: int) -> dict[str, str]:
        """Return the groups with fewer rows, and those left out, with the reason."""
        sizes = zip(self.groups, self.sizes.tolist(), strict=True)
        small = {
            name: f"{size} texts in the group; min_count is {least}"
            for name, size in sizes
            if size < least
        }
        return {**self.left_out, **small}

    def subject(self, group: int) -> str:
        """Return axis and group in one string."""
        return f"{self.name}={self.groups[group]}"


def axes_of(data: Examples, rows: IntArray) -> list[Axis]:
    """Return the axes of the data over some of its rows."""
    return [_axis(name, groups, rows) for name, groups in data.axes.items()]


def _axis(name: str, groups: Sequence[Group], rows: IntArray) -> Axis:
    known = np.column_stack([group.known[rows] for group in groups])
    member = np.column_stack([group.member[rows] for group in groups]) & known
    code, first = patterns(np.hstack([member, known]))
    return Axis(
        name=name,
        groups=tuple(group.name for group in groups),
        member=member[first],
        known=known[first],
        code=code,
    )
