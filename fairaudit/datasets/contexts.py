"""Sentences in which stimulus words occur."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairaudit.arrays import IntArray
from fairaudit.data import Contexts, Reader
from fairaudit.datasets.table import Table, check_limit, read_header, read_table


@dataclass(frozen=True)
class ContextsReader(Reader):
    """Read words in their sentences from CSV, TSV, JSON Lines or Parquet."""

    name: ClassVar[str] = "contexts"
    summary: ClassVar[str] = "Stimulus words in sentences (CSV, TSV, JSONL, Parquet)"
    columns: ClassVar[Mapping[str, str]] = {
        "word": "the stimulus, as the word lists spell it",
        "text": "the sentence",
        "start": "offset of the word's first character in the sentence, from 0",
        "end": "offset after the word's last character",
    }

    def claims(self, path: Path) -> bool:
        """Tell whether the file has all four columns."""
        return set(read_header(path)) >= set(self.columns)

    def read(self, path: Path, limit: int | None, rng: np.random.Generator) -> Contexts:
        """Read the file; `limit` keeps that many rows, spread evenly over the words."""
        table = read_table(path)
        for column in self.columns:
            table.require(column)
        words, texts = table.texts("word"), table.texts("text")
        spans = np.column_stack([_offsets(table, "start"), _offsets(table, "end")])
        _check_spans(table, words, texts, spans)
        rows = _spread_rows(words, limit, rng)
        return Contexts(
            card=replace(table.card(Contexts.kind), n=len(rows)),
            words=tuple(words[row] for row in rows),
            texts=tuple(texts[row] for row in rows),
            spans=spans[rows],
        )


def _offsets(table: Table, column: str) -> IntArray:
    cells = [cell.strip() for cell in table.strings(column)]
    for row, cell in enumerate(cells):
        if not (cell.isascii() and cell.isdigit()):
            table.fail(
                row,
                f"column {column!r} holds {cell!r}. Give the offset as a whole "
                "number of characters, counted from 0.",
            )
    return np.array([int(cell) for cell in cells])


def _check_spans(
    table: Table, words: tuple[str, ...], texts: tuple[str, ...], spans: IntArray
) -> None:
    lengths = np.array([len(text) for text in texts])
    outside = np.flatnonzero((spans[:, 0] >= spans[:, 1]) | (spans[:, 1] > lengths))
    if outside.size:
        row = int(outside[0])
        start, end = spans[row]
        table.fail(
            row,
            f"the offsets {start} to {end} are empty or outside the text of "
            f"{lengths[row]} characters. Count from 0, with the end exclusive.",
        )
    for row, (word, text) in enumerate(zip(words, texts, strict=True)):
        found = text[spans[row, 0] : spans[row, 1]]
        if found.casefold() != word.casefold():
            table.fail(
                row,
                f"the offsets mark {found!r}, but the word is {word!r}. "
                "Count characters (not bytes) from 0, with the end exclusive.",
            )


def _spread_rows(
    words: tuple[str, ...], limit: int | None, rng: np.random.Generator
) -> IntArray:
    """Draw rows so that the words' counts differ by one at most, where they can."""
    n = len(words)
    if limit is None or check_limit(limit) >= n:
        return np.arange(n)
    codes = np.unique(np.array(words, dtype=object), return_inverse=True)[1]
    order = np.lexsort((rng.random(n), codes))
    first = np.searchsorted(codes[order], codes[order])
    turn = np.empty(n, dtype=np.int64)
    turn[order] = np.arange(n) - first
    return np.sort(np.lexsort((rng.random(n), turn))[:limit])
