"""Writer for people: one self-contained page, without scripts and without network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar, Final

from fairaudit.report import wording
from fairaudit.report.charts import Forest, forests, svg
from fairaudit.report.schema import dump
from fairaudit.result import AuditReport, Family, Quantity, Record

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

SENTENCES: Final = 12
CHARTS: Final = 16
TABLE_ROWS: Final = 150
CELL_LINES: Final = 4
EMBEDDED: Final = 120_000


@dataclass(frozen=True)
class HtmlWriter:
    """Writes a page that opens offline, prints, and follows light or dark mode."""

    name: ClassVar[str] = "html"
    filename: ClassVar[str | None] = "report.html"

    def render(self, report: AuditReport) -> str:
        """Return the page; without the chart libraries it has tables only."""
        charts, note = _charts(report)
        compared = _compared(report)
        return (
            _environment()
            .get_template("report.html.j2")
            .render(
                report=report,
                w=wording,
                tally=wording.tally(report),
                sentences=compared[:SENTENCES],
                unsaid=max(0, len(compared) - SENTENCES),
                differing=wording.varying(report.records),
                matrix=_matrix(report),
                sections=[
                    _section(report, family, charts) for family in wording.FAMILIES
                ],
                chart_note=note,
                missing=wording.missing(report.records),
                cards=_cards(report),
                embedded=_embedded(report),
            )
        )


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix: what a model shows in one family."""

    lines: Sequence[tuple[Record, int]]
    """The finding farthest from the ideal, and of how many, for each quantity."""
    more: int
    absent: Sequence[Record]


@dataclass(frozen=True)
class Section:
    """Everything of one family."""

    family: Family
    charts: Sequence[tuple[Forest, "Markup"]]
    undrawn: int
    rows: Sequence[Record]
    hidden: int


@dataclass(frozen=True)
class Card:
    """One quantity of one metric, and the hypotheses tested of it."""

    metric: str
    quantity: Quantity
    nulls: Sequence[str]
    methods: Sequence[str]


def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    page = Environment(
        loader=PackageLoader("fairaudit", "report/templates"),
        autoescape=True,
        finalize=_clean,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page.filters["groupby_kind"] = _by_kind
    return page


def _by_kind(records: Sequence[Record]) -> list[tuple[tuple[str, str], list[Record]]]:
    """Group neighbours of one metric and quantity."""
    return [(kind, list(group)) for kind, group in groupby(records, wording.kind)]


def _clean(value: object) -> object:
    """Show control characters in every text that reaches the page."""
    raw = isinstance(value, str) and not hasattr(value, "__html__")
    return wording.visible(str(value)) if raw else value


def _charts(report: AuditReport) -> tuple[list[tuple[Forest, "Markup"]], str]:
    """Draw the charts, or say why there are none."""
    from markupsafe import Markup

    plans = forests(report)[:CHARTS]
    try:
        drawn = [Markup(svg(plan, report)) for plan in plans]  # noqa: S704 - escaped
    except ImportError as error:
        return [], (
            f"Charts were left out because {error.name or 'a library'} is not "
            "installed; every figure is in the tables. To draw them: "
            "pip install 'fairaudit-nlp[html]'"
        )
    return list(zip(plans, drawn, strict=True)), ""


def _compared(report: AuditReport) -> list[Record]:
    found = wording.measured(report.records)
    return wording.by_distance(r for r in found if wording.standing(r) != "no ideal")


def _matrix(report: AuditReport) -> Mapping[str, Mapping[str, Cell]]:
    names = dict.fromkeys(model.name for model in report.models)
    return {
        name: {
            family: _cell(
                [r for r in report.records if (r.model, r.family) == (name, family)]
            )
            for family in wording.FAMILIES
        }
        for name in names
    }


def _cell(records: Sequence[Record]) -> Cell:
    found = [r for r in wording.measured(records) if wording.standing(r) != "no ideal"]
    groups = [group for _, group in _by_kind(sorted(found, key=wording.kind))]
    lines = [(wording.by_distance(group)[0], len(group)) for group in groups]
    more = max(0, len(lines) - CELL_LINES)
    return Cell(lines[:CELL_LINES], more, wording.missing(records))


def _section(
    report: AuditReport, family: Family, charts: Sequence[tuple[Forest, "Markup"]]
) -> Section:
    rows = [r for r in report.records if r.family == family]
    own = [(plan, drawing) for plan, drawing in charts if plan.family == family]
    planned = sum(plan.family == family for plan in forests(report))
    ordered = sorted(wording.ordered(rows), key=_order)
    return Section(
        family,
        own,
        planned - len(own) if charts else 0,
        ordered[:TABLE_ROWS],
        max(0, len(ordered) - TABLE_ROWS),
    )


def _order(record: Record) -> tuple[bool, bool, tuple[str, str]]:
    """Order a table: compared findings, then rates, then what did not run."""
    absent = record.status != "ok" or record.value is None
    return absent, wording.standing(record) == "no ideal", wording.kind(record)


def _cards(report: AuditReport) -> list[Card]:
    found = [r for r in report.records if r.quantity is not None]
    groups = _by_kind(sorted(found, key=wording.kind))
    return [_card(group) for _, group in groups]


def _card(records: Sequence[Record]) -> Card:
    quantity = next(r.quantity for r in records if r.quantity is not None)
    nulls = dict.fromkeys(r.null for r in records if r.null)
    methods = dict.fromkeys(
        r.interval.method for r in records if r.interval and r.interval.method
    )
    return Card(records[0].metric, quantity, list(nulls), list(methods))


def _embedded(report: AuditReport) -> "Markup | None":
    """Return the JSON so that no browser finds a tag in it; None where too long."""
    from markupsafe import Markup

    text = dump(report)
    if len(text) > EMBEDDED:
        return None
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)  # noqa: S704 - no markup is left in it
