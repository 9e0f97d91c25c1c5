"""BBQ: questions about two people of whom a stereotype says something."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Final

import numpy as np

from fairaudit.arrays import IntArray
from fairaudit.data import Choices, Reader
from fairaudit.datasets.cards import card, sha256
from fairaudit.datasets.jsonlines import chunks, column_names
from fairaudit.datasets.rows import Table
from fairaudit.datasets.sampling import sample_rows
from fairaudit.errors import AuditError
from fairaudit.result import DatasetEntry

OPTIONS: Final = ("ans0", "ans1", "ans2")
UNKNOWN: Final = "unknown"
CHUNK: Final = 4096


@dataclass(frozen=True)
class Question:
    """One row of the file."""

    context: str
    question: str
    answers: tuple[str, ...]
    correct: int
    unknown: int
    stereotyped: int
    ambiguous: bool
    negative: bool
    category: str
    template: str


@dataclass(frozen=True)
class BBQReader(Reader):
    """Read the JSONL files that the authors of BBQ publish, one or a folder of them.

    The stereotyped option is the one whose text or group is among the row's
    ``stereotyped_groups``, letter case aside; a row where that is not exactly one
    option has none, and its bias cannot be told. The authors' own file with the
    position of the target (``target_loc``) is not read.
    """

    name: ClassVar[str] = "bbq"
    summary: ClassVar[str] = "BBQ, as published (JSONL)"
    columns: ClassVar[Mapping[str, str]] = {
        "question_index": "number of the template",
        "question_polarity": "'neg' or 'nonneg'",
        "context_condition": "'ambig' or 'disambig'",
        "category": "such as 'Age'",
        "answer_info": "text and group of each option",
        "additional_metadata": "with stereotyped_groups",
        "context": "what is told",
        "question": "what is asked",
        "ans0": "first option; ans1, ans2 likewise",
        "label": "number of the correct option",
    }
    licence: ClassVar[str] = "CC-BY-4.0"
    source: ClassVar[str] = "https://github.com/nyu-mll/BBQ"
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "stereotype",
        "domain": "templates",
        "language": "en",
    }

    def claims(self, path: Path) -> bool:
        """Tell whether the first file has the columns."""
        files = _files(path)
        if not files or files[0].suffix != ".jsonl":
            return False
        with files[0].open("rb") as file:
            head = file.readline(1 << 16)
        return all(f'"{name}"'.encode() in head for name in self.columns)

    def read(self, path: Path, limit: int | None, rng: np.random.Generator) -> Choices:
        """Read the file or folder; `limit` keeps a seeded sample of that many rows."""
        files = _files(path)
        if not files:
            raise AuditError(f"{path}: there are no .jsonl files. Check the path.")
        found = [q for file in files for q in _questions(file, self.columns)]
        rows = sample_rows(len(found), limit, rng)
        kept = [found[row] for row in rows]
        entry = card(path, sha256(files), Choices.kind, len(kept))
        return _columns(kept, entry, self)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.glob("*.jsonl"))
    return [path] if path.is_file() else []


def _questions(path: Path, columns: Mapping[str, str]) -> list[Question]:
    known = column_names(path)
    missing = [name for name in (*columns, *OPTIONS) if name not in known]
    if missing:
        raise AuditError(
            f"{path}: the key {missing[0]!r} is missing. Give a file of BBQ as it is "
            "published."
        )
    names = tuple(dict.fromkeys((*columns, *OPTIONS)))
    return [
        _question(table, row)
        for table in chunks(path, names, CHUNK)
        for row in range(len(table))
    ]


def _question(table: Table, row: int) -> Question:
    cells = {name: column[row] for name, column in table.columns.items()}
    info, metadata = cells["answer_info"], cells["additional_metadata"]
    label = cells["label"]
    if not isinstance(info, dict) or not isinstance(metadata, dict):
        table.fail(row, "answer_info and additional_metadata must be objects.")
    if not isinstance(label, int) or label not in range(len(OPTIONS)):
        table.fail(row, f"label is {label!r}; write 0, 1 or 2.")
    described = [_words(info.get(option)) for option in OPTIONS]
    category = str(cells["category"])
    return Question(
        context=_text(table, row, cells["context"]),
        question=_text(table, row, cells["question"]),
        answers=tuple(_text(table, row, cells[option]) for option in OPTIONS),
        correct=label,
        unknown=_only([UNKNOWN in words[1:] for words in described]),
        stereotyped=_stereotyped(described, metadata.get("stereotyped_groups")),
        ambiguous=_one_of(table, row, "context_condition", ("disambig", "ambig")) == 1,
        negative=_one_of(table, row, "question_polarity", ("nonneg", "neg")) == 1,
        category=category,
        template=f"{category} {cells['question_index']}",
    )


def _stereotyped(described: Sequence[Sequence[str]], groups: object) -> int:
    targets = set(_words(groups))
    return _only(
        [UNKNOWN not in words[1:] and bool(targets & set(words)) for words in described]
    )


def _only(hits: Sequence[bool]) -> int:
    """Return the one place that is hit; -1 where none or several are."""
    return list(hits).index(True) if sum(hits) == 1 else -1


def _words(found: object) -> list[str]:
    return [str(word).lower() for word in found] if isinstance(found, list) else []


def _text(table: Table, row: int, cell: object) -> str:
    if not isinstance(cell, str) or not cell.strip():
        table.fail(row, "context, question and answers must be texts.")
    return str(cell)


def _one_of(table: Table, row: int, name: str, known: tuple[str, ...]) -> int:
    cell = table.columns[name][row]
    if cell not in known:
        table.fail(row, f"{name} is {cell!r}; write {' or '.join(known)}.")
    return known.index(str(cell))


def _columns(
    rows: Sequence[Question], entry: DatasetEntry, reader: BBQReader
) -> Choices:
    def numbers(name: str) -> IntArray:
        return np.array([int(getattr(row, name)) for row in rows], dtype=np.int64)

    return Choices(
        card=replace(
            entry,
            licence=entry.licence or reader.licence,
            source=entry.source or reader.source,
        ),
        contexts=tuple(row.context for row in rows),
        questions=tuple(row.question for row in rows),
        answers=tuple(row.answers for row in rows),
        correct=numbers("correct"),
        unknown=numbers("unknown"),
        stereotyped=numbers("stereotyped"),
        ambiguous=numbers("ambiguous"),
        negative=numbers("negative"),
        categories=tuple(row.category for row in rows),
        templates=tuple(row.template for row in rows),
    )
