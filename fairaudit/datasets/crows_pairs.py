"""CrowS-Pairs: pairs of a more and a less stereotypical sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairaudit.arrays import IntArray
from fairaudit.data import Pairs, Reader
from fairaudit.datasets.table import Table, read_header, read_table, sample_rows

DIRECTIONS = ("stereo", "antistereo")


@dataclass(frozen=True)
class CrowsPairsReader(Reader):
    """Read the CSV file that the authors of CrowS-Pairs publish.

    ``sent_more`` is the more stereotypical sentence in both directions, so that no row
    is turned round.
    """

    name: ClassVar[str] = "crows_pairs"
    summary: ClassVar[str] = "CrowS-Pairs, as published (CSV)"
    columns: ClassVar[Mapping[str, str]] = {
        "sent_more": "the more stereotypical sentence",
        "sent_less": "the less stereotypical sentence",
        "stereo_antistereo": "'stereo' or 'antistereo'",
        "bias_type": "kind of stereotype, such as 'age'",
    }
    licence: ClassVar[str] = "CC-BY-SA-4.0"
    source: ClassVar[str] = "https://github.com/nyu-mll/crows-pairs"
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "stereotype",
        "domain": "crowd-sourced sentences",
        "language": "en",
    }

    def claims(self, path: Path) -> bool:
        """Tell whether the file has all four columns."""
        return set(read_header(path)) >= set(self.columns)

    def read(self, path: Path, limit: int | None, rng: np.random.Generator) -> Pairs:
        """Read the file; `limit` keeps a seeded sample of that many pairs."""
        table = read_table(path)
        for column in self.columns:
            table.require(column)
        directions = _directions(table)
        more, less = table.texts("sent_more"), table.texts("sent_less")
        rows = sample_rows(len(table), limit, rng)
        card = table.card(Pairs.kind)
        return Pairs(
            card=replace(
                card,
                n=len(rows),
                licence=card.licence or self.licence,
                source=card.source or self.source,
            ),
            first=_take(more, rows),
            second=_take(less, rows),
            categories=_take(table.texts("bias_type"), rows),
            directions=_take(directions, rows),
        )


def _directions(table: Table) -> tuple[str, ...]:
    found = tuple(cell.strip() for cell in table.strings("stereo_antistereo"))
    for row, direction in enumerate(found):
        if direction not in DIRECTIONS:
            table.fail(
                row,
                f"column 'stereo_antistereo' holds {direction!r}. Write 'stereo' or "
                "'antistereo'.",
            )
    return found


def _take(values: tuple[str, ...], rows: IntArray) -> tuple[str, ...]:
    return tuple(values[row] for row in rows)
