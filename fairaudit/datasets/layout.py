"""Where in a table the parts of labelled texts stand."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from fairaudit.arrays import AnyArray, BoolArray, IntArray
from fairaudit.data import Examples, Group
from fairaudit.datasets.coding import Clusters, Ids, Labels
from fairaudit.datasets.membership import GroupColumn
from fairaudit.datasets.rows import Table
from fairaudit.datasets.table import Source
from fairaudit.errors import AuditError

Unknown: TypeAlias = Literal["keep", "background", "leave_out"]
"""Rows whose group is not known: a state of their own, in no group, or left out."""
Missing: TypeAlias = Literal["refuse", "leave_out"]
Prepare: TypeAlias = Callable[[Table, Counter[str]], Table]


def as_they_are(table: Table, _: Counter[str]) -> Table:
    """Return the table itself."""
    return table


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where in a table the parts of labelled texts stand.

    Parameters
    ----------
    text
        Column of the texts.
    labels
        Column of the classes; None where there is none.
    groups
        Group columns.
    ids, clusters
        Further columns; None where there is none.
    prepare
        Makes the columns named here out of those in the file, and counts the rows that
        it leaves out by their reason.
    columns
        Columns to read from the file, where `prepare` makes others.
    no_text, no_label
        What happens with rows without a text or label; ``"keep"`` for labels only.
    unknown
        What happens with rows that have a group that is not known.
    """

    text: str
    labels: Labels | None = None
    groups: Sequence[GroupColumn] = ()
    ids: Ids | None = None
    clusters: Clusters | None = None
    prepare: Prepare = as_they_are
    columns: Sequence[str] = ()
    no_text: Missing = "refuse"
    no_label: Literal["keep", "leave_out"] = "keep"
    unknown: Unknown = "keep"

    @property
    def needed(self) -> frozenset[str]:
        """Names of the columns to read from the file."""
        if self.columns:
            return frozenset(self.columns)
        single = (self.labels, self.ids, self.clusters)
        names = [part.column for part in single if part is not None]
        of_groups = [name for group in self.groups for name in group.columns]
        return frozenset([self.text, *names, *of_groups])

    def read(self, table: Table, left_out: Counter[str]) -> dict[str, AnyArray]:
        """Return what a chunk holds as columns of equal length."""
        found = self._columns(table)
        kept = np.ones(len(table), dtype=bool)
        for reason, wrong in self._wrong(found):
            left_out[reason] += int(np.count_nonzero(wrong & kept))
            kept &= ~wrong
        if kept.all():
            return found
        return {name: values[kept] for name, values in found.items()}

    def _columns(self, table: Table) -> dict[str, AnyArray]:
        found = {"text": np.array(table.strings(self.text), dtype=object)}
        if self.labels is not None:
            found["label"] = self.labels.codes(table)
        if self.ids is not None:
            found["id"] = self.ids.read(table)
        if self.clusters is not None:
            found["cluster"] = self.clusters.codes(table)
        states = {f"group {i}": g.states(table) for i, g in enumerate(self.groups)}
        return found | states

    def _wrong(self, found: Mapping[str, AnyArray]) -> list[tuple[str, BoolArray]]:
        wrong = []
        if self.no_text == "leave_out":
            blank = [not text.strip() for text in found["text"]]
            wrong.append(("no text", np.array(blank, dtype=bool)))
        if self.no_label == "leave_out":
            wrong.append(("no label", found["label"] < 0))
        if self.unknown == "leave_out":
            known = [g.known(s) for g, s in self._states(found)]
            unknown = ~np.logical_and.reduce(known) if known else []
            wrong.append(("a group is not known", np.array(unknown, dtype=bool)))
        return wrong

    def _states(
        self, found: Mapping[str, AnyArray]
    ) -> list[tuple[GroupColumn, AnyArray]]:
        return [(g, found[f"group {i}"]) for i, g in enumerate(self.groups)]

    def examples(self, source: Source, found: Mapping[str, AnyArray]) -> Examples:
        """Return the data that all chunks together hold."""
        n = len(found["text"])
        names: tuple[str, ...] = ()
        labels: IntArray = np.full(n, -1)
        if self.labels is not None:
            names, labels = self.labels.finish(found["label"])
        groups = self._groups(source, found)
        return Examples(
            card=replace(source.card(Examples.kind, n), groups=counts(groups)),
            texts=tuple(found["text"].tolist()),
            labels=labels,
            label_names=names,
            groups=groups,
            clusters=self.clusters.finish(found["cluster"]) if self.clusters else None,
            ids=tuple(found["id"].tolist()) if self.ids else (),
        )

    def _groups(
        self, source: Source, found: Mapping[str, AnyArray]
    ) -> tuple[Group, ...]:
        groups = [g for column, s in self._states(found) for g in column.groups(s)]
        labels = [group.label for group in groups]
        for label in labels:
            if labels.count(label) > 1:
                raise AuditError(
                    f"{source.path}: two columns give the group {label!r}. Remove one, "
                    "or choose the columns with the option 'groups'."
                )
        if self.unknown == "background":
            groups = [replace(g, known=np.ones_like(g.known)) for g in groups]
        return tuple(groups)


def counts(groups: Sequence[Group]) -> dict[str, dict[str, int]]:
    """Return how many rows are known to be in each group, by axis."""
    found: dict[str, dict[str, int]] = {}
    for group in groups:
        count = int(np.count_nonzero(group.member & group.known))
        found.setdefault(group.axis, {})[group.name] = count
    return found
