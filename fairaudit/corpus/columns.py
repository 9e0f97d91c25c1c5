"""Read a column of Parquet and Arrow files, batch by batch."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fairaudit.corpus.opening import Corpus
from fairaudit.corpus.records import no_column
from fairaudit.errors import AuditError

if TYPE_CHECKING:
    import pyarrow as pa


def read_cells(
    path: Path, corpus: Corpus, column: str, rows: int
) -> Iterator[list[bytes | None]]:
    """Yield the cells of one file as bytes, at most `rows` at a time."""
    import pyarrow as pa

    batches = _parquet if corpus.kind == "parquet" else _arrow
    require: Callable[[pa.Schema], None] = lambda s: _require(corpus, s, column)  # noqa: E731
    try:
        for cells in batches(path, column, rows, require):
            yield cells.cast(pa.large_binary()).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise AuditError(
            f"{path}: not a readable {corpus.kind.capitalize()} file ({error}). Export "
            "it again."
        ) from error


def _parquet(
    path: Path, column: str, rows: int, require: "Callable[[pa.Schema], None]"
) -> "Iterator[pa.Array]":
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        require(file.schema_arrow)
        for batch in file.iter_batches(batch_size=rows, columns=[column]):
            yield batch.column(0)


def _arrow(
    path: Path, column: str, rows: int, require: "Callable[[pa.Schema], None]"
) -> "Iterator[pa.Array]":
    import pyarrow as pa

    with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as stream:
        require(stream.schema)
        for batch in stream:
            cells = batch.column(column)
            for start in range(0, len(cells), rows):
                yield cells.slice(start, rows)


def _require(corpus: Corpus, schema: "pa.Schema", column: str) -> None:
    import pyarrow as pa

    if column not in schema.names:
        raise AuditError(f"{corpus.label}: {no_column(column, schema.names)}.")
    kind = schema.field(column).type
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(inner) or pa.types.is_large_string(inner)):
        raise AuditError(
            f"{corpus.label}: column {column!r} holds {kind}, not text. Name the text "
            "with --text-column."
        )
