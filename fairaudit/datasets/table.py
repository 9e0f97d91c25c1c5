"""Tables in CSV, TSV, JSON Lines and Parquet files, read with their line numbers."""

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path
from typing import NoReturn, TypeAlias

import numpy as np

from fairaudit.arrays import IntArray
from fairaudit.errors import AuditError, suggest
from fairaudit.result import DatasetEntry

BOM = b"\xef\xbb\xbf"
DELIMITERS: Mapping[str, str] = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson")
SIDECAR = '{"licence": "CC-BY-4.0", "source": "https://..."}'
SUFFIXES = (*DELIMITERS, *JSON_LINES, ".parquet")

Parsed: TypeAlias = tuple[Mapping[str, Sequence[object]], Sequence[int]]


@dataclass(frozen=True)
class Table:
    """Columns of a file and where each row stands in it.

    Parameters
    ----------
    path, sha256
        The file and the hash of its bytes.
    columns
        Cells by column name, as the format gives them.
    lines
        Line on which each row starts, or its number in a Parquet file.
    unit
        What `lines` counts: ``"line"`` or ``"row"``.
    """

    path: Path
    sha256: str
    columns: Mapping[str, Sequence[object]]
    lines: Sequence[int]
    unit: str = "line"

    def __len__(self) -> int:
        return len(self.lines)

    def fail(self, row: int, problem: str) -> NoReturn:
        """Raise an error that names the file and the line of a row."""
        raise AuditError(f"{self.path}, {self.unit} {self.lines[row]}: {problem}")

    def require(self, name: str, option: str = "") -> None:
        """Raise an error that names the nearest column where `name` is missing."""
        if name not in self.columns:
            mend = f" Name the right column with the option '{option}'." * bool(option)
            raise AuditError(
                f"{self.path}: there is no column {name!r}. "
                f"{suggest(name, self.columns)}{mend}"
            )

    def strings(self, name: str) -> tuple[str, ...]:
        """Return a column as text; missing cells (null, NaN) are empty strings."""
        cells = self.columns[name]
        for row in (i for i, cell in enumerate(cells) if not _is_scalar(cell)):
            kind = type(cells[row]).__name__
            self.fail(row, f"column {name!r} holds a {kind}; give text or a number.")
        return tuple(map(_text, cells))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a column of texts, none of which may be empty."""
        texts = self.strings(name)
        empty = [row for row, text in enumerate(texts) if not text.strip()]
        if empty:
            self.fail(
                empty[0],
                f"column {name!r} is empty (rows like this: {len(empty)}). "
                "Fill in or remove them.",
            )
        return texts

    def card(self, kind: str) -> DatasetEntry:
        """Describe the whole table, with what the sidecar file says of it."""
        entry = DatasetEntry(
            name=self.path.stem,
            kind=kind,
            n=len(self),
            sha256=self.sha256,
            path=self.path.as_posix(),
        )
        said = read_sidecar(self.path)
        licence, source = said.get("licence", ""), said.get("source", "")
        return replace(entry, licence=licence, source=source)


def read_table(path: Path) -> Table:
    """Read a table; the suffix of the file name tells its format.

    Raises
    ------
    AuditError
        Where the file is missing, empty, not UTF-8 or not well formed.
    """
    content, suffix = _content(path), path.suffix.lower()
    if suffix == ".parquet":
        columns, lines = _parse_parquet(path, content)
    else:
        parse = _parse_json if suffix in JSON_LINES else _parse_delimited
        columns, lines = parse(path, _decode(path, content))
    if not lines:
        raise AuditError(f"{path}: the file has no rows. Add at least one row of data.")
    unit = "row" if suffix == ".parquet" else "line"
    return Table(path, hashlib.sha256(content).hexdigest(), columns, lines, unit)


def read_header(path: Path) -> tuple[str, ...]:
    """Return the column names from the head of a file; () where it has none."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES or not path.is_file():
        return ()
    try:
        if suffix == ".parquet":
            return _parquet_names(path)
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return _head_names(lines, suffix)
    except (OSError, ValueError, csv.Error):
        return ()


def read_sidecar(path: Path) -> dict[str, str]:
    """Return licence and source from ``<stem>.card.json`` next to a file, if any."""
    sidecar = path.with_name(f"{path.stem}.card.json")
    if not sidecar.is_file():
        return {}
    try:
        card = json.loads(sidecar.read_text("utf-8-sig"))
    except ValueError as error:
        raise AuditError(f"{sidecar}: not valid JSON ({error}). Mend it.") from error
    if not isinstance(card, dict) or not all(isinstance(v, str) for v in card.values()):
        raise AuditError(f"{sidecar}: write an object with texts, such as {SIDECAR}.")
    for key in card.keys() - {"licence", "source"}:
        known = suggest(key, ("licence", "source"))
        raise AuditError(f"{sidecar}: the key {key!r} is not known. {known}")
    return card


