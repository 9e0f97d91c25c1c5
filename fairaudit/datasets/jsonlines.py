"""JSON Lines files, read in chunks of rows with their line numbers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from fairaudit.datasets.delimited import refuse_encoding
from fairaudit.datasets.rows import Table, check_names
from fairaudit.errors import AuditError

SUFFIXES = (".jsonl", ".ndjson")
BOM = "\ufeff"


def column_names(path: Path) -> tuple[str, ...]:
    """Return the keys of all records, in the order in which they appear.

    Raises
    ------
    AuditError
        Where the file is empty or not UTF-8, or a line is no JSON object.
    """
    found = {tuple(record): line for line, record in _records(path)}
    if not found:
        raise AuditError(f"{path}: the file is empty. Give a file with rows.")
    return tuple(dict.fromkeys(name for names in found for name in names))


def chunks(path: Path, names: Sequence[str], size: int) -> Iterator[Table]:
    """Yield members of the records, at most `size` at a time; None where missing."""
    records = _records(path)
    while some := list(islice(records, size)):
        columns = {name: [record.get(name) for _, record in some] for name in names}
        yield Table(path, columns, [line for line, _ in some])


def _records(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                source = line.decode("utf-8")
            except UnicodeDecodeError:
                refuse_encoding(path)
            source = source.removeprefix(BOM) if number == 1 else source
            if source.strip():
                yield number, _record(path, number, source)


def _record(path: Path, line: int, source: str) -> Mapping[str, object]:
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            check_names(path, f"line {line}", [name for name, _ in pairs])
        return found

    try:
        record = json.loads(source, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise AuditError(
            f"{path}, line {line}: not valid JSON ({error}). "
            "Write one JSON object on each line."
        ) from error
    if not isinstance(record, dict):
        raise AuditError(f"{path}, line {line}: not a JSON object. Write one a line.")
    if "\\ud" in source or "\\uD" in source:
        _refuse_half_characters(path, line, record)
    return record


def _refuse_half_characters(path: Path, line: int, record: object) -> None:
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise AuditError(
            f"{path}, line {line}: a \\u escape is half of a surrogate pair, which is "
            "no character. Write the character itself, or both halves."
        ) from error
