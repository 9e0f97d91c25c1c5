"""Writers for other programs: JSON and CSV."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from math import isfinite
from typing import ClassVar, TypeAlias

from fairaudit.errors import AuditError
from fairaudit.report.schema import compact, dump
from fairaudit.report.units import FILENAME, encode, sealed
from fairaudit.report.wording import visible
from fairaudit.result import (
    Agreement,
    Alignment,
    AuditReport,
    Correlation,
    Interval,
    Quantity,
    Record,
)

Cell: TypeAlias = str | int | float | None

_TRIGGERS = tuple("=+-@\t\r＝＋－＠")


@dataclass(frozen=True)
class JsonWriter:
    """Writes the whole report as JSON, the form that can be read back.

    The units of the findings stand beside it, and their digest in it. A report that was
    read back without them keeps the digest.
    """

    name: ClassVar[str] = "json"
    filename: ClassVar[str | None] = "audit.json"

    def render(self, report: AuditReport) -> str:
        """Return the report as JSON text."""
        return dump(sealed(report))

    def files(self, report: AuditReport) -> Iterator[tuple[str, bytes]]:
        """Yield the file of units, where there are any."""
        if units := encode(report):
            yield FILENAME, units


@dataclass(frozen=True)
class CsvWriter:
    """Writes one row a record, with full precision, for spreadsheets and scripts.

    Text is quoted and numbers are not. A text that a spreadsheet would take for a
    formula gets a leading apostrophe; control characters become visible escapes. The
    JSON file has the texts unchanged.
    """

    name: ClassVar[str] = "csv"
    filename: ClassVar[str | None] = "audit.csv"

    def render(self, report: AuditReport) -> str:
        """Return the records as CSV text."""
        out = StringIO(newline="")
        rows = [flatten(record) for record in report.records]
        writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerow(flatten(_BLANK))
        writer.writerows([neutral(cell) for cell in row.values()] for row in rows)
        return out.getvalue()


@dataclass(frozen=True)
class AgreementWriter:
    """Writes one row a correlation of the agreement study, as `CsvWriter` does."""

    name: ClassVar[str] = "agreement"
    filename: ClassVar[str | None] = "agreement.csv"

    def render(self, report: AuditReport) -> str:
        """Return the agreements as CSV text; only the header where there are none."""
        out = StringIO(newline="")
        writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerow(_correlated(_BLANK_PAIR, _BLANK_CORRELATION))
        for pair in report.agreements:
            for found in pair.correlations or (_BLANK_CORRELATION,):
                cells = _correlated(pair, found).values()
                writer.writerow([neutral(cell) for cell in cells])
        return out.getvalue()


def flatten(record: Record) -> Mapping[str, Cell]:
    """Return the cells of one record by column name."""
    return {
        "model": record.model,
        "dataset": record.dataset,
        "metric": record.metric,
        "family": record.family,
        "params": compact(record.params),
        "status": record.status,
        "reason": record.reason,
        "subject": record.subject,
        **_quantity_cells(record.quantity),
        "value": record.value,
        "n": record.n,
        **_interval_cells(record.interval),
        "p_value": record.p_value,
        "p_adjusted": record.p_adjusted,
        "null": record.null,
        "detail": compact(record.detail),
        "traits": compact(record.traits),
        "key": record.key,
    }


def neutral(cell: Cell) -> Cell:
    """Return a cell that no spreadsheet evaluates.

    >>> neutral("=1+1"), neutral(-1.5), neutral("women vs men")
    ("'=1+1", -1.5, 'women vs men')
    """
    if isinstance(cell, str):
        shown = visible(cell)
        risky = cell.startswith(_TRIGGERS) or shown.lstrip().startswith(_TRIGGERS)
        return f"'{shown}" if risky else shown
    if cell is not None and not isfinite(cell):
        raise AuditError(f"The report holds {cell}, which is not a finite number.")
    return cell


def _correlated(pair: Agreement, found: Correlation) -> Mapping[str, Cell]:
    low, high = found.leave_one_out or (None, None)
    aligned = pair.alignment or Alignment()
    boot = _interval_cells(found.bootstrap)
    return {
        "first": pair.first,
        "second": pair.second,
        "n": len(pair.models),
        "coefficient": found.coefficient if pair.correlations else None,
        "value": found.value,
        **_interval_cells(found.interval),
        "bootstrap_low": boot["interval_low"],
        "bootstrap_high": boot["interval_high"],
        "p_value": found.p_value,
        "p_adjusted": found.p_adjusted,
        "leave_one_out_low": low,
        "leave_one_out_high": high,
        "reason": pair.reason or found.reason,
        "aligned": "yes" if aligned.aligned else "no",
        "groups_jaccard": aligned.groups,
        "notions": " | ".join(aligned.notions),
        "domains": " | ".join(aligned.domains),
        "languages": " | ".join(aligned.languages),
        "tasks": " | ".join(aligned.tasks),
        "vocabulary_divergence": aligned.vocabulary,
        "embedding_discrepancy": aligned.embedding,
        "embedding_p": aligned.embedding_p,
        "embedding_p_adjusted": aligned.embedding_p_adjusted,
        "domain_note": aligned.domain_note,
        "models": " | ".join(pair.models),
    }


def _quantity_cells(quantity: Quantity | None) -> Mapping[str, Cell]:
    return {
        "quantity": quantity.name if quantity else None,
        "unit": quantity.unit if quantity else None,
        "ideal": quantity.ideal if quantity else None,
        "quantity_low": quantity.low if quantity else None,
        "quantity_high": quantity.high if quantity else None,
        "reference": quantity.reference if quantity else None,
    }


def _interval_cells(interval: Interval | None) -> Mapping[str, Cell]:
    return {
        "interval_low": interval.low if interval else None,
        "interval_high": interval.high if interval else None,
        "interval_level": interval.level if interval else None,
        "interval_method": interval.method if interval else None,
    }


_BLANK = Record(model="", dataset="", metric="", family="extrinsic")
_BLANK_PAIR = Agreement(first="", second="", families=("intrinsic", "extrinsic"))
_BLANK_CORRELATION = Correlation(coefficient="pearson", value=None)