def sample_rows(n: int, limit: int | None, rng: np.random.Generator) -> IntArray:
    """Draw `limit` of `n` rows without replacement, in the order of the file.

    >>> sample_rows(3, None, np.random.default_rng(0)).tolist()
    [0, 1, 2]
    """
    if limit is None or check_limit(limit) >= n:
        return np.arange(n)
    return np.sort(rng.choice(n, limit, replace=False))


def check_limit(limit: int) -> int:
    """Return the limit, which must be at least one row."""
    if limit < 1:
        raise AuditError(f"The limit of rows is {limit}; give 1 or more, or none.")
    return limit


def _content(path: Path) -> bytes:
    if path.suffix.lower() not in SUFFIXES:
        raise AuditError(
            f"{path}: files of type {path.suffix!r} cannot be read as a table. "
            f"Convert it to one of {', '.join(SUFFIXES)}."
        )
    if not path.is_file():
        raise AuditError(f"{path}: there is no such file. Check the path.")
    content = path.read_bytes()
    if not content.removeprefix(BOM).strip():
        raise AuditError(f"{path}: the file is empty. Give a file with rows.")
    return content


def _decode(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise AuditError(
            f"{path}, line {line}: byte {error.start} of the file "
            f"(0x{content[error.start]:02x}) is not UTF-8. Save the file as UTF-8."
        ) from error


def _delimited_rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    delimiter = DELIMITERS[path.suffix.lower()]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    try:
        for cells in reader:
            yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise AuditError(
            f"{path}, line {start}: this row cannot be parsed ({error}). Put texts "
            'with quotes, delimiters or line breaks in "...", with quotes doubled.'
        ) from error


def _parse_delimited(path: Path, text: str) -> Parsed:
    rows = [(line, cells) for line, cells in _delimited_rows(path, text) if cells]
    header = rows[0][1] if rows else []
    _check_names(path, rows[0][0] if rows else 1, header)
    for line, cells in rows[1:]:
        if len(cells) != len(header):
            raise AuditError(
                f"{path}, line {line}: {len(cells)} cells, but the header has "
                f"{len(header)}. Quote cells that hold the delimiter or a line break."
            )
    columns = zip(*(cells for _, cells in rows[1:]), strict=True)
    return dict(zip(header, columns, strict=False)), [line for line, _ in rows[1:]]


def _parse_json(path: Path, text: str) -> Parsed:
    rows = [(i, s) for i, s in enumerate(text.split("\n"), 1) if s.strip()]
    records = [_json_record(path, line, source) for line, source in rows]
    names = dict.fromkeys(name for record in records for name in record)
    columns = {name: [record.get(name) for record in records] for name in names}
    return columns, [line for line, _ in rows]


def _json_record(path: Path, line: int, source: str) -> Mapping[str, object]:
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        _check_names(path, line, [name for name, _ in pairs])
        return dict(pairs)

    try:
        record = json.loads(source, object_pairs_hook=unique)
    except ValueError as error:
        raise AuditError(
            f"{path}, line {line}: not valid JSON ({error}). "
            "Write one JSON object on each line."
        ) from error
    if not isinstance(record, dict):
        raise AuditError(f"{path}, line {line}: not a JSON object. Write one a line.")
    return record


def _parse_parquet(path: Path, content: bytes) -> Parsed:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(pa.BufferReader(content)).read()
    except (pa.ArrowException, OSError) as error:
        raise AuditError(
            f"{path}: not a Parquet file ({error}). Export it again."
        ) from (error)
    _check_names(path, 1, table.column_names)
    return table.to_pydict(), range(1, table.num_rows + 1)


def _check_names(path: Path, line: int, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise AuditError(
            f"{path}, line {line}: the column {twice[0]!r} occurs more than once. "
            "Rename or remove one of them."
        )


def _parquet_names(path: Path) -> tuple[str, ...]:
    from pyarrow import parquet

    return tuple(parquet.read_schema(path).names)


def _head_names(lines: Iterable[str], suffix: str) -> tuple[str, ...]:
    if suffix in DELIMITERS:
        rows = csv.reader(lines, delimiter=DELIMITERS[suffix])
        return tuple(next(filter(None, rows), ()))
    record = json.loads(next(filter(str.strip, lines), "null"))
    return tuple(record) if isinstance(record, dict) else ()


def _is_scalar(cell: object) -> bool:
    return cell is None or isinstance(cell, str | int | float)


def _text(cell: object) -> str:
    if cell is None or (isinstance(cell, float) and isnan(cell)):
        return ""
    return str(cell).lower() if isinstance(cell, bool) else str(cell)
