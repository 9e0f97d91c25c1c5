"""Labelled texts with group columns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairaudit.arrays import BoolArray, IntArray
from fairaudit.data import Examples, Group, Reader
from fairaudit.datasets.table import (
    Table,
    read_header,
    read_table,
    sample_rows,
)
from fairaudit.errors import AuditError

PREFIX = "group:"
UNKNOWN = ("unknown", "?")
CONTEXT_COLUMNS = {"word", "start", "end"}
TRUTH = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True)
class ExamplesReader(Reader):
    """Read labelled texts from CSV, TSV, JSON Lines or Parquet.

    Classes and the groups of an axis stand in sorted order, and both are those of the
    whole file even where `limit` keeps a sample of its rows.

    Parameters
    ----------
    text, label
        Names of the columns; a file without the label column has no labels.
    groups
        Names of columns or axes joined by ``+``; empty for every ``group:`` column.
    threshold
        From which fraction on a ``group:AXIS=NAME`` column counts as membership.
    """

    name: ClassVar[str] = "examples"
    summary: ClassVar[str] = "Labelled texts with groups (CSV, TSV, JSONL, Parquet)"
    columns: ClassVar[Mapping[str, str]] = {
        "text": "the text, never empty",
        "label": "the class, as text; empty where the row has none",
        "group:AXIS": "the row's groups on this axis, separated by |; empty where it "
        "mentions none; 'unknown' or '?' where that is not known",
        "group:AXIS=NAME": "membership in one group as true, false or a fraction; "
        "empty where not known",
    }

    text: str = "text"
    label: str = "label"
    groups: str = ""
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise AuditError(
                f"The threshold of the examples reader is {self.threshold}; "
                "give a fraction above 0 and at most 1."
            )

    def claims(self, path: Path) -> bool:
        """Tell whether the file has a text column and is no table of contexts."""
        header = set(read_header(path))
        return self.text in header and not header >= CONTEXT_COLUMNS

    def read(self, path: Path, limit: int | None, rng: np.random.Generator) -> Examples:
        """Read the file; `limit` keeps a seeded sample of that many rows."""
        table = read_table(path)
        table.require(self.text, "text")
        label_names, labels = self._labels(table)
        examples = Examples(
            card=table.card(Examples.kind),
            texts=table.texts(self.text),
            labels=labels,
            label_names=label_names,
            groups=self._groups(table),
        )
        return _take(examples, sample_rows(len(table), limit, rng))

    def _labels(self, table: Table) -> tuple[tuple[str, ...], IntArray]:
        if self.label != ExamplesReader.label and self.label:
            table.require(self.label, "label")
        if self.label not in table.columns:
            return (), np.full(len(table), -1)
        labels = [label.strip() for label in table.strings(self.label)]
        names, codes = np.unique(np.array(labels, dtype=object), return_inverse=True)
        missing = int("" in names)
        return tuple(names[missing:].tolist()), codes - missing

    def _groups(self, table: Table) -> tuple[Group, ...]:
        found = [
            group
            for column in self._group_columns(table)
            for group in _GroupColumn.of(table, column).groups(self.threshold)
        ]
        labels = [group.label for group in found]
        for label in labels:
            if labels.count(label) > 1:
                raise AuditError(
                    f"{table.path}: two columns give the group {label!r}. Remove one, "
                    "or choose the columns with the option 'groups'."
                )
        return tuple(found)

    def _group_columns(self, table: Table) -> list[str]:
        marked = [column for column in table.columns if column.startswith(PREFIX)]
        if not self.groups:
            return marked
        chosen: dict[str, None] = {}
        for name in (part.strip() for part in self.groups.split("+")):
            of_axis = [column for column in marked if name == _axis(column)]
            if name in table.columns or not of_axis:
                table.require(name, "groups")
                of_axis = [name]
            chosen.update(dict.fromkeys(of_axis))
        return list(chosen)


@dataclass(frozen=True)
class _GroupColumn:
    """A group column as its distinct cells: `codes` leads from rows to `values`."""

    table: Table
    column: str
    values: tuple[str, ...]
    rows: IntArray
    codes: IntArray

    @classmethod
    def of(cls, table: Table, column: str) -> "_GroupColumn":
        cells = np.array([cell.strip() for cell in table.strings(column)], dtype=object)
        values, rows, codes = np.unique(cells, return_index=True, return_inverse=True)
        return cls(table, column, tuple(values), rows, codes)

    def groups(self, threshold: float) -> Iterable[Group]:
        axis, equals, name = self.column.removeprefix(PREFIX).partition("=")
        if not axis or (equals and not name):
            raise AuditError(
                f"{self.table.path}: the column {self.column!r} names no axis or no "
                f"group. Call it {PREFIX}AXIS or {PREFIX}AXIS=NAME."
            )
        if equals:
            return [self._by_fraction(axis, name, threshold)]
        return self._by_name(axis)

    def _by_fraction(self, axis: str, name: str, threshold: float) -> Group:
        fractions = np.array([_fraction(value) for value in self.values])
        self._refuse(
            fractions < 0,
            "is no fraction. Give true, false or a number from 0 to 1, or leave the "
            "cell empty where it is not known.",
        )
        known = ~np.isnan(fractions)
        return Group(
            axis, name, (fractions >= threshold)[self.codes], known[self.codes]
        )

    def _by_name(self, axis: str) -> Iterable[Group]:
        parts = [{p.strip() for p in value.split("|")} - {""} for value in self.values]
        hidden = [{p for p in found if p.lower() in UNKNOWN} for found in parts]
        self._refuse(
            np.array([bool(h) and h != p for h, p in zip(hidden, parts, strict=True)]),
            "names a group and 'unknown' at once. Give one or the other.",
        )
        known = np.array([not found for found in hidden])[self.codes]
        for name in sorted(set().union(*parts) - set().union(*hidden)):
            member = np.array([name in found for found in parts])[self.codes]
            yield Group(axis, name, member, known)

    def _refuse(self, wrong: BoolArray, problem: str) -> None:
        if wrong.any():
            row = int(self.rows[wrong].min())
            cell = self.values[self.codes[row]]
            self.table.fail(row, f"column {self.column!r}: {cell!r} {problem}")


def _axis(column: str) -> str:
    return column.removeprefix(PREFIX).partition("=")[0]


def _fraction(value: str) -> float:
    """Return the fraction, NaN where it is not known, -1 where it is none."""
    if not value or value.lower() in UNKNOWN:
        return np.nan
    try:
        number = float(TRUTH.get(value.lower(), value))
    except ValueError:
        return -1.0
    return number if 0 <= number <= 1 else -1.0


def _take(examples: Examples, rows: IntArray) -> Examples:
    groups = tuple(
        replace(g, member=g.member[rows], known=g.known[rows]) for g in examples.groups
    )
    counts: dict[str, dict[str, int]] = {}
    for group in groups:
        count = int(np.count_nonzero(group.member & group.known))
        counts.setdefault(group.axis, {})[group.name] = count
    return replace(
        examples,
        card=replace(examples.card, n=len(rows), groups=counts),
        texts=tuple(examples.texts[row] for row in rows),
        labels=examples.labels[rows],
        groups=groups,
    )
