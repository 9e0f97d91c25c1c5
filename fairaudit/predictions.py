"""Files of predictions: read, checked, and joined to the texts they are about."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.data import Counterparts, Data, Examples
from fairaudit.datasets.table import Table, read_table
from fairaudit.errors import AuditError, suggest
from fairaudit.models.predictions import PredictionsModel

TEXT, ID, SCORE = "text", "id", "score"
PREFIX = "probability:"
SUM_TOLERANCE = 0.01
SAME = 1e-9


def open_predictions(
    path: Path, datasets: Sequence[Data], positive: str = ""
) -> PredictionsModel:
    """Read predictions from CSV, TSV, JSON Lines or Parquet and join them to the data.

    A row says what it is about in a column ``text``, or in a column ``id`` where the
    data has ids; with both, ``text`` counts. What it says is either a column ``score``,
    the probability of the class `positive`, or one column of probabilities for each
    class, named as the data's labels are, or ``probability:LABEL``; they sum to 1
    within 0.01 and are taken as they are.

    Parameters
    ----------
    path
        The file.
    datasets
        What is to be audited. Each labelled dataset of which the file has a row must be
        there as a whole.
    positive
        Which of the two labels ``score`` is the probability of.

    Raises
    ------
    AuditError
        Where columns, scores or rows are missing, or contradict one another.
    """
    table = read_table(path)
    joined = _Joined(table, datasets)
    labels, probabilities = _Classes(table, joined.labels, positive).read()
    rows = _rows(table, joined.texts, probabilities)
    joined.refuse_missing(rows)
    return PredictionsModel(
        path=path,
        sha256=table.sha256,
        labels=labels,
        rows=rows,
        probabilities=probabilities,
        unmatched=joined.unmatched,
    )


@dataclass(frozen=True)
class _Joined:
    """A table of predictions beside the data."""

    table: Table
    datasets: Sequence[Data]

    @cached_property
    def texts(self) -> Sequence[str | None]:
        """Return the text of each row; None where an id is not in the data."""
        if TEXT in self.table.columns:
            return self.table.texts(TEXT)
        if ID not in self.table.columns:
            raise AuditError(
                f"{self.table.path}: there is neither a column {TEXT!r} nor a column "
                f"{ID!r}. {suggest(TEXT, self.table.columns)} Rename the column that "
                "says what a row is about."
            )
        by_id = self._by_id()
        return [by_id.get(name.strip()) for name in self.table.texts(ID)]

    @cached_property
    def covered(self) -> Sequence[Examples]:
        """Return the labelled datasets of which the file has a row."""
        known = set(self.texts)
        examples = [data for data in self.datasets if isinstance(data, Examples)]
        return [data for data in examples if not known.isdisjoint(data.texts)]

    @property
    def labels(self) -> Sequence[str]:
        """Return the labels of the data that the file is about."""
        if not self.covered and not self._pairs():
            raise AuditError(
                f"{self.table.path} is about no text of the data. Texts must be equal "
                f"to the letter; with a column {ID!r} instead, the ids count."
            )
        found = self.covered or [d for d in self.datasets if isinstance(d, Examples)]
        return list(dict.fromkeys(name for data in found for name in data.label_names))

    @property
    def unmatched(self) -> int:
        """Count the rows of the file that are about no text of the data."""
        known = {text for data in self.datasets for text in _texts(data)}
        return sum(text not in known for text in self.texts)

    def refuse_missing(self, rows: Mapping[str, int]) -> None:
        """Refuse data of which some rows have a prediction and others have none."""
        for data in self.covered:
            missing = [at for at, text in enumerate(data.texts) if text not in rows]
            if missing:
                first = missing[0]
                named = f"id {data.ids[first]}" if data.ids else f"row {first + 1}"
                raise AuditError(
                    f"{self.table.path}: {len(missing):,} of {len(data.texts):,} rows "
                    f"of {data.card.name} have no prediction, the first is {named} "
                    f"({data.texts[first][:60]!r}). Add them to the file, or leave "
                    "them out of the data."
                )

    def _pairs(self) -> bool:
        known = set(self.texts)
        return any(
            not known.isdisjoint(_texts(data))
            for data in self.datasets
            if isinstance(data, Counterparts)
        )

    def _by_id(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for data in self.datasets:
            ids = data.ids if isinstance(data, Examples) else ()
            for name, text in zip(ids, _texts(data) if ids else (), strict=True):
                if found.setdefault(name, text) != text:
                    raise AuditError(
                        f"{self.table.path} names rows by id, but the id {name!r} is "
                        f"of several texts of the data. Give a column {TEXT!r} instead."
                    )
        if not found:
            raise AuditError(
                f"{self.table.path} names rows by id, but the data has no ids. Say "
                "which of its columns has them, as in --data examples:id=COLUMN=FILE, "
                f"or give a column {TEXT!r} instead."
            )
        return found


@dataclass(frozen=True)
class _Classes:
    """The classes that a table gives probabilities of."""

    table: Table
    known: Sequence[str]
    positive: str

    def read(self) -> tuple[tuple[str, ...], Array]:
        """Return the labels, and probabilities of shape (rows, labels)."""
        columns = self._columns()
        if self.positive or (SCORE in self.table.columns and len(columns) < 2):
            self.table.require(SCORE)
            labels, score = self._two(), _numbers(self.table, SCORE)
            return labels, np.column_stack([1 - score, score])
        if len(columns) < 2:
            raise AuditError(
                f"{self.table.path} has neither a column {SCORE!r} nor a column for "
                f"each class of the data ({', '.join(self.known) or 'no labels'}; the "
                f"file: {', '.join(self.table.columns)}). Name the columns so or "
                f"{PREFIX}LABEL, or say which is which with --labels DATA=FILE,..."
            )
        found = np.column_stack([_numbers(self.table, c) for c in columns.values()])
        self._refuse_sums(found, tuple(columns.values()))
        return tuple(columns), found

    def _columns(self) -> Mapping[str, str]:
        """Return the columns of probabilities by label."""
        names = [name for name in self.table.columns if name not in {TEXT, ID}]
        marked = {n.removeprefix(PREFIX): n for n in names if n.startswith(PREFIX)}
        return marked or {name: name for name in names if name in self.known}

    def _two(self) -> tuple[str, str]:
        """Return the label that a score speaks against, and the one it speaks for."""
        path, told = self.table.path, ", ".join(self.known) or "none"
        if not self.positive:
            raise AuditError(
                f"{path}: say of which label {SCORE!r} is the probability, with "
                f"--predictions LABEL={path} (labels of the data: {told})."
            )
        if self.known and self.positive not in self.known:
            raise AuditError(
                f"{path}: the data has no label {self.positive!r}. "
                f"{suggest(self.positive, self.known)}"
            )
        others = [name for name in self.known if name != self.positive]
        if len(others) > 1:
            raise AuditError(
                f"{path}: a column {SCORE!r} tells two labels apart; the data has "
                f"{len(self.known)} ({told}). Give a column for each."
            )
        return (*others, f"not {self.positive}")[0], self.positive

    def _refuse_sums(self, found: Array, columns: Sequence[str]) -> None:
        sums = found.sum(axis=1)
        wrong = np.flatnonzero(np.abs(sums - 1) > SUM_TOLERANCE)
        if wrong.size:
            others = [n for n in self.table.columns if n not in {TEXT, ID, *columns}]
            self.table.fail(
                int(wrong[0]),
                f"the probabilities sum to {sums[wrong[0]]:.4g}, not to 1 (rows like "
                f"this: {wrong.size:,}; columns taken: {', '.join(columns)}; not "
                f"taken: {', '.join(others) or 'none'}). Mend them, or name all "
                f"columns of classes {PREFIX}LABEL.",
            )


def _rows(
    table: Table, texts: Sequence[str | None], probabilities: Array
) -> Mapping[str, int]:
    """Return the first row of each text; rows about one text must agree."""
    first: dict[str, int] = {}
    pairs = [
        (at, before)
        for at, text in enumerate(texts)
        if text is not None and (before := first.setdefault(text, at)) != at
    ]
    again, begin = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    apart = np.abs(probabilities[again] - probabilities[begin]).max(axis=1, initial=0)
    if (wrong := np.flatnonzero(apart > SAME)).size:
        _refuse_contradiction(table, int(again[wrong[0]]), int(begin[wrong[0]]))
    return first


def _refuse_contradiction(table: Table, row: int, before: int) -> None:
    table.fail(
        row,
        f"another prediction for the text of {table.unit} {table.lines[before]}. A "
        "text has one prediction; keep one of the rows.",
    )


def _numbers(table: Table, name: str) -> Array:
    """Return a column of numbers from 0 to 1, none of them missing."""
    cells = [cell.strip() for cell in table.strings(name)]
    try:
        found = np.array(cells, dtype=float)
    except ValueError:
        found = np.array([_number(cell) for cell in cells])
    outside: IntArray = np.flatnonzero(~((found >= 0) & (found <= 1)))
    if outside.size:
        row = int(outside[0])
        table.fail(
            row,
            f"column {name!r}: {cells[row]!r} is no number from 0 to 1 (rows like "
            f"this: {outside.size:,}). Mend it, or turn scores into probabilities.",
        )
    return found


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return np.nan


def _texts(data: Data) -> Iterable[str]:
    """Return the texts of data that predictions can be about."""
    if isinstance(data, Examples):
        return data.texts
    if isinstance(data, Counterparts):
        return (*data.first, *data.second)
    return ()
