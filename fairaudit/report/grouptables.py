"""Tables of what was measured for each group, and for groups within groups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from fairaudit.report import wording
from fairaudit.report.schema import keys
from fairaudit.result import AuditReport, Record

Place: TypeAlias = tuple[str, str, str, str, str]
Column: TypeAlias = str
_CLASS: Final = ", class "

SMALL: Final = 30
"""Fewer units than this are marked: such a number says little about the group."""


@dataclass(frozen=True)
class GroupTable:
    """One axis of groups in one dataset as one metric saw one model.

    Parameters
    ----------
    axis
        Such as ``"gender"``, or ``"gender & age"`` for groups within groups.
    columns
        What was measured, in words.
    rows
        The records of each group by column; a column may be lacking.
    first
        Any record of the table, for its provenance.
    """

    axis: str
    columns: Sequence[Column]
    rows: Mapping[str, Mapping[Column, Record]]
    first: Record

    @property
    def intersectional(self) -> bool:
        """Whether the groups lie within several axes at once."""
        return "&" in self.axis

    @property
    def small(self) -> int:
        """How many numbers rest on fewer units than `SMALL`."""
        found = [record for row in self.rows.values() for record in row.values()]
        return sum(record.n < SMALL for record in found)


def group_tables(report: AuditReport) -> list[GroupTable]:
    """Return the tables, those of one axis before those of several."""
    found: dict[Place, list[tuple[str, Column, Record]]] = {}
    key_of = keys()
    for record in report.records:
        if (parts := _split(record.subject)) and record.quantity is not None:
            axis, group, of = parts
            column = f"{wording.heading(record)}{of}"
            place = _place(record, key_of(record.params), axis)
            found.setdefault(place, []).append((group, column, record))
    tables = [_table(place[-1], cells) for place, cells in found.items()]
    return sorted(_shared(tables), key=lambda table: table.intersectional)


def _shared(tables: Sequence[GroupTable]) -> Iterator[GroupTable]:
    """Leave out tables of a single group: there is nothing beside it."""
    return (table for table in tables if len(table.rows) > 1)


def _split(subject: str) -> tuple[str, str, str] | None:
    """Return axis, group and class of a subject such as ``"gender=women"``."""
    axis, equals, rest = subject.partition("=")
    if not (axis and equals and rest) or ":" in axis or " vs " in rest:
        return None
    group, comma, name = rest.partition(_CLASS)
    return axis, group, f"{comma}{name}"


def _place(record: Record, params: str, axis: str) -> Place:
    return (
        record.model,
        record.dataset,
        record.metric,
        params,
        axis,
    )


def _table(axis: str, cells: Sequence[tuple[str, Column, Record]]) -> GroupTable:
    rows: dict[str, dict[Column, Record]] = {}
    for group, column, record in cells:
        rows.setdefault(group, {})[column] = record
    columns = list(dict.fromkeys(column for _, column, _ in cells))
    return GroupTable(axis, columns, rows, cells[0][2])
