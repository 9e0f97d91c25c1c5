"""Parquet and Arrow files, read in chunks of rows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairaudit.datasets.rows import Cells, Table, check_names
from fairaudit.errors import AuditError

if TYPE_CHECKING:
    import pyarrow as pa

ARROW = ".arrow"
PARQUET = ".parquet"
_NAMES = {ARROW: "an Arrow", PARQUET: "a Parquet"}


def column_names(path: Path) -> tuple[str, ...]:
    """Return the names in the schema of a file.

    Raises
    ------
    AuditError
        Where the file is empty or in another format, or names a column twice.
    """
    if path.stat().st_size == 0:
        raise AuditError(f"{path}: the file is empty. Give a file with rows.")
    with _opened(path) as (schema, _):
        check_names(path, "schema", schema.names)
        return tuple(schema.names)


def chunks(path: Path, names: Sequence[str], size: int) -> Iterator[Table]:
    """Yield columns of a file, at most `size` rows at a time.

    Numbers of a class feature of a saved Hugging Face dataset become its names.
    """
    number = 1
    with _opened(path) as (schema, batches):
        classes = _class_names(schema)
        for batch in batches(names, size):
            columns = {name: batch.column(name).to_pylist() for name in names}
            lines = range(number, number + batch.num_rows)
            number += batch.num_rows
            yield _with_classes(Table(path, columns, lines, "row"), classes)


@contextmanager
def _opened(path: Path) -> "Iterator[tuple[pa.Schema, Any]]":
    """Yield the schema and a function that yields batches."""
    import pyarrow as pa

    kind = path.suffix.lower()
    try:
        with ExitStack() as stack:
            opener = _parquet if kind == PARQUET else _arrow
            yield opener(path, stack)
    except (pa.ArrowException, OSError) as error:
        raise AuditError(
            f"{path}: not {_NAMES[kind]} file ({error}). Export it again."
        ) from error


def _parquet(path: Path, stack: ExitStack) -> "tuple[pa.Schema, Any]":
    from pyarrow import parquet

    file = stack.enter_context(parquet.ParquetFile(path))
    return file.schema_arrow, lambda names, size: file.iter_batches(
        batch_size=size, columns=list(names)
    )


def _arrow(path: Path, stack: ExitStack) -> "tuple[pa.Schema, Any]":
    import pyarrow as pa

    source = stack.enter_context(pa.memory_map(str(path)))
    try:
        stream = stack.enter_context(pa.ipc.open_stream(source))
    except pa.ArrowInvalid:
        source.seek(0)
        file = stack.enter_context(pa.ipc.open_file(source))
        blocks = (file.get_batch(at) for at in range(file.num_record_batches))
        return file.schema, lambda names, size: _slices(blocks, names, size)
    return stream.schema, lambda names, size: _slices(stream, names, size)


def _slices(
    batches: "Iterator[pa.RecordBatch]", names: Sequence[str], size: int
) -> "Iterator[pa.RecordBatch]":
    for batch in batches:
        chosen = batch.select(list(names))
        for start in range(0, batch.num_rows, size):
            yield chosen.slice(start, size)


def _class_names(schema: "pa.Schema") -> Mapping[str, Sequence[str]]:
    """Return the names of the class features that the library `datasets` wrote."""
    try:
        said = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = said["info"]["features"]
        return {
            name: feature["names"]
            for name, feature in features.items()
            if feature.get("_type") == "ClassLabel"
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _with_classes(table: Table, classes: Mapping[str, Sequence[str]]) -> Table:
    named = {
        name: _named(table, name, classes[name])
        for name in table.columns
        if name in classes
    }
    return replace(table, columns={**table.columns, **named}) if named else table


def _named(table: Table, column: str, names: Sequence[str]) -> Cells:
    """Return classes by name; -1 stands for none, as the library has it."""
    cells = table.columns[column]
    for row, cell in enumerate(cells):
        if cell is not None and not (isinstance(cell, int) and -1 <= cell < len(names)):
            table.fail(
                row,
                f"column {column!r} holds {cell!r}, but its {len(names)} classes are "
                "numbered from 0. Save the dataset again.",
            )
    return [names[c] if isinstance(c, int) and c >= 0 else None for c in cells]
