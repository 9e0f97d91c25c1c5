"""Forest plots as inline SVG: a point, its interval and the ideal, one row a finding.

The page's style sheet colours the parts by their names (``interval_marks`` and so on),
so that one drawing serves light, dark and print.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import groupby
from typing import TYPE_CHECKING, Final, TypeAlias

from fairaudit.report import wording
from fairaudit.report.wording import visible
from fairaudit.result import AuditReport, Family, Quantity, Record

if TYPE_CHECKING:
    import altair as alt

Datum: TypeAlias = Mapping[str, str | float | bool]

ROWS: Final = 20
_WIDTH, _LABEL, _PLACE = 420, 52, 62
_INK, _QUIET = "#555555", "#777777"


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
    """

    family: Family
    metric: str
    quantity: Quantity
    records: tuple[Record, ...]
    part: int = 1
    parts: int = 1

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


def forests(report: AuditReport) -> list[Forest]:
    """Return the charts of a report, in the order of the families."""
    drawn = [r for r in wording.measured(report.records) if r.interval]
    return [
        chart
        for family in wording.FAMILIES
        for chart in _split([r for r in drawn if r.family == family], family)
    ]


def svg(forest: Forest, report: AuditReport) -> str:
    """Draw the chart; the text in it is escaped.

    Raises
    ------
    ImportError
        Where altair or vl-convert is not installed.
    """
    import altair as alt
    import vl_convert  # noqa: F401 - altair finds it; its lack must show here
    from markupsafe import escape

    out = StringIO()
    _chart(alt.InlineData(values=_rows(forest, report)), forest).save(out, format="svg")
    label = escape(visible(forest.summary))
    return out.getvalue().replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def _split(records: Sequence[Record], family: Family) -> Iterator[Forest]:
    for (metric, _), group in groupby(wording.ordered(records), key=wording.kind):
        found = tuple(group)
        parts = -(-len(found) // ROWS)
        for part in range(parts):
            rows = found[part * ROWS : (part + 1) * ROWS]
            quantity = rows[0].quantity
            if quantity is not None:
                yield Forest(family, metric, quantity, rows, part + 1, parts)


def _rows(forest: Forest, report: AuditReport) -> list[Datum]:
    differing = wording.varying(report.records)
    return [
        {
            "row": row,
            "label": _short(wording.about(record, differing), _LABEL),
            "place": _short(wording.place(record, report), _PLACE),
            "figures": _figures(record),
            "value": float(record.value or 0.0),
            "low": record.interval.low if record.interval else 0.0,
            "high": record.interval.high if record.interval else 0.0,
            "away": wording.standing(record) == "excludes",
        }
        for row, record in enumerate(forest.records)
    ]


def _short(text: str, most: int) -> str:
    """Cut a long text by characters: cutting by pixels doubles the drawing time."""
    shown = visible(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _figures(record: Record) -> str:
    text = f"{wording.number(record.value)}  {wording.interval(record.interval)}"
    return text.replace("-", "−")


def _chart(data: "alt.InlineData", forest: Forest) -> "alt.LayerChart":
    import altair as alt

    two_lines = any(row["place"] for row in data.values)
    step = 38 if two_lines else 24
    layers = [*_ideal(forest), *_intervals(data, forest), *_labels(data, two_lines)]
    size = {"width": _WIDTH, "height": step * len(forest.records)}
    layered = alt.layer(*layers).properties(background="transparent", **size)
    chart: alt.LayerChart = layered.configure(
        aria=False,
        font="Helvetica, Arial, sans-serif",
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            labelFontSize=12, titleFontSize=12, titleFontWeight=400, titlePadding=8
        ),
    )
    return chart


def _ideal(forest: Forest) -> list["alt.Chart"]:
    """Draw the dashed line of the ideal, where there is one."""
    import altair as alt

    if forest.quantity.ideal is None:
        return []
    data = alt.InlineData(values=[{"value": forest.quantity.ideal}])
    rule = alt.Chart(data, name="ideal").mark_rule(
        strokeDash=[4, 3], color=_QUIET, strokeWidth=1.5
    )
    return [rule.encode(x=_axis(forest))]


def _axis(forest: Forest) -> "alt.X":
    import altair as alt

    title = visible(wording.heading(forest.records[0]))
    axis = alt.Axis(title=title, tickCount=6, gridOpacity=0.25, domain=False)
    return alt.X("value:Q", axis=axis, scale=alt.Scale(zero=False, padding=12))


def _intervals(data: "alt.InlineData", forest: Forest) -> list["alt.Chart"]:
    """Draw points over their intervals: filled where the ideal is excluded."""
    import altair as alt

    y = alt.Y("row:O", axis=None)
    lines = alt.Chart(data, name="interval").mark_rule(color=_INK, strokeWidth=2)
    points = alt.Chart(data).mark_point(size=70, color=_INK, opacity=1, strokeWidth=2)
    spot = points.encode(x=_axis(forest), y=y)
    return [
        lines.encode(x=alt.X("low:Q"), x2="high:Q", y=y),
        spot.transform_filter("datum.away")
        .mark_point(filled=True, size=90, color=_INK, opacity=1)
        .properties(name="away"),
        spot.transform_filter("!datum.away")
        .mark_point(filled=True, size=70, color="#ffffff", stroke=_INK, opacity=1)
        .properties(name="near"),
    ]


def _labels(data: "alt.InlineData", two_lines: bool) -> list["alt.Chart"]:
    """Write subject and place left of the plot, and the figures right of it."""
    left, right, lift = -14, _WIDTH + 14, 8 if two_lines else 0
    labels = [
        _words(data, "label", left, dy=-lift, size=13),
        _words(data, "figures", right, dy=0, size=12),
    ]
    place = _words(data, "place", left, dy=lift, size=11)
    return [*labels, place] if two_lines else labels


def _words(
    data: "alt.InlineData", field: str, x: int, *, dy: int, size: int
) -> "alt.Chart":
    import altair as alt

    text = alt.Chart(data, name=field).mark_text(
        align="right" if x < 0 else "left",
        baseline="middle",
        dy=dy,
        fontSize=size,
        color=_QUIET if field == "place" else _INK,
    )
    y = alt.Y("row:O", axis=None)
    chart: alt.Chart = text.encode(x=alt.value(x), y=y, text=f"{field}:N")
    return chart
