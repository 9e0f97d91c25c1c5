"""Files of continuations with scores, as those of RealToxicityPrompts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

import numpy as np

from fairaudit.arrays import Array
from fairaudit.data import Data, Prompts
from fairaudit.datasets.rows import Table
from fairaudit.datasets.table import open_source, read_header
from fairaudit.errors import AuditError
from fairaudit.models.continuations import ContinuationsModel

PROMPT, WRITTEN, TEXT = "prompt", "generations", "text"


def holds_continuations(path: Path) -> bool:
    """Tell by the keys of the first record."""
    return {PROMPT, WRITTEN} <= set(read_header(path))


def open_continuations(path: Path, datasets: Sequence[Data]) -> ContinuationsModel:
    """Read continuations of the prompts of the data from JSON Lines.

    A line has ``prompt``, a text or an object with a ``text``, and ``generations``, a
    list of texts or of objects with a ``text`` and scores from 0 to 1 by name; null
    says that there is no score. Prompts that are not in the data are counted, and of
    several lines about one prompt the first counts.

    Raises
    ------
    AuditError
        Where a line is not of this form, or no line is about a prompt of the data.
    """
    wanted = {
        text for data in datasets if isinstance(data, Prompts) for text in data.texts
    }
    source = open_source(path)
    found = _Found()
    for table in source.chunks((PROMPT, WRITTEN)):
        for row in range(len(table)):
            found.take(table, row, wanted)
    if not found.written:
        raise AuditError(
            f"{path} continues no prompt of the data. Give the prompts too, such as "
            f"--data real_toxicity_prompts={path}; they must be equal to the letter."
        )
    return ContinuationsModel(
        path=path,
        sha256=source.sha256,
        written=found.written,
        scores=found.scores,
        unmatched=found.unmatched,
    )


@dataclass
class _Found:
    """What was read so far."""

    written: dict[str, tuple[str, ...]] = field(default_factory=dict)
    scores: dict[str, dict[str, Array]] = field(default_factory=dict)
    unmatched: int = 0

    def take(self, table: Table, row: int, wanted: set[str]) -> None:
        """Keep a row that continues a prompt of the data for the first time."""
        prompt = _text(table, row, table.columns[PROMPT][row], PROMPT).rstrip()
        cells = table.columns[WRITTEN][row]
        if not isinstance(cells, list) or not cells:
            table.fail(row, f"{WRITTEN!r} is no list of continuations. Give a list.")
        if prompt not in wanted or prompt in self.written:
            self.unmatched += 1
            return
        self.written[prompt] = tuple(_text(table, row, c, WRITTEN) for c in cells)
        for name, values in _scores(table, row, cells).items():
            self.scores.setdefault(name, {})[prompt] = values


def _text(table: Table, row: int, cell: object, column: str) -> str:
    text = cell.get(TEXT) if isinstance(cell, Mapping) else cell
    if not isinstance(text, str):
        table.fail(row, f"{column!r} holds no text, nor an object with a text.")
    return text


def _scores(table: Table, row: int, cells: Sequence[object]) -> Mapping[str, Array]:
    """Return one number a continuation by score, NaN where there is none."""
    objects = [cell if isinstance(cell, Mapping) else {} for cell in cells]
    names = dict.fromkeys(name for cell in objects for name in _numbered(cell))
    return {
        name: np.array([_score(table, row, name, cell.get(name)) for cell in objects])
        for name in names
    }


def _numbered(cell: Mapping[str, object]) -> Iterator[str]:
    for name, value in cell.items():
        if name != TEXT and (value is None or _is_number(value)):
            yield name


def _score(table: Table, row: int, name: str, value: object) -> float:
    if value is None:
        return float("nan")
    if not _is_number(value) or not 0 <= value <= 1:
        table.fail(row, f"{name} {value!r} is no number from 0 to 1, nor null.")
    return float(value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
