"""Scatter plots of the agreement study: two quantities, one point a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from fairaudit.report import wording
from fairaudit.report.drawing import INK, QUIET, Datum, Layers, short
from fairaudit.result import Agreement, AuditReport, Correlation

if TYPE_CHECKING:
    import altair as alt

LABELS: Final = 12
"""Most points that bear a name: those farthest from the middle of the cloud."""
_NAME, _SIDE = 20, 300
_ROOM: Final = np.array([[0.3], [0.06]])
"""Room that a name needs, as a share of the width and of the height."""


@dataclass(frozen=True)
class Scatter:
    """One chart: the models that have both numbers of a pair."""

    agreement: Agreement
    family: None = None

    @property
    def title(self) -> str:
        """Name of the chart, without markup."""
        return f"{self.agreement.first} ~ {self.agreement.second}"

    @property
    def summary(self) -> str:
        """Say in words what the drawing shows."""
        told = [_told(found) for found in self.agreement.correlations]
        models = wording.count(len(self.agreement.models), "model")
        return f"Scatter plot of {self.title}: {models}; {', '.join(told)}."

    @property
    def unnamed(self) -> int:
        """How many points bear no name."""
        return len(self.agreement.models) - len(_named(self.agreement))

    def layers(self) -> Layers:
        """Return the marks, sized but without style."""
        import altair as alt

        base = alt.Chart(alt.InlineData(values=_points(self.agreement)))
        x, y = (
            _axis(name, title)
            for name, title in (
                (alt.X("x:Q"), self.agreement.first),
                (alt.Y("y:Q"), self.agreement.second),
            )
        )
        points = base.mark_point(filled=True, size=70, color=INK, opacity=1)
        names = base.mark_text(dy=-10, fontSize=11, color=QUIET)
        layered: Layers = alt.layer(
            points.encode(x=x, y=y).properties(name="away"),
            names.encode(x=x, y=y, text="name:N").properties(name="place"),
        ).properties(width=_SIDE + 60, height=_SIDE)
        return layered


def aligned(agreement: Agreement) -> bool:
    """Tell whether a pair is measured on aligned data."""
    return agreement.alignment is not None and agreement.alignment.aligned


def clearest(agreements: Sequence[Agreement]) -> list[Agreement]:
    """Sort pairs: aligned ones first, then by adjusted p and by coefficient."""
    return sorted(agreements, key=_clarity)


def scatters(report: AuditReport) -> list[Scatter]:
    """Return a chart for each pair that has a coefficient, the clearest first."""
    drawn = [a for a in report.agreements if a.correlations and a.models]
    return [Scatter(agreement) for agreement in clearest(drawn)]


def _clarity(agreement: Agreement) -> tuple[bool, float, float, str, str]:
    ps = [c.p_adjusted for c in agreement.correlations if c.p_adjusted is not None]
    sizes = [abs(c.value) for c in agreement.correlations if c.value is not None]
    pair = agreement.first, agreement.second
    return not aligned(agreement), min(ps, default=2.0), -max(sizes, default=-1), *pair


def _told(found: Correlation) -> str:
    return f"{found.coefficient} {wording.number(found.value)}"


def _points(agreement: Agreement) -> list[Datum]:
    named = _named(agreement)
    return [
        {"x": x, "y": y, "name": short(model, _NAME) if at in named else ""}
        for at, (model, x, y) in enumerate(
            zip(agreement.models, agreement.x, agreement.y, strict=False)
        )
    ]


def _named(agreement: Agreement) -> set[int]:
    """Return the points that get a name: far from the middle, with room for it."""
    cloud = np.array([agreement.x, agreement.y])
    reach = np.ptp(cloud, axis=1, keepdims=True)
    unit = (cloud - cloud.min(1, keepdims=True)) / np.where(reach > 0, reach, 1)
    far = np.hypot(*(unit - np.median(unit, axis=1, keepdims=True)))
    named: list[int] = []
    for at in np.argsort(-far, kind="stable").tolist():
        near = np.abs(unit[:, named] - unit[:, [at]]) < _ROOM
        if len(named) < LABELS and not near.all(axis=0).any():
            named.append(at)
    return set(named)


def _axis(channel: "alt.X | alt.Y", title: str) -> "alt.X | alt.Y":
    import altair as alt

    scale = alt.Scale(zero=False, padding=24)
    axis = alt.Axis(title=short(title, 60), tickCount=5, gridOpacity=0.25, domain=False)
    return channel.axis(axis).scale(scale)
