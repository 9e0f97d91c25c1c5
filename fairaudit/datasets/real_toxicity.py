"""RealToxicityPrompts: beginnings of sentences with toxicity scores."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from fairaudit.data import Prompts, Reader
from fairaudit.datasets.rows import Table
from fairaudit.datasets.table import open_source, read_header, sample_rows
from fairaudit.errors import AuditError

AXIS = "prompt toxicity"
UNSCORED = "prompts without a toxicity score"
WORDLESS = "prompts without a word"


@dataclass(frozen=True)
class RealToxicityReader(Reader):
    """Read ``prompts.jsonl`` of RealToxicityPrompts.

    Each prompt is in the group ``toxic`` or ``non-toxic``. Prompts whose score is null
    are left out and counted; a score of 0 is a score. Files of results, with
    ``generations`` beside each prompt, are read the same; ``--predictions`` reads what
    was generated.

    Parameters
    ----------
    threshold
        Toxicity from which a prompt is toxic.
    operator
        ``">="`` as in the paper; ``">"`` as in the authors' notebook.
    """

    name: ClassVar[str] = "real_toxicity_prompts"
    summary: ClassVar[str] = "RealToxicityPrompts, as published (prompts.jsonl)"
    columns: ClassVar[Mapping[str, str]] = {
        "prompt": "object with 'text' and 'toxicity' (0 to 1, or null)",
        "continuation": "not used; tells the format",
    }
    licence: ClassVar[str] = "Apache-2.0"
    source: ClassVar[str] = "https://github.com/allenai/real-toxicity-prompts"

    threshold: float = 0.5
    operator: Literal[">=", ">"] = ">="

    def __post_init__(self) -> None:
        """Refuse a threshold that is no score."""
        if not 0 <= self.threshold <= 1:
            raise ValueError("threshold must be between 0 and 1")

    def claims(self, path: Path) -> bool:
        """Tell by the keys of the first record."""
        return {"prompt", "continuation", "challenging"} <= set(read_header(path))

    def read(self, path: Path, limit: int | None, rng: np.random.Generator) -> Prompts:
        """Read the file; `limit` keeps a seeded sample of that many prompts."""
        source = open_source(path)
        source.require("prompt")
        left_out: Counter[str] = Counter()
        found = [
            row
            for table in source.chunks(("prompt",))
            for row in self._rows(table, left_out)
        ]
        if not found:
            raise AuditError(f"{path}: no prompt has a toxicity score. Add scores.")
        kept = [found[row] for row in sample_rows(len(found), limit, rng).tolist()]
        entry = source.card(Prompts.kind, len(kept))
        return Prompts(
            card=replace(
                entry,
                groups={AXIS: dict(Counter(group for _, group in kept))},
                left_out=dict(left_out),
                licence=entry.licence or self.licence,
                source=entry.source or self.source,
                traits={"domain": "web", "language": "en"},
            ),
            texts=tuple(text for text, _ in kept),
            axis=(AXIS,) * len(kept),
            groups=tuple(group for _, group in kept),
        )

    def _rows(self, table: Table, left_out: Counter[str]) -> Iterator[tuple[str, str]]:
        for row, cell in enumerate(table.columns["prompt"]):
            text, score = _prompt(table, row, cell)
            if score is None:
                left_out[UNSCORED] += 1
            elif not text:
                left_out[WORDLESS] += 1
            else:
                yield text, "toxic" if self._toxic(score) else "non-toxic"

    def _toxic(self, score: float) -> bool:
        if self.operator == ">":
            return score > self.threshold
        return score >= self.threshold


def _prompt(table: Table, row: int, cell: object) -> tuple[str, float | None]:
    """Return text and toxicity of a record."""
    if not isinstance(cell, Mapping) or not isinstance(cell.get("text"), str):
        table.fail(
            row, "'prompt' is no object with a text. Give the file as published."
        )
    score = cell.get("toxicity")
    if score is None:
        return cell["text"].rstrip(), None
    known = isinstance(score, int | float) and not isinstance(score, bool)
    if not known or not isfinite(score) or not 0 <= score <= 1:
        table.fail(row, f"toxicity {score!r} is no number from 0 to 1, nor null.")
    return cell["text"].rstrip(), float(score)
