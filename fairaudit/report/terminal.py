"""Writer for people at a terminal, or reading its output in a log."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from fairaudit.report import wording
from fairaudit.report.datachecks import check_lines
from fairaudit.report.grouping import ordered
from fairaudit.report.study import (
    agreement_table,
    domain_lines,
    ranking_lines,
    tally,
)
from fairaudit.report.verdicts import change_lines, gate_lines
from fairaudit.report.wording import visible
from fairaudit.result import AuditReport, Record

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

Told: TypeAlias = tuple[wording.Differing, tuple[str, ...]]
"""What tells records apart: parameters by metric, and model or dataset."""
_NARROWEST = 72
_WIDE = 120
_MOST_RATES = 24
_MOST_COMPARED = 400
_KEY = "Intervals are at 95% unless one says otherwise; p is adjusted over the audit."
_NUMERIC = ("value", "interval", "ideal", "n", "p (adjusted)")


@dataclass(frozen=True)
class TerminalWriter:
    """Writes tables that fit the terminal; colour only where it is wanted."""

    name: ClassVar[str] = "terminal"
    filename: ClassVar[str | None] = None

    def render(self, report: AuditReport) -> str:
        """Return the report as lines no wider than the terminal."""
        console = _console(out := StringIO())
        _header(console, report)
        told = wording.varying(report.records), wording.provenance(report)
        for family in wording.FAMILIES:
            _family(console, report, family, told)
        _verdicts(console, report)
        _models(console, report)
        _agreements(console, report)
        _missing(console, report)
        _last(console, report)
        return _encodable(
            "\n".join(map(str.rstrip, out.getvalue().splitlines())) + "\n"
        )


def _console(out: StringIO) -> "Console":
    from rich.console import Console

    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = max(shutil.get_terminal_size().columns, _NARROWEST)
    return Console(
        file=out,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
    )


def _encodable(text: str) -> str:
    """Replace what standard output cannot encode by escapes."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _text(text: str, style: str = "") -> "Text":
    from rich.text import Text

    return Text(visible(text), style=style)


def _header(console: "Console", report: AuditReport) -> None:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    for model in report.models:
        grid.add_row(
            _text("model", "dim"), _text(f"{model.name} ({model.architecture})")
        )
    for dataset in report.datasets:
        size = wording.count(dataset.n, "row")
        grid.add_row(_text("dataset", "dim"), _text(f"{dataset.name} ({size})"))
    grid.add_row(_text("seed", "dim"), _text(wording.seeds(report)))
    made = f"fairaudit {report.fairaudit_version}, {report.created}"
    grid.add_row(_text("made by", "dim"), _text(made))
    console.print(_text("Bias audit", "bold"), grid, sep="\n")
    console.print(_text(_KEY, "dim"))


def _family(console: "Console", report: AuditReport, family: str, told: Told) -> None:
    records = [r for r in wording.measured(report.records) if r.family == family]
    if not records:
        return
    about = next(text for name, text in wording.FAMILIES.items() if name == family)
    console.print()
    console.print(_text(f"{family.capitalize()}: {about}", "bold"))
    compared = [r for r in records if wording.standing(r) != "no ideal"]
    rates = [r for r in records if wording.standing(r) == "no ideal"]
    _tables(console, told, compared[:_MOST_COMPARED])
    _hidden(console, len(compared) - _MOST_COMPARED)
    if rates:
        console.print(
            _text("Without a single ideal, such as rates of one group:", "dim")
        )
        _tables(console, told, rates[:_MOST_RATES])
    _hidden(console, len(rates) - _MOST_RATES)


def _hidden(console: "Console", hidden: int) -> None:
    if hidden > 0:
        more = wording.count(hidden, "more number")
        console.print(_text(f"{more} not shown here; the CSV has all (--format csv)."))


def _tables(console: "Console", told: Told, records: Sequence[Record]) -> None:
    """Print one table; on a narrow terminal one for each model and dataset."""
    differing, columns = told
    if console.width >= _WIDE or not columns:
        if records:
            console.print(_table(records, columns, differing))
        return
    for place in dict.fromkeys(wording.place(r, columns) for r in records):
        group = [r for r in records if wording.place(r, columns) == place]
        console.print()
        console.print(_text(place))
        console.print(_table(group, (), differing))


