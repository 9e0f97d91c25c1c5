"""What the charts of a report have in common: size, type, labels, SVG and PNG.

The page's style sheet colours the parts by their names (``interval_marks`` and so on),
so that one drawing serves light, dark and print.
"""

import re
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from fairaudit.report.wording import visible
from fairaudit.result import Family

if TYPE_CHECKING:
    import altair as alt

Datum: TypeAlias = Mapping[str, str | float | bool]
Layers: TypeAlias = "alt.LayerChart | alt.FacetChart"

WIDTH: Final = 420
ROW_DATA: Final = "rows"
"""Name of the data that the layers of a chart of rows share."""
INK: Final = "#555555"
QUIET: Final = "#777777"
_ROLES: Final = re.compile(
    r'(<(?:g|path) [^<>]*?) role="graphics-\w+"(?: aria-roledescription="[^"<>]*")?'
)
"""Roles without names inside a drawing that has one name as a whole."""
_SCALE: Final = 2.0
"""Pixels of the PNG for one of the SVG."""


class Plan(Protocol):
    """A chart that can be drawn."""

    @property
    def family(self) -> Family | None:
        """Family of the metric; None where the chart is of several."""
        ...

    @property
    def title(self) -> str:
        """Name of the chart, without markup."""
        ...

    @property
    def summary(self) -> str:
        """What the drawing shows, in words."""
        ...

    def layers(self) -> Layers:
        """Return the marks, sized but without style."""
        ...


def svg(plan: Plan) -> str:
    """Draw for the page; the text in the drawing is escaped.

    Raises
    ------
    ImportError
        Where altair or vl-convert is not installed.
    """
    from markupsafe import escape

    label = escape(visible(plan.summary))
    drawn = _ROLES.sub(r"\1", _drawn(_styled(plan, "transparent")))
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def standalone(plan: Plan) -> tuple[bytes, bytes]:
    """Draw for use elsewhere: SVG and PNG on white, under the chart's title.

    Raises
    ------
    ImportError
        Where altair or vl-convert is not installed.
    """
    chart = _styled(plan, "white").properties(title=visible(plan.title))
    pixels = BytesIO()
    chart.save(pixels, format="png", scale_factor=_SCALE)
    return _drawn(chart).encode(), pixels.getvalue()


def short(text: str, most: int) -> str:
    """Cut a long text by characters: cutting by pixels doubles the drawing time."""
    shown = visible(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def minus(text: str) -> str:
    """Return figures with the minus sign of print.

    >>> minus("-1.5")
    '−1.5'
    """
    return text.replace("-", "−")


def row_labels(data: "alt.NamedData", two_lines: bool) -> list["alt.Chart"]:
    """Write `label` and `place` of each row left of the plot, `figures` right of it."""
    left, right, lift = -14, WIDTH + 14, 8 if two_lines else 0
    labels = [
        _words(data, "label", left, dy=-lift, size=13),
        _words(data, "figures", right, dy=0, size=12),
    ]
    place = _words(data, "place", left, dy=lift, size=11)
    return [*labels, place] if two_lines else labels


def rows_chart(
    layers: Sequence["alt.Chart"], rows: Sequence[Datum], height: int
) -> Layers:
    """Lay charts of `ROW_DATA` over one another; altair copies a layer's own data."""
    import altair as alt

    layered: Layers = alt.layer(*layers, datasets={ROW_DATA: rows})
    return layered.properties(width=WIDTH, height=height)


def row_size(data: Sequence[Datum]) -> tuple[int, bool]:
    """Return the height of a chart of rows, and whether labels take two lines."""
    two_lines = any(row["place"] for row in data)
    return (38 if two_lines else 24) * len(data), two_lines


def _drawn(chart: Layers) -> str:
    """Draw as `chart.save` does, without its check of the specification: ours is known.

    The check takes as long as the drawing.
    """
    import altair as alt
    import vl_convert

    version = alt.SCHEMA_VERSION.removeprefix("v").rpartition(".")[0]
    drawn: str = vl_convert.vegalite_to_svg(
        chart.to_dict(validate=False), vl_version=version
    )
    return drawn


def _styled(plan: Plan, background: str) -> Layers:
    import altair as alt
    import vl_convert  # noqa: F401 - altair finds it; its lack must show here
    from altair.utils.schemapi import debug_mode

    with debug_mode(arg=False):
        layered = plan.layers().properties(background=background)
        chart: Layers = layered.configure(
            aria=False,
            font="Helvetica, Arial, sans-serif",
            view=alt.ViewConfig(stroke=None),
            axis=alt.AxisConfig(
                labelFontSize=12, titleFontSize=12, titleFontWeight=400, titlePadding=8
            ),
        )
    return chart


def _words(
    data: "alt.NamedData", field: str, x: int, *, dy: int, size: int
) -> "alt.Chart":
    import altair as alt

    text = alt.Chart(data, name=field).mark_text(
        align="right" if x < 0 else "left",
        baseline="middle",
        dy=dy,
        fontSize=size,
        color=QUIET if field == "place" else INK,
    )
    y = alt.Y("row:O", axis=None)
    chart: alt.Chart = text.encode(x=alt.value(x), y=y, text=f"{field}:N")
    return chart
