"""Group columns: membership in one group, or the names of groups."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, TypeAlias

import numpy as np

from fairaudit.arrays import AnyArray, BoolArray
from fairaudit.data import Group
from fairaudit.datasets.coding import MOST, Coding
from fairaudit.datasets.rows import UNKNOWN, Table
from fairaudit.errors import AuditError, suggest

Empty: TypeAlias = Literal["none", "unknown"]
"""What an empty cell says: that the row is in no group, or that it is not known."""


class GroupColumn(ABC):
    """One or several columns that tell groups of one axis."""

    axis: str
    columns: tuple[str, ...]

    @abstractmethod
    def states(self, table: Table) -> AnyArray:
        """Return a number for each row."""

    @abstractmethod
    def known(self, states: AnyArray) -> BoolArray:
        """Return whether the membership of each row is known."""

    @abstractmethod
    def groups(self, states: AnyArray) -> Iterator[Group]:
        """Return the groups of all rows."""


@dataclass
class Member(GroupColumn):
    """Membership in one group, as truth value or fraction.

    Parameters
    ----------
    axis, name
        The group.
    columns
        A row is a member where one of these is >= `threshold`. It is known where one
        of them makes it a member or none is empty.
    threshold
        Of the fractions.
    """

    axis: str
    name: str
    columns: tuple[str, ...]
    threshold: float

    def states(self, table: Table) -> AnyArray:
        """Return 1 for members, 0 for others, -1 where it is not known."""
        cells = np.array([table.fractions(column) for column in self.columns])
        member = (cells >= self.threshold).any(axis=0)
        missing = np.isnan(cells).any(axis=0)
        return np.where(member, 1, np.where(missing, -1, 0)).astype(np.int8)

    def known(self, states: AnyArray) -> BoolArray:
        """Return whether the membership of each row is known."""
        found: BoolArray = states >= 0
        return found

    def groups(self, states: AnyArray) -> Iterator[Group]:
        """Return the group."""
        yield Group(self.axis, self.name, states > 0, states >= 0)


@dataclass
class Names(GroupColumn):
    """Names of groups, separated by ``|`` or in a list.

    Parameters
    ----------
    axis
        Axis of the groups.
    column
        Name of the column.
    empty
        What an empty cell says.
    allowed
        Names that may occur, with the group that each stands for; None for any.
    """

    axis: str
    column: str
    empty: Empty = "none"
    allowed: Mapping[str, str] | None = None
    _coding: Coding = field(default_factory=Coding, init=False)
    _parts: list[frozenset[str]] = field(default_factory=list, init=False)
    _known: list[bool] = field(default_factory=list, init=False)
    _names: set[str] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        """Tell which column is read."""
        self.columns = (self.column,)

    def states(self, table: Table) -> AnyArray:
        """Return the number of each cell among the distinct ones."""
        cells = table.lists(self.column)
        codes = self._coding.codes(cells)
        for cell in islice(self._coding.values, len(self._parts), None):
            self._learn(table, cells, cell)
        return codes.astype(np.int32)

    def known(self, states: AnyArray) -> BoolArray:
        """Return whether the groups of each row are known."""
        return np.array(self._known, dtype=bool)[states]

    def groups(self, states: AnyArray) -> Iterator[Group]:
        """Return the groups in sorted order."""
        known = self.known(states)
        for name in sorted(self._names):
            member = np.array([name in parts for parts in self._parts], dtype=bool)
            yield Group(self.axis, name, member[states], known)

    def _learn(self, table: Table, cells: Sequence[object], cell: object) -> None:
        """Take a cell apart that was not seen before."""
        split = cell if isinstance(cell, tuple) else str(cell).split("|")
        parts = {part.strip() for part in split} - {""}
        hidden = {part for part in parts if part.lower() in UNKNOWN}
        if hidden and hidden != parts:
            table.fail(
                cells.index(cell),
                f"column {self.column!r}: {cell!r} names a group and 'unknown' at "
                "once. Give one or the other.",
            )
        known = not hidden and (bool(parts) or self.empty == "none")
        self._known.append(known)
        named = frozenset(self._named(table, cells, cell, p) for p in parts - hidden)
        self._parts.append(named)
        self._names |= named
        if len(self._names) > MOST:
            self._refuse_many(table)

    def _named(
        self, table: Table, cells: Sequence[object], cell: object, part: str
    ) -> str:
        if self.allowed is None:
            return part
        if part not in self.allowed:
            known = suggest(part, self.allowed)
            table.fail(
                cells.index(cell),
                f"column {self.column!r} holds {part!r}, which is none of its groups. "
                f"{known}",
            )
        return self.allowed[part]

    def _refuse_many(self, table: Table) -> None:
        raise AuditError(
            f"{table.path}: column {self.column!r} names more than {MOST} groups. "
            f"Write groups=AXIS:{self.column} where it holds the membership in one "
            "group, or name other columns."
        )
