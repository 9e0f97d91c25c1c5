"""Labelled texts with groups, read from a table in bounded memory."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fairaudit.data import Examples, Reader
from fairaudit.datasets.conditions import Condition, conditions, none_left
from fairaudit.datasets.layout import Layout
from fairaudit.datasets.rows import Table, empty_column
from fairaudit.datasets.sampling import Sample
from fairaudit.datasets.table import CHUNK, Source, open_source
from fairaudit.errors import AuditError

NOT_SAMPLED = "not in the sample (limit)"


@dataclass
class _Blank:
    """Texts that must not be empty and are: the first one and how many there are."""

    column: str
    count: int = 0
    first: Table | None = None

    def note(self, table: Table) -> None:
        texts = table.strings(self.column)
        if all(map(str.strip, texts)):
            return
        rows = [row for row, text in enumerate(texts) if not text.strip()]
        self.count += len(rows)
        self.first = self.first or table.take(np.array(rows[:1]))

    def refuse(self) -> None:
        if self.first is not None:
            self.first.fail(0, empty_column(self.column, self.count))


def gather(
    source: Source,
    layout: Layout,
    wanted: Sequence[Condition],
    limit: int | None,
    rng: np.random.Generator,
    chunk: int = CHUNK,
) -> Examples:
    """Read a source chunk by chunk; `limit` keeps a seeded sample of that many rows.

    The result does not depend on the size of the chunks, and what `limit` leaves out
    is held for the length of one chunk only. Every row is checked whether it is kept
    or not.
    """
    sample, left_out = Sample(limit, rng), Counter[str]()
    blank = _Blank(layout.text)
    names = layout.needed | {condition.column for condition in wanted}
    met = 0
    for raw in source.chunks(names, chunk):
        chosen = _chosen(raw, wanted, left_out)
        met += len(chosen)
        if not len(chosen):
            continue
        table = layout.prepare(chosen, left_out)
        if layout.no_text == "refuse":
            blank.note(table)
        sample.add(layout.read(table, left_out))
    blank.refuse()
    if not sample.seen:
        raise _nothing(source, left_out) if met else none_left(source, wanted)
    examples = layout.examples(source, sample.columns())
    left_out[NOT_SAMPLED] = sample.seen - examples.card.n
    return replace(examples, card=replace(examples.card, left_out=_sorted(left_out)))


def _chosen(table: Table, wanted: Sequence[Condition], left_out: Counter[str]) -> Table:
    for condition in wanted:
        kept = condition.rows(table)
        if not kept.all():
            left_out[condition.reason] += int(np.count_nonzero(~kept))
            table = table.take(np.flatnonzero(kept))
    return table


def _sorted(left_out: Mapping[str, int]) -> dict[str, int]:
    """Return what was left out, most first: no order in which the rows came."""
    counts = [(reason, count) for reason, count in left_out.items() if count]
    return dict(sorted(counts, key=lambda item: (-item[1], item[0])))


def _nothing(source: Source, left_out: Mapping[str, int]) -> AuditError:
    counts = _sorted(left_out).items()
    reasons = ", ".join(f"{reason}: {count}" for reason, count in counts)
    return AuditError(f"{source.path}: no row can be used ({reasons}). Check the file.")


@dataclass(frozen=True)
class LabelledReader(Reader):
    """Reads labelled texts from any kind of table.

    Parameters
    ----------
    split
        Only this split: of a folder of splits, or by the column ``split``. The command
        line has it behind the name, ``NAME@SPLIT=PATH``.
    where
        Only rows in which a column equals a value: ``column:value``, several joined by
        ``+``.
    """

    split: str = ""
    where: str = ""

    def read(self, path: Path, limit: int | None, rng: np.random.Generator) -> Examples:
        """Read the file or folder; `limit` keeps a seeded sample of that many rows."""
        source = self.opened(path)
        wanted = conditions(source, self.split, self.where)
        examples = gather(source, self.layout(source), wanted, limit, rng)
        card = examples.card
        return replace(
            examples,
            card=replace(
                card,
                name=f"{card.name}@{self.split}" if self.split else card.name,
                licence=card.licence or self.licence,
                source=card.source or self.source,
            ),
        )

    def opened(self, path: Path) -> Source:
        """Find the file or folder."""
        return open_source(path, self.split)

    @abstractmethod
    def layout(self, source: Source) -> Layout:
        """Return where in a table the parts stand."""
