"""Human judgements of predictions, read from a file.

A table (``.csv`` or ``.tsv``, UTF-8) with a header. One column is ``id`` or ``text``
and names the audited text. Then either one column an annotator, empty where there is no
judgement, or the two columns ``annotator`` and ``judgement`` with one row each.
Judgements are numbers on one scale.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from fairaudit.arrays import Array
from fairaudit.data import Examples
from fairaudit.errors import AuditError, suggest

LARGEST = 256 * 2**20
LONG = ("annotator", "judgement")
KEYS = ("id", "text")
_DELIMITERS = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True)
class Judgements:
    """What annotators said of the audited texts.

    Parameters
    ----------
    table
        Shape (n, annotators), NaN where there is no judgement.
    annotators
        Their names.
    unmatched
        Rows of the file that name no audited text.
    """

    table: Array
    annotators: tuple[str, ...]
    unmatched: int

    @property
    def mean(self) -> Array:
        """Shape (n,): mean judgement of each text, NaN where there is none."""
        known = np.isfinite(self.table)
        count = known.sum(axis=1)
        total = np.where(known, self.table, 0.0).sum(axis=1)
        found = np.full(len(count), np.nan)
        np.divide(total, count, out=found, where=count > 0)
        return found


def read_judgements(path: Path, data: Examples) -> Judgements:
    """Read the judgements about a dataset's texts.

    Raises
    ------
    AuditError
        Where the file cannot be used: what is wrong, in which line, how to mend it.
    """
    lines = list(_lines(path))
    (line, header), *rows = lines or [(1, [])]
    key = next((name for name in KEYS if name in header), "")
    if not key:
        _fail(path, line, f"no column is called id or text. {suggest('id', header)}")
    for at, cells in rows:
        if len(cells) != len(header):
            _fail(path, at, f"{len(cells)} cells, but the header has {len(header)}")
    records = [(at, dict(zip(header, cells, strict=True))) for at, cells in rows]
    if not records:
        _fail(path, line, "the file has no judgements; add rows")
    long = set(LONG) <= set(header)
    found = _long(path, key, records) if long else _wide(key, records)
    return _matched(path, list(found), _places(path, key, data), len(data.texts))


@dataclass(frozen=True)
class _Cell:
    """One judgement as the file has it."""

    line: int
    row: str
    annotator: str
    value: str


def _long(
    path: Path, key: str, records: Sequence[tuple[int, Mapping[str, str]]]
) -> Iterator[_Cell]:
    for line, record in records:
        if not record["annotator"].strip():
            _fail(path, line, "the column annotator is empty; name the annotator")
        yield _Cell(line, record[key], record["annotator"], record["judgement"])


def _wide(
    key: str, records: Sequence[tuple[int, Mapping[str, str]]]
) -> Iterator[_Cell]:
    for line, record in records:
        for name, value in record.items():
            if name not in KEYS and value.strip():
                yield _Cell(line, record[key], name, value)


def _matched(
    path: Path, cells: Sequence[_Cell], places: Mapping[str, Sequence[int]], n: int
) -> Judgements:
    annotators = tuple(dict.fromkeys(cell.annotator for cell in cells))
    columns = {name: at for at, name in enumerate(annotators)}
    table = np.full((n, len(annotators)), np.nan)
    unmatched: set[int] = set()
    for cell in cells:
        rows = list(places.get(cell.row, ()))
        if not rows:
            unmatched.add(cell.line)
            continue
        if np.isfinite(table[rows, columns[cell.annotator]]).any():
            problem = f"{cell.annotator} judges this text a second time; keep one"
            _fail(path, cell.line, problem)
        table[rows, columns[cell.annotator]] = _number(path, cell)
    return Judgements(table, annotators, len(unmatched))


def _places(path: Path, key: str, data: Examples) -> Mapping[str, Sequence[int]]:
    """Return the rows of the data by id or text; equal texts share a judgement."""
    if key == "id" and not data.ids:
        problem = "the audited data has no ids; match by a column text instead"
        _fail(path, 1, problem)
    found: dict[str, list[int]] = {}
    for row, name in enumerate(data.ids if key == "id" else data.texts):
        found.setdefault(name, []).append(row)
    return found


def _number(path: Path, cell: _Cell) -> float:
    try:
        value = float(cell.value)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        problem = f"{cell.annotator} judges {cell.value!r}; give a number"
        _fail(path, cell.line, problem)
    return value


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty with the line on which each begins."""
    if path.suffix.lower() not in _DELIMITERS:
        raise AuditError(f"{path}: give the judgements as a .csv or .tsv file.")
    try:
        if path.stat().st_size > LARGEST:
            raise AuditError(f"{path}: larger than {LARGEST:,} bytes. Split the file.")
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = _DELIMITERS[path.suffix.lower()]
            reader, begin = csv.reader(file, delimiter=delimiter, strict=True), 1
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield begin, cells
                begin = reader.line_num + 1
    except (OSError, UnicodeDecodeError) as error:
        raise AuditError(
            f"{path} cannot be read ({error}). Give a UTF-8 file."
        ) from error
    except csv.Error as error:
        _fail(path, begin, f"this row cannot be parsed ({error}); quote its cells")


def _fail(path: Path, line: int, problem: str) -> NoReturn:
    raise AuditError(f"{path}, line {line}: {problem.rstrip('.')}.")
