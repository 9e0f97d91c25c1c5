"""Labelled texts with group columns, in any table."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from fairaudit.datasets.coding import Classes, Clusters, Ids, Labels, Scores
from fairaudit.datasets.labelled import LabelledReader
from fairaudit.datasets.layout import Layout, Missing, Unknown
from fairaudit.datasets.membership import Empty, GroupColumn, Member, Names
from fairaudit.datasets.table import Source, read_header
from fairaudit.errors import AuditError

PREFIX = "group:"
CONTEXT_COLUMNS = {"word", "start", "end"}


@dataclass(frozen=True)
class ExamplesReader(LabelledReader):
    """Read labelled texts from CSV, TSV, JSON Lines, Parquet or a saved dataset.

    Classes and the groups of an axis stand in sorted order, and both are those of the
    whole file even where `limit` keeps a sample of its rows.

    Parameters
    ----------
    split
        Only this split of a folder of splits, or by the column ``split``.
    where
        Only rows in which a column equals a value: ``column:value``, several joined by
        ``+``.
    text, label
        Names of the columns; a file without the label column has no labels.
    groups
        Columns or axes joined by ``+``; empty for every ``group:`` column. Written as
        ``AXIS:COLUMN``, the column holds the membership in one group, named as the
        column, as truth value or fraction.
    threshold
        From which fraction on a row is a member of a group.
    label_threshold
        The label column holds scores from 0 to 1; those from this on are the class
        called as the column, the others ``non-`` and its name.
    classes
        Labels that may occur, joined by ``+``; another one is an error. Empty for any.
    id, cluster
        Columns that identify a row, and that mark rows which depend on one another by
        equal cells (a template, an author); empty for none.
    empty
        What an empty cell of a column of group names says: ``none`` (no group is
        mentioned) or ``unknown``; ``auto`` is ``none`` for ``group:`` columns, as they
        are defined, and ``unknown`` for others.
    unknown
        What happens with rows whose group is not known: ``keep`` (a state of its own,
        in no number of that group), ``background`` (counted as outside the group) or
        ``leave_out`` (counted and left out altogether).
    no_text
        What happens with rows without a text: ``refuse`` or ``leave_out`` (counted).
    """

    name: ClassVar[str] = "examples"
    summary: ClassVar[str] = "Labelled texts with groups, in any table"
    general: ClassVar[bool] = True
    columns: ClassVar[Mapping[str, str]] = {
        "text": "the text, never empty",
        "label": "the class, as text; empty where the row has none",
        "group:AXIS": "the row's groups on this axis, as a list or separated by |; "
        "empty where it mentions none; 'unknown' or '?' where that is not known",
        "group:AXIS=NAME": "membership in one group as true, false or a fraction; "
        "empty where not known",
    }

    text: str = "text"
    label: str = "label"
    groups: str = ""
    threshold: float = 0.5
    label_threshold: float | None = None
    classes: str = ""
    id: str = ""
    cluster: str = ""
    empty: Literal["auto", "none", "unknown"] = "auto"
    unknown: Unknown = "keep"
    no_text: Missing = "refuse"

    def __post_init__(self) -> None:
        """Refuse thresholds that are no fraction above 0, and options that clash."""
        if self.classes and self.label_threshold is not None:
            raise AuditError(
                "Scores cut by label_threshold have no classes to choose from: give "
                "either 'classes' or 'label_threshold'."
            )
        for name in ("threshold", "label_threshold"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 1:
                raise AuditError(
                    f"The {name} of the examples reader is {value}; "
                    "give a fraction above 0 and at most 1."
                )

    def claims(self, path: Path) -> bool:
        """Tell whether the file has a text column and is no table of contexts."""
        header = set(read_header(path))
        return self.text in header and not header >= CONTEXT_COLUMNS

    def layout(self, source: Source) -> Layout:
        """Return where the columns named by the options stand."""
        source.require(self.text, "text")
        for option in ("id", "cluster"):
            if name := getattr(self, option):
                source.require(name, option)
        return Layout(
            text=self.text,
            labels=self._labels(source),
            groups=self._groups(source),
            ids=Ids(self.id) if self.id else None,
            clusters=Clusters(self.cluster) if self.cluster else None,
            no_text=self.no_text,
            unknown=self.unknown,
        )

    def _labels(self, source: Source) -> Labels | None:
        asked = self.label != ExamplesReader.label or self.label_threshold is not None
        if self.label and asked:
            source.require(self.label, "label")
        if self.label not in source.columns:
            return None
        if self.label_threshold is not None:
            negative = f"non-{self.label}"
            return Scores(self.label, self.label_threshold, negative, self.label)
        allowed = [name.strip() for name in self.classes.split("+") if name.strip()]
        return Classes(self.label, dict(zip(allowed, allowed, strict=True)) or None)

    def _groups(self, source: Source) -> list[GroupColumn]:
        if not self.groups:
            names = [name for name in source.columns if name.startswith(PREFIX)]
            return [self._column(source, name) for name in names]
        found: dict[str, GroupColumn] = {}
        for part in (part.strip() for part in self.groups.split("+")):
            found |= self._asked(source, part)
        return list(found.values())

    def _asked(self, source: Source, part: str) -> dict[str, GroupColumn]:
        """Return the columns that a part of `groups` means, by name."""
        axis, colon, column = part.partition(":")
        of_axis = [name for name in source.columns if _is_of(name, part)]
        if part in source.columns or not (of_axis or colon):
            source.require(part, "groups")
            return {part: self._column(source, part)}
        if of_axis:
            return {name: self._column(source, name) for name in of_axis}
        source.require(column, "groups")
        return {part: Member(axis, column, (column,), self.threshold)}

    def _column(self, source: Source, column: str) -> GroupColumn:
        axis, equals, name = column.removeprefix(PREFIX).partition("=")
        if not axis or (equals and not name):
            raise AuditError(
                f"{source.path}: the column {column!r} names no axis or no "
                f"group. Call it {PREFIX}AXIS or {PREFIX}AXIS=NAME."
            )
        if equals:
            return Member(axis, name, (column,), self.threshold)
        return Names(axis, column, self._empty(column))

    def _empty(self, column: str) -> Empty:
        if self.empty != "auto":
            return self.empty
        return "none" if column.startswith(PREFIX) else "unknown"


def _is_of(column: str, axis: str) -> bool:
    rest = column.removeprefix(PREFIX)
    return rest != column and rest.partition("=")[0] == axis
