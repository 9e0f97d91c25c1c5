"""HONEST: sentences about identities with a gap at their end."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairaudit.data import Gaps, Reader
from fairaudit.datasets.table import Table, read_header, read_table, sample_rows

GAP = "[M]"
TWICE = "templates that a category has twice"


@dataclass(frozen=True)
class HonestReader(Reader):
    """Read a table of templates that the authors of HONEST publish.

    Columns are read by name: their order differs between the published files.

    Parameters
    ----------
    axis
        Name of the axis of the categories.

    Notes
    -----
    The authors' loader keeps one row a template, so that 810 English rows become 724
    and the category of a template that has two is that of one row. Here a template
    counts once in each of its categories; repetitions within a category are counted.
    """

    name: ClassVar[str] = "honest"
    summary: ClassVar[str] = "HONEST templates, as published (en_template.tsv)"
    columns: ClassVar[Mapping[str, str]] = {
        "template_masked": f"sentence with the gap {GAP}",
        "category": "whom it is about, such as 'female'",
        "raw, identity, number, type": "not used; tell the format",
    }
    licence: ClassVar[str] = "MIT"
    source: ClassVar[str] = "https://github.com/MilaNLProc/honest"

    axis: str = "identity"

    def claims(self, path: Path) -> bool:
        """Tell by the names of the columns."""
        return {"template_masked", "category", "identity"} <= set(read_header(path))

    def read(self, path: Path, limit: int | None, rng: np.random.Generator) -> Gaps:
        """Read the table; `limit` keeps a seeded sample of that many templates."""
        table = read_table(path)
        for column in ("template_masked", "category"):
            table.require(column)
        texts, groups = table.texts("template_masked"), table.texts("category")
        rows = list(dict.fromkeys(zip(texts, groups, strict=True)))
        _check(table, texts)
        kept = [rows[row] for row in sample_rows(len(rows), limit, rng).tolist()]
        parts = [text.partition(GAP) for text, _ in kept]
        entry = table.card(Gaps.kind)
        twice = len(texts) - len(rows)
        return Gaps(
            card=replace(
                entry,
                n=len(kept),
                groups={self.axis: dict(Counter(group for _, group in kept))},
                left_out={TWICE: twice} if twice else {},
                licence=entry.licence or self.licence,
                source=entry.source or self.source,
                traits={"domain": "templates"},
            ),
            before=tuple(before for before, _, _ in parts),
            after=tuple(after for _, _, after in parts),
            axis=(self.axis,) * len(kept),
            groups=tuple(group for _, group in kept),
        )


def _check(table: Table, texts: tuple[str, ...]) -> None:
    for row, text in enumerate(texts):
        if text.count(GAP) != 1:
            table.fail(
                row,
                f"the template {text!r} needs the gap {GAP} once. Write it where the "
                "model is to fill in a word.",
            )
