"""The file of units beside the JSON file: written, read back, and known by its hash."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from fairaudit.report.schema import compact
from fairaudit.result import AuditReport, Record, Units

if TYPE_CHECKING:
    import pyarrow as pa

Key: TypeAlias = tuple[str, ...]

FILENAME: Final = "units.parquet"
NAMES: Final = ["model", "dataset", "metric", "finding"]
COLUMNS: Final = [
    *(f"{name}: string" for name in NAMES),
    "unit: int64",
    "value: double",
]
_BATCH: Final = 1 << 20
_DICTIONARY: Final = 1 << 26
_MOST_BYTES: Final = 1 << 30
_MOST_ROWS: Final = 1 << 27


def identity(record: Record) -> Key:
    """Return what tells a finding from all others of one model."""
    return (compact(record.params), *record.identity)


def encode(report: AuditReport) -> bytes:
    """Return the units of all records as Parquet, b"" where there are none.

    One row a unit: model, dataset, metric, the finding (its parameters, quantity and
    subject, as JSON), the key of the unit and its contribution. The same report gives
    the same bytes.
    """
    import pyarrow.parquet as pq

    out, writer = BytesIO(), None
    for table in _tables(report):
        writer = writer or pq.ParquetWriter(
            out,
            table.schema,
            compression="zstd",
            use_dictionary=[*NAMES, "unit"],
            dictionary_pagesize_limit=_DICTIONARY,
            store_schema=False,
        )
        writer.write_table(table)
    if writer is None:
        return b""
    writer.close()
    return out.getvalue()


def sealed(report: AuditReport) -> AuditReport:
    """Return the report with the digest of its units, where it has any and none yet."""
    if report.units_sha256 or not (units := encode(report)):
        return report
    return replace(report, units_sha256=hashlib.sha256(units).hexdigest())


def without(report: AuditReport) -> AuditReport:
    """Return the report without units, for where no file of them is written."""
    records = tuple(replace(record, units=None) for record in report.records)
    return replace(report, records=records, units_sha256="")


def attach(report: AuditReport, audit: Path) -> tuple[AuditReport, str]:
    """Return the report with the units beside its file, or the reason for none.

    Units are taken only from a file whose hash the report states, so that those of
    another audit, or of an older one in the same place, are not.
    """
    path = audit.with_name(FILENAME)
    if not report.units_sha256:
        return report, f"{audit} is of an audit that kept no units"
    try:
        raw = _bytes(path)
        if hashlib.sha256(raw).hexdigest() != report.units_sha256:
            return report, f"{path} was not written with {audit}"
        known = _read(raw)
    except OSError as error:
        return report, f"{path} cannot be read ({error.strerror or error})"
    except ValueError as error:
        return report, f"{path} does not hold units ({error})"
    records = (replace(r, units=known.get(_row(r))) for r in report.records)
    return replace(report, records=tuple(records)), ""


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"it has more than {_MOST_BYTES} bytes")
    return path.read_bytes()


def _row(record: Record) -> Key:
    params, dataset, metric, *rest = identity(record)
    return record.model, dataset, metric, compact([params, *rest])


def _tables(report: AuditReport) -> "Iterator[pa.Table]":
    batch: list[tuple[Key, Units]] = []
    rows = 0
    for record in report.records:
        if record.units is not None:
            batch.append((_row(record), record.units))
            rows += len(record.units.keys)
        if rows >= _BATCH:
            yield _table(batch)
            batch, rows = [], 0
    if batch:
        yield _table(batch)


def _table(batch: Sequence[tuple[Key, Units]]) -> "pa.Table":
    import pyarrow as pa

    rows, units = zip(*batch, strict=True)
    number = pa.array(np.repeat(np.arange(len(units)), [len(u.keys) for u in units]))
    texts = zip(NAMES, zip(*rows, strict=True), strict=True)
    columns = {name: pa.array(values).take(number) for name, values in texts}
    columns["unit"] = pa.array(np.concatenate([u.keys for u in units]))
    columns["value"] = pa.array(np.concatenate([u.values for u in units]))
    return pa.table(columns)


def _read(raw: bytes) -> Mapping[Key, Units]:
    """Read units by finding; `ValueError` where these are not units."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = [f"{f.name}: {f.type}" for f in pq.read_schema(pa.BufferReader(raw))]
        if found != COLUMNS:
            raise ValueError(f"its columns are {', '.join(found)}")
        file = pq.ParquetFile(pa.BufferReader(raw), read_dictionary=NAMES)
        if file.metadata.num_rows > _MOST_ROWS:
            raise ValueError(f"it has {file.metadata.num_rows} rows")
        return _by_finding(file.read().unify_dictionaries().combine_chunks())
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def _by_finding(table: "pa.Table") -> Mapping[Key, Units]:
    if any(column.null_count for column in table.columns):
        raise ValueError("a cell is empty")
    keys, values = table["unit"].to_numpy(), table["value"].to_numpy()
    columns = [table[name].combine_chunks() for name in NAMES]
    texts = [column.dictionary.to_pylist() for column in columns]
    codes = np.stack([column.indices.to_numpy() for column in columns])
    order = np.lexsort(codes)
    ranked = codes[:, order]
    begins = np.flatnonzero(np.any(ranked[:, 1:] != ranked[:, :-1], axis=0)) + 1
    return {
        tuple(text[code] for text, code in zip(texts, codes[:, run[0]], strict=True)): (
            Units(keys[run], values[run])
        )
        for run in np.split(order, begins)
        if len(run)
    }
