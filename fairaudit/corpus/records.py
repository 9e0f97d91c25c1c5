"""Read documents from JSON Lines, CSV and TSV, line by line."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, TypeAlias

from fairaudit.corpus.opening import Corpus, Lenience
from fairaudit.datasets.delimited import long_cells
from fairaudit.errors import AuditError, suggest

BOM = b"\xef\xbb\xbf"
DELIMITERS = {"csv": ",", "tsv": "\t"}

_JSON_BLANKS = " \t\r\n"

Record: TypeAlias = tuple[int, str]
"""Line number and document; bytes that are not UTF-8 are in it as lone surrogates."""


def json_records(
    corpus: Corpus, stream: BinaryIO, column: str, lenience: Lenience
) -> Iterator[Record]:
    """Yield a column of JSON Lines."""
    parse = json.JSONDecoder().raw_decode
    for number, line in enumerate(stream, 1):
        source = line.removeprefix(BOM) if number == 1 else line
        text = source.decode("utf-8", "surrogateescape").strip(_JSON_BLANKS)
        if not text:
            continue
        try:
            record, end = parse(text)
            if end < len(text):
                raise json.JSONDecodeError("Extra data", text, end)
        except (ValueError, RecursionError) as error:
            lenience.refuse(where(corpus, number), f"not valid JSON ({error})")
            continue
        document = record.get(column) if isinstance(record, dict) else None
        if type(document) is str:
            yield number, document
        else:
            _refuse(where(corpus, number), record, column, lenience)


def _refuse(
    place: str,
    record: Any,  # noqa: ANN401 - whatever the line holds
    column: str,
    lenience: Lenience,
) -> None:
    """Refuse a record without a text; null is an empty document."""
    if not isinstance(record, dict):
        lenience.refuse(place, "not a JSON object. Write one a line")
    elif column not in record:
        lenience.refuse(place, no_column(column, record))
    elif record[column] is not None:
        kind = type(record[column]).__name__
        lenience.refuse(place, f"column {column!r} holds a {kind}, not a text")


def delimited_records(
    corpus: Corpus, stream: BinaryIO, column: str, lenience: Lenience
) -> Iterator[Record]:
    """Yield a column of CSV or TSV; quoted cells may hold line breaks."""
    lines = (line.decode("utf-8", "surrogateescape") for line in stream)
    reader = csv.reader(lines, delimiter=DELIMITERS[corpus.kind], strict=True)
    header: list[str] | None = None
    while True:
        start = reader.line_num + 1
        try:
            cells = _next_row(reader)
        except csv.Error as error:
            lenience.refuse(where(corpus, start), f"cannot be parsed ({error})")
            continue
        if cells is None:
            return
        if header is None:
            header = _header(corpus, cells, column)
        elif len(cells) == len(header):
            yield start, cells[header.index(column)]
        elif cells:
            problem = f"{len(cells)} cells, but the header has {len(header)}"
            lenience.refuse(where(corpus, start), problem)


def _next_row(reader: Iterator[list[str]]) -> list[str] | None:
    """Read a row, None at the end; cells may be longer than `csv` expects."""
    with long_cells():
        return next(reader, None)


def _header(corpus: Corpus, cells: Sequence[str], column: str) -> list[str]:
    names = [name.removeprefix("\ufeff") for name in cells]
    if column not in names:
        raise AuditError(f"{corpus.label}: {no_column(column, names)}.")
    return names


def no_column(column: str, known: Iterable[str]) -> str:
    """Say that a column is missing, and which is nearest."""
    hint = suggest(column, known).removesuffix(".")
    return f"there is no column {column!r} (--text-column). {hint}"


def where(corpus: Corpus, number: int) -> str:
    """Name the place of a document."""
    unit = "row" if corpus.kind in {"parquet", "arrow"} else "line"
    return f"{corpus.label}, {unit} {number}"
