"""What the page shows of each family: matrix, tables and metric cards."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice
from typing import TypeAlias

from fairaudit.report import grouping, wording
from fairaudit.result import AuditReport, Family, Quantity, Record

ByFamily: TypeAlias = Mapping[Family, Sequence[Record]]


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix: what a model shows in one family."""

    lines: Sequence[tuple[Record, int]]
    """The finding farthest from the ideal, and of how many, for each quantity."""
    more: int
    absent: int


@dataclass(frozen=True)
class Section:
    """The records of one family; `hidden` more are not shown."""

    family: Family
    rows: Sequence[Record]
    hidden: int = 0


@dataclass(frozen=True)
class Card:
    """One quantity of one metric, and the hypotheses tested of it."""

    metric: str
    quantity: Quantity
    nulls: Sequence[str]
    methods: Sequence[str]


def by_kind(records: Sequence[Record]) -> list[tuple[tuple[str, str], list[Record]]]:
    """Group neighbours of one metric and quantity."""
    return [(kind, list(group)) for kind, group in groupby(records, wording.kind)]


def compared(records: Sequence[Record]) -> list[Record]:
    """Return the findings that have an ideal, sorted by what they show."""
    found = wording.measured(records)
    return wording.by_distance(r for r in found if wording.standing(r) != "no ideal")


def matrix(
    report: AuditReport, models: int, lines: int
) -> Mapping[str, Mapping[Family, Cell]]:
    """Return the cells of the first `models`, each with at most so many lines."""
    wanted = list(dict.fromkeys(model.name for model in report.models))[:models]
    found: dict[str, dict[Family, list[Record]]] = {
        name: {family: [] for family in wording.FAMILIES} for name in wanted
    }
    for record in report.records:
        if record.model in found:
            found[record.model][record.family].append(record)
    return {
        name: {family: _cell(records, lines) for family, records in cells.items()}
        for name, cells in found.items()
    }


def sections(report: AuditReport, rows: int) -> list[Section]:
    """Return the table of each family, with at most so many rows."""
    return [_section(report.records, family, rows) for family in wording.FAMILIES]


def cut(found: Sequence[Section], rows: int) -> list[Section]:
    """Return the tables with at most so many rows."""
    return [
        replace(s, rows=s.rows[:rows], hidden=s.hidden + max(0, len(s.rows) - rows))
        for s in found
    ]


def cards(report: AuditReport) -> list[Card]:
    """Return a card for each quantity of each metric."""
    found = grouping.by_kind(r for r in report.records if r.quantity is not None)
    return [_card(group) for _, group in sorted(found.items())]


def _cell(records: Sequence[Record], most: int) -> Cell:
    ordered = sorted(compared(records), key=wording.kind)
    lines = [(group[0], len(group)) for _, group in by_kind(ordered)]
    absent = len(wording.missing(records))
    return Cell(lines[:most], max(0, len(lines) - most), absent)


def _section(records: Sequence[Record], family: Family, most: int) -> Section:
    own = [r for r in records if r.family == family]
    rows = list(islice(_rows(own), most))
    return Section(family, rows, len(own) - len(rows))


def _rows(records: Sequence[Record]) -> Iterator[Record]:
    """Return the rows of a table: compared findings, rates, what did not run."""
    groups = list(grouping.ordered(records))
    for wanted in range(3):
        for group in groups:
            yield from (record for record in group if _order(record) == wanted)


def _order(record: Record) -> int:
    """Order a table: compared findings, then rates, then what did not run."""
    if record.status != "ok" or record.value is None:
        return 2
    return int(record.quantity is None or record.quantity.ideal is None)


def _card(records: Sequence[Record]) -> Card:
    quantity = next(r.quantity for r in records if r.quantity is not None)
    nulls = dict.fromkeys(r.null for r in records if r.null)
    methods = dict.fromkeys(
        r.interval.method for r in records if r.interval and r.interval.method
    )
    return Card(records[0].metric, quantity, list(nulls), list(methods))
