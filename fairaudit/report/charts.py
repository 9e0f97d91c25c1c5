"""Forest plots: a point, its interval and the ideal, one row a finding."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from fairaudit.report import wording
from fairaudit.report.drawing import (
    INK,
    QUIET,
    ROW_DATA,
    Datum,
    Layers,
    minus,
    row_labels,
    row_size,
    rows_chart,
    short,
)
from fairaudit.report.grouping import ordered
from fairaudit.report.wording import visible
from fairaudit.result import AuditReport, Family, Quantity, Record

if TYPE_CHECKING:
    import altair as alt

ROWS: Final = 20
_LABEL, _PLACE = 52, 62


@dataclass(frozen=True)
class Forest:
    """One chart: findings of one quantity that have an interval.

    Parameters
    ----------
    metric, quantity
        What is drawn.
    records
        Findings, each with a value and an interval.
    part, parts
        Position of the chart where the findings were too many for one.
    differing, provenance
        What tells the findings of the whole report apart (`fairaudit.report.wording`).
    """

    family: Family
    metric: str
    quantity: Quantity
    records: tuple[Record, ...]
    part: int = 1
    parts: int = 1
    differing: wording.Differing = field(default_factory=dict)
    provenance: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Name of the chart, without markup."""
        part = f", part {self.part} of {self.parts}" if self.parts > 1 else ""
        return f"{self.metric}: {wording.words(self.quantity.name)}{part}"

    @property
    def summary(self) -> str:
        """Say in words what the drawing shows."""
        away = sum(wording.standing(r) == "excludes" for r in self.records)
        told = (
            f" The ideal is {wording.ideal(self.quantity)}; {away} of them exclude it."
            if self.quantity.ideal is not None
            else ""
        )
        intervals = wording.count(len(self.records), "interval")
        return f"Forest plot of {self.title}: {intervals}.{told}"

    def layers(self) -> Layers:
        """Return the marks, sized but without style."""
        import altair as alt

        rows = _rows(self)
        data = alt.NamedData(ROW_DATA)
        height, two_lines = row_size(rows)
        layers = [*_ideal(self), *_intervals(data, self), *row_labels(data, two_lines)]
        return rows_chart(layers, rows, height)


def forests(
    report: AuditReport, differing: wording.Differing | None = None
) -> list[Forest]:
    """Return the charts of a report, in the order of the families.

    `differing` is what `wording.varying` says of its records, where that is known.
    """
    drawn = [r for r in wording.measured(report.records) if r.interval]
    if differing is None:
        differing = wording.varying(report.records)
    told = differing, wording.provenance(report)
    return [
        chart
        for family in wording.FAMILIES
        for chart in _split([r for r in drawn if r.family == family], family, told)
    ]


def _split(
    records: Sequence[Record],
    family: Family,
    told: tuple[wording.Differing, tuple[str, ...]],
) -> Iterator[Forest]:
    for group in ordered(records):
        found = tuple(group)
        parts = -(-len(found) // ROWS)
        for part in range(parts):
            rows = found[part * ROWS : (part + 1) * ROWS]
            quantity = rows[0].quantity
            if quantity is not None:
                metric = rows[0].metric
                yield Forest(family, metric, quantity, rows, part + 1, parts, *told)


def _rows(forest: Forest) -> list[Datum]:
    return [
        {
            "row": row,
            "label": short(wording.about(record, forest.differing), _LABEL),
            "place": short(wording.place(record, forest.provenance), _PLACE),
            "figures": _figures(record),
            "value": float(record.value or 0.0),
            "low": record.interval.low if record.interval else 0.0,
            "high": record.interval.high if record.interval else 0.0,
            "away": wording.standing(record) == "excludes",
        }
        for row, record in enumerate(forest.records)
    ]


def _figures(record: Record) -> str:
    return minus(f"{wording.number(record.value)}  {wording.interval(record.interval)}")


def _ideal(forest: Forest) -> list["alt.Chart"]:
    """Draw the dashed line of the ideal, where there is one."""
    import altair as alt

    if forest.quantity.ideal is None:
        return []
    data = alt.InlineData(values=[{"value": forest.quantity.ideal}])
    rule = alt.Chart(data, name="ideal").mark_rule(
        strokeDash=[4, 3], color=QUIET, strokeWidth=1.5
    )
    return [rule.encode(x=_axis(forest))]


def _axis(forest: Forest) -> "alt.X":
    import altair as alt

    title = visible(wording.heading(forest.records[0]))
    axis = alt.Axis(title=title, tickCount=6, gridOpacity=0.25, domain=False)
    return alt.X("value:Q", axis=axis, scale=alt.Scale(zero=False, padding=12))


def _intervals(data: "alt.NamedData", forest: Forest) -> list["alt.Chart"]:
    """Draw points over their intervals: filled where the ideal is excluded."""
    import altair as alt

    y = alt.Y("row:O", axis=None)
    lines = alt.Chart(data, name="interval").mark_rule(color=INK, strokeWidth=2)
    points = alt.Chart(data).mark_point(size=70, color=INK, opacity=1, strokeWidth=2)
    spot = points.encode(x=_axis(forest), y=y)
    return [
        lines.encode(x=alt.X("low:Q"), x2="high:Q", y=y),
        spot.transform_filter("datum.away")
        .mark_point(filled=True, size=90, color=INK, opacity=1)
        .properties(name="away"),
        spot.transform_filter("!datum.away")
        .mark_point(filled=True, size=70, color="#ffffff", stroke=INK, opacity=1)
        .properties(name="near"),
    ]
