"""Writer of the charts as files: SVG and PNG, for slides and papers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from fairaudit.errors import AuditError
from fairaudit.report import wording
from fairaudit.report.charts import forests
from fairaudit.report.ci.markdown import escape
from fairaudit.report.drawing import Plan, standalone
from fairaudit.report.dumbbells import dumbbells
from fairaudit.report.scatter import scatters
from fairaudit.result import AuditReport

MOST: Final = 60
"""Charts that are drawn; how many more there would be is said in the list."""
_NAME: Final = 60


@dataclass(frozen=True)
class ChartsWriter:
    """Writes each chart as SVG and PNG, and a list that says what each shows."""

    name: ClassVar[str] = "charts"
    filename: ClassVar[str | None] = "charts/charts.md"

    def render(self, report: AuditReport) -> str:
        """Return the list of the charts in Markdown, with a text for each."""
        plans = _plans(report)
        lines = [
            f"- [{escape(plan.title)}]({name}.svg): {escape(plan.summary)}"
            for name, plan in _named(plans[:MOST])
        ]
        if not plans:
            lines = ["The audit has nothing to draw."]
        if len(plans) > MOST:
            more = wording.count(len(plans) - MOST, "more chart")
            lines.append(f"\n{more} not drawn; `compare` or `report` fewer audits.")
        return "\n".join(["# Charts", "", *lines]) + "\n"

    def files(self, report: AuditReport) -> Iterator[tuple[str, bytes]]:
        """Return the drawings.

        Raises
        ------
        AuditError
            Where the chart libraries are not installed.
        """
        for name, plan in _named(_plans(report)[:MOST]):
            try:
                drawn, pixels = standalone(plan)
            except ImportError as error:
                raise AuditError(
                    f"Charts need {error.name or 'a library'}, which is not installed. "
                    "Install it with: pip install 'fairaudit-nlp[html]'"
                ) from error
            yield f"{name}.svg", drawn
            yield f"{name}.png", pixels


def _plans(report: AuditReport) -> list[Plan]:
    return [*forests(report), *dumbbells(report), *scatters(report)]


def _named(plans: list[Plan]) -> Iterator[tuple[str, Plan]]:
    """Give each chart a file name: its number, and what is safe of its title."""
    for number, plan in enumerate(plans, start=1):
        words = re.sub(r"[^a-z0-9]+", "-", plan.title.lower()).strip("-")
        yield f"{number:02d}-{words[:_NAME].strip('-')}".rstrip("-"), plan