def _place(record: Record, columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(getattr(record, name)) for name in columns)


def _table(
    records: Sequence[Record],
    columns: Sequence[str],
    differing: wording.Differing,
) -> "Table":
    """Lay out records under a line for each metric and quantity."""
    table = _columns(columns)
    for first, *others in ordered(records):
        heading = first.metric, wording.heading(first)
        table.add_row(*(_text(words, "bold") for words in heading))
        for record in (first, *others):
            table.add_row("", *_cells(record, columns, differing))
    return table


def _columns(columns: Sequence[str]) -> "Table":
    from rich.box import Box
    from rich.table import Table

    line = "    \n"
    box = Box(line * 2 + " -- \n" + line * 5, ascii=True)
    table = Table(box=box, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("metric", overflow="fold", max_width=16)
    table.add_column("subject", overflow="fold", ratio=None)
    for name in columns:
        table.add_column(name, overflow="fold", max_width=24)
    for name in _NUMERIC:
        heading = "p (adj.)" if name.startswith("p") else name
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _cells(
    record: Record, columns: Sequence[str], differing: wording.Differing
) -> tuple["RenderableType", ...]:
    from rich.padding import Padding

    away = wording.standing(record) == "excludes"
    return (
        Padding(_text(wording.about(record, differing)), (0, 0, 0, 2)),
        *map(_text, _place(record, columns)),
        _text(wording.number(record.value), "bold" if away else ""),
        _text(wording.interval(record.interval)),
        _text(wording.ideal(record.quantity)),
        _text(f"{record.n:,}"),
        _text(wording.p_value(record)),
    )


def _verdicts(console: "Console", report: AuditReport) -> None:
    for heading, lines in (
        ("Gates", gate_lines(report)),
        ("Changes since the baseline", change_lines(report)),
        ("Repeated texts, and texts seen in training", check_lines(report)),
    ):
        if lines:
            console.print()
            console.print(_text(heading, "bold"))
        for line in lines:
            console.print(_text(line))


def _models(console: "Console", report: AuditReport) -> None:
    lines = ranking_lines(report)
    if lines:
        console.print()
        console.print(_text("Models, nearest to the ideal first", "bold"))
    for line in lines:
        console.print(_text(line))


def _agreements(console: "Console", report: AuditReport) -> None:
    if not report.agreements:
        return
    console.print()
    console.print(_text("Agreement of metrics over models", "bold"))
    console.print(agreement_table(report.agreements))
    console.print(_text(tally(report.agreements), "dim"))
    for line in domain_lines(report):
        console.print(_text(line))


def _missing(console: "Console", report: AuditReport) -> None:
    from rich.padding import Padding

    absent = wording.missing(report.records)
    if not absent:
        return
    console.print()
    console.print(_text("Not run, and why", "bold"))
    for (what, why, style), quantities in _reasons(report, absent).items():
        named = ", ".join(filter(None, quantities))
        console.print(_text(f"- {what}{': ' if named else ''}{named}"))
        console.print(Padding(_text(why, style), (0, 0, 0, 4)))


def _reasons(
    report: AuditReport, absent: Sequence[Record]
) -> dict[tuple[str, str, str], dict[str, None]]:
    """Return what has no number, why and in which style, by quantities."""
    differing = wording.varying(report.records)
    found: dict[tuple[str, str, str], dict[str, None]] = {}
    for record in absent:
        place = f"{record.metric}: {record.model} on {record.dataset}"
        about = wording.about(record, differing)
        what = f"{place}{', ' if about else ''}{about}"
        style = "red" if record.status == "error" else ""
        quantity = wording.words(record.quantity.name) if record.quantity else ""
        found.setdefault((what, wording.why(record), style), {})[quantity] = None
    return found


def _last(console: "Console", report: AuditReport) -> None:
    counts = wording.tally(report)
    tested = counts["excludes"] + counts["includes"]
    away = f"{counts['excludes']:,} of {tested:,} intervals tested exclude the ideal"
    console.print()
    console.print(
        _text(
            f"{wording.count(counts['findings'], 'finding')}; {away}; "
            f"{counts['not run']:,} not run; "
            f"{wording.count(counts['errors'], 'error')}.",
            "bold",
        )
    )
