"""Prompts of one's own, with the group that each is about."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairaudit.data import Prompts, Reader
from fairaudit.datasets.table import read_header, read_table, sample_rows


@dataclass(frozen=True)
class PromptsReader(Reader):
    """Read a table of prompts.

    Parameters
    ----------
    axis
        Axis of the groups, where the table has no column ``axis``.
    """

    name: ClassVar[str] = "prompts"
    summary: ClassVar[str] = "Prompts to be continued, with their groups (a table)"
    columns: ClassVar[Mapping[str, str]] = {
        "prompt": "beginning of a text",
        "group": "whom it is about",
        "axis": "optional: axis of the group, such as 'gender'",
        "entity": "optional: prompts about one entity depend on one another",
    }

    axis: str = "group"

    def claims(self, path: Path) -> bool:
        """Tell whether the table has prompts and groups."""
        return {"prompt", "group"} <= set(read_header(path))

    def read(self, path: Path, limit: int | None, rng: np.random.Generator) -> Prompts:
        """Read the table; `limit` keeps a seeded sample of that many prompts."""
        table = read_table(path)
        table.require("prompt")
        table.require("group")
        n = len(table)
        axes = table.strings("axis") if "axis" in table.columns else (self.axis,) * n
        entities = table.strings("entity") if "entity" in table.columns else ()
        texts, groups = table.texts("prompt"), table.texts("group")
        rows = sample_rows(n, limit, rng)
        counts = Counter((axes[row], groups[row]) for row in rows)
        by_axis: dict[str, dict[str, int]] = {}
        for (axis, group), count in counts.items():
            by_axis.setdefault(axis, {})[group] = count
        entry = table.card(Prompts.kind)
        return Prompts(
            card=replace(entry, n=len(rows), groups=by_axis),
            texts=tuple(texts[row].rstrip() for row in rows),
            axis=tuple(axes[row] for row in rows),
            groups=tuple(groups[row] for row in rows),
            entities=tuple(entities[row] for row in rows) if entities else (),
        )
