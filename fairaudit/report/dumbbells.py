"""Dumbbell charts: each finding in the baseline and now, one row a change."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from fairaudit.report import wording
from fairaudit.report.drawing import (
    INK,
    ROW_DATA,
    Datum,
    Layers,
    minus,
    row_labels,
    row_size,
    rows_chart,
    short,
)
from fairaudit.result import AuditReport, Change

if TYPE_CHECKING:
    import altair as alt

ROWS: Final = 15
_LABEL, _PLACE = 52, 62


@dataclass(frozen=True)
class Dumbbell:
    """One chart: changes of one quantity, the clearest first."""

    metric: str
    quantity: str
    changes: tuple[Change, ...]
    left_out: int = 0
    provenance: tuple[str, ...] = ()
    family: None = None

    @property
    def title(self) -> str:
        """Name of the chart, without markup."""
        return f"{self.metric}: {wording.words(self.quantity)}, baseline to now"

    @property
    def summary(self) -> str:
        """Say in words what the drawing shows."""
        up = sum((change.change or 0.0) > 0 for change in self.changes)
        down = sum((change.change or 0.0) < 0 for change in self.changes)
        changes = wording.count(len(self.changes), "change")
        return f"Dumbbell chart of {self.title}: {changes}, {up} up and {down} down."

    def layers(self) -> Layers:
        """Return the marks, sized but without style."""
        import altair as alt

        rows = [
            _row(at, change, self.provenance) for at, change in enumerate(self.changes)
        ]
        data = alt.NamedData(ROW_DATA)
        height, two_lines = row_size(rows)
        layers = [*_marks(data, self.quantity), *row_labels(data, two_lines)]
        return rows_chart(layers, rows, height)


def dumbbells(report: AuditReport) -> Iterator[Dumbbell]:
    """Return the charts of the changes that have both numbers, by quantity."""
    found = [c for c in report.changes if None not in (c.before, c.after)]
    names = wording.provenance(report)
    for (metric, quantity), group in groupby(sorted(found, key=_order), key=_kind):
        changes = tuple(group)
        left_out = max(0, len(changes) - ROWS)
        yield Dumbbell(metric, quantity, changes[:ROWS], left_out, names)


def clarity(change: Change) -> tuple[float, float, str]:
    """Order changes: the smallest adjusted p first, then the largest change."""
    p = 2.0 if change.p_adjusted is None else change.p_adjusted
    return p, -abs(change.change or 0.0), change.subject


def _kind(change: Change) -> tuple[str, str]:
    return change.metric, change.quantity


def _order(change: Change) -> tuple[tuple[str, str], tuple[float, float, str]]:
    return _kind(change), clarity(change)


def _row(at: int, change: Change, provenance: Sequence[str]) -> Datum:
    before, after = change.before or 0.0, change.after or 0.0
    span = change.interval
    told = f"{wording.number(before)} → {wording.number(after)}"
    return {
        "row": at,
        "label": short(change.subject, _LABEL),
        "place": short(wording.place(change, provenance), _PLACE),
        "figures": minus(told),
        "before": before,
        "value": after,
        "low": before + span.low if span else after,
        "high": before + span.high if span else after,
    }


def _marks(data: "alt.NamedData", quantity: str) -> list["alt.Chart"]:
    """Draw a ring for the baseline, a diamond for now, and the interval under both."""
    import altair as alt

    y = alt.Y("row:O", axis=None)
    axis = alt.Axis(
        title=wording.visible(wording.words(quantity)),
        tickCount=6,
        gridOpacity=0.25,
        domain=False,
    )
    scale = alt.Scale(zero=False, padding=12)
    x = {name: alt.X(f"{name}:Q", axis=axis, scale=scale) for name in _ENDS}
    base = alt.Chart(data)
    return [
        base.mark_rule(color=INK, strokeWidth=7, opacity=0.25)
        .encode(x=x["low"], x2="high:Q", y=y)
        .properties(name="span"),
        base.mark_rule(color=INK, strokeWidth=2)
        .encode(x=x["before"], x2="value:Q", y=y)
        .properties(name="interval"),
        base.mark_point(filled=True, size=80, color="#ffffff", stroke=INK, opacity=1)
        .encode(x=x["before"], y=y)
        .properties(name="near"),
        base.mark_point(filled=True, shape="diamond", size=110, color=INK, opacity=1)
        .encode(x=x["value"], y=y)
        .properties(name="away"),
    ]


_ENDS: Final = ("low", "before", "value")
