"""Tables on the disk: found, opened, read whole or in chunks."""

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from fairaudit.datasets import cards, columnar, delimited, jsonlines
from fairaudit.datasets.cards import read_sidecar
from fairaudit.datasets.folders import find_files, first_file
from fairaudit.datasets.rows import Table, require_column
from fairaudit.datasets.sampling import check_limit, sample_rows
from fairaudit.errors import AuditError
from fairaudit.result import DatasetEntry

__all__ = [
    "CHUNK",
    "SUFFIXES",
    "Source",
    "Table",
    "check_limit",
    "open_source",
    "read_header",
    "read_sidecar",
    "read_table",
    "sample_rows",
]

CHUNK = 4096
"""Rows of a chunk."""
SUFFIXES = (
    *delimited.DELIMITERS,
    *jsonlines.SUFFIXES,
    columnar.PARQUET,
    columnar.ARROW,
)


class _Format(Protocol):
    """What a module of one file format offers."""

    def column_names(self, path: Path) -> tuple[str, ...]: ...

    def chunks(
        self, path: Path, names: Sequence[str], size: int
    ) -> Iterator[Table]: ...


@dataclass(frozen=True)
class Source:
    """A table on the disk that was found and not yet read.

    Parameters
    ----------
    path
        The file or folder as the user names it.
    files
        The files that hold its rows, in order.
    split
        Split that was chosen among the folder's; empty for a file.
    """

    path: Path
    files: tuple[Path, ...]
    split: str = ""

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns; all files of a folder have the same.

        Raises
        ------
        AuditError
            Where a file is empty or not well formed.
        """
        first, *others = [_format(path).column_names(path) for path in self.files]
        for path, names in zip(self.files[1:], others, strict=True):
            for name in first:
                require_column(path, name, names)
        return first

    @cached_property
    def sha256(self) -> str:
        """Hash of the bytes of the files."""
        return cards.sha256(self.files)

    def require(self, name: str, option: str = "") -> None:
        """Raise an error that names the nearest column where `name` is missing."""
        require_column(self.path, name, self.columns, option)

    def chunks(
        self, names: Collection[str] | None = None, size: int = CHUNK
    ) -> Iterator[Table]:
        """Yield the named columns, by default all, at most `size` rows at a time.

        Raises
        ------
        AuditError
            Where the source has no rows or is not well formed.
        """
        wanted = [name for name in self.columns if names is None or name in names]
        n = 0
        for path in self.files:
            for table in _format(path).chunks(path, wanted, size):
                n += len(table)
                yield table
        if not n:
            problem = "the file has no rows. Add at least one row of data."
            raise AuditError(f"{self.path}: {problem}")

    def card(self, kind: str, n: int) -> DatasetEntry:
        """Describe the table, with what the sidecar file says of it."""
        return cards.card(self.path, self.sha256, kind, n)


def _format(path: Path) -> "_Format":
    suffix = path.suffix.lower()
    if suffix in delimited.DELIMITERS:
        return delimited
    return jsonlines if suffix in jsonlines.SUFFIXES else columnar


def open_source(path: Path, split: str = "") -> Source:
    """Find the files of a table; the suffix of a name tells the format.

    Raises
    ------
    AuditError
        Where there is no such file or folder, or its format is not known.
    """
    if path.is_dir():
        return Source(path, find_files(path, split), split)
    if path.suffix.lower() not in SUFFIXES:
        raise AuditError(
            f"{path}: files of type {path.suffix!r} cannot be read as a table. "
            f"Convert it to one of {', '.join(SUFFIXES)}."
        )
    if not path.is_file():
        raise AuditError(f"{path}: there is no such file. Check the path.")
    return Source(path, (path,))


def read_table(path: Path) -> Table:
    """Read a whole table; the suffix of the file name tells its format.

    Raises
    ------
    AuditError
        Where the file is missing, empty, not UTF-8 or not well formed.
    """
    source = open_source(path)
    parts = list(source.chunks())
    columns: dict[str, Sequence[object]] = {
        name: [cell for part in parts for cell in part.columns[name]]
        for name in source.columns
    }
    lines = [_place(source, part, line) for part in parts for line in part.lines]
    return Table(path, columns, lines, parts[0].unit, source.sha256)


def _place(source: Source, part: Table, line: int | str) -> int | str:
    return line if len(source.files) == 1 else f"{line} of {part.path.name}"


def read_header(path: Path) -> tuple[str, ...]:
    """Return the column names from the head of a table; () where it has none."""
    try:
        first = _first_file(path)
        if first is None:
            return ()
        if first.suffix.lower() in {columnar.PARQUET, columnar.ARROW}:
            return columnar.column_names(first)
        with first.open(encoding="utf-8-sig", newline="") as lines:
            return _head_names(lines, first.suffix.lower())
    except (OSError, ValueError, RecursionError, csv.Error, AuditError):
        return ()


def _first_file(path: Path) -> Path | None:
    return first_file(path) if path.is_dir() else open_source(path).files[0]


def _head_names(lines: Iterable[str], suffix: str) -> tuple[str, ...]:
    if suffix in delimited.DELIMITERS:
        rows = csv.reader(lines, delimiter=delimited.DELIMITERS[suffix])
        return tuple(next(filter(None, rows), ()))
    record = json.loads(next(filter(str.strip, lines), "null"))
    return tuple(record) if isinstance(record, dict) else ()
