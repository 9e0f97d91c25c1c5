"""Writer for people: one self-contained page that needs no script and no network."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from fairaudit.report import datachecks, grouptables, ranking, sections, wording
from fairaudit.report.charts import forests
from fairaudit.report.drawing import Plan, svg
from fairaudit.report.dumbbells import clarity, dumbbells
from fairaudit.report.evidence import exhibits
from fairaudit.report.limits import EMBEDDED, MANY, PAGE, Limits
from fairaudit.report.scatter import aligned, clearest, scatters
from fairaudit.report.schema import dump
from fairaudit.report.study import NOT_MEASURED, domain
from fairaudit.report.verdicts import MARKS
from fairaudit.result import AuditReport, Family, Verdict
from fairaudit.result.agreement import DOMAIN_RULE, RULE

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

Drawn: TypeAlias = tuple[Plan, "Markup"]
Context: TypeAlias = Mapping[str, object]
_LEAST_RECORD = 250
"""Characters that any record takes in the JSON at least."""


@dataclass(frozen=True)
class HtmlWriter:
    """Writes a page that opens offline, prints, and follows light or dark mode."""

    name: ClassVar[str] = "html"
    filename: ClassVar[str | None] = "report.html"

    def render(self, report: AuditReport) -> str:
        """Return the page; without the chart libraries it has tables only."""
        limits = Limits() if len(report.records) < MANY else Limits().halved()
        differing = wording.varying(report.records)
        drawn, note = _drawings(report, limits, differing)
        whole = {**_whole(report), "differing": differing, "chart_note": note}
        tables = sections.sections(report, limits.rows)
        page = _page(whole, _parts(report, tables, drawn, limits))
        while len(page.encode()) > PAGE and limits != limits.halved():
            limits = limits.halved()
            whole["embedded"] = None
            page = _page(whole, _parts(report, tables, drawn, limits))
        return page


@dataclass(frozen=True)
class Drawings:
    """The charts of a page, drawn once, and how many there would be."""

    forests: Sequence[Drawn]
    planned: Mapping[Family, int]
    dumbbells: Sequence[Drawn]
    scatters: Sequence[Drawn]


def _page(whole: Context, parts: Context) -> str:
    template = _environment().get_template("report.html.j2")
    return template.render({**whole, **parts})


def _whole(report: AuditReport) -> Context:
    """Return what the page shows whatever its limits."""
    script = _script()
    order = list(MARKS)
    ranked = sorted(ranking.rankings(report), key=lambda r: not r.decisive)
    return {
        "report": report,
        "w": wording,
        "tally": wording.tally(report),
        "verdicts": {v: _count(report, v) for v in MARKS} if report.gates else {},
        "marks": MARKS,
        "gates": sorted(report.gates, key=lambda o: order.index(o.verdict)),
        "changes": sorted(report.changes, key=clarity),
        "sentences": sections.compared(report.records),
        "rankings": ranked,
        "concordance": ranking.concordance(ranked),
        "many": wording.provenance(report),
        "agreements": clearest(report.agreements),
        "aligned": aligned,
        "rule": RULE,
        "domain": domain,
        "domain_rule": DOMAIN_RULE,
        "domain_absent": NOT_MEASURED,
        "tables": grouptables.group_tables(report),
        "small": grouptables.SMALL,
        "exhibits": list(exhibits(report)),
        "checks": datachecks.checks(report),
        "balances": datachecks.balances,
        "repeats": datachecks.REPEATS,
        "share": datachecks.share,
        "repeats_rule": datachecks.RULE,
        "missing": wording.missing(report.records),
        "cards": sections.cards(report),
        "embedded": _embedded(report),
        "script": script,
        "script_hash": b64encode(sha256(script.encode()).digest()).decode(),
    }


def _parts(
    report: AuditReport,
    tables: Sequence[sections.Section],
    drawn: Drawings,
    limits: Limits,
) -> Context:
    """Return what depends on the limits."""
    shown = drawn.forests[: limits.charts]
    return {
        "limits": limits,
        "matrix": sections.matrix(report, limits.models, limits.lines),
        "sections": sections.cut(tables, limits.rows),
        "charts": {
            family: [pair for pair in shown if pair[0].family == family]
            for family in wording.FAMILIES
        },
        "planned": drawn.planned if drawn.forests else {},
        "dumbbells": drawn.dumbbells[: limits.dumbbells],
        "scatters": drawn.scatters[: limits.scatters],
    }


def _count(report: AuditReport, verdict: Verdict) -> int:
    return sum(outcome.verdict == verdict for outcome in report.gates)


def _drawings(
    report: AuditReport, limits: Limits, differing: wording.Differing
) -> tuple[Drawings, str]:
    """Draw the charts, or say why there are none."""
    plans = forests(report, differing)
    planned = {f: sum(p.family == f for p in plans) for f in wording.FAMILIES}
    try:
        return Drawings(
            _draw(plans[: limits.charts]),
            planned,
            _draw(list(islice(dumbbells(report), limits.dumbbells))),
            _draw(scatters(report)[: limits.scatters]),
        ), ""
    except ImportError as error:
        return Drawings([], planned, [], []), (
            f"Charts were left out because {error.name or 'a library'} is not "
            "installed; every figure is in the tables. To draw them: "
            "pip install 'fairaudit-nlp[html]'"
        )


def _draw(plans: Sequence[Plan]) -> list[Drawn]:
    from markupsafe import Markup

    return [(plan, Markup(svg(plan))) for plan in plans]  # noqa: S704 - escaped


@cache
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
    page.filters["groupby_kind"] = sections.by_kind
    page.tests["aligned_pair"] = aligned
    return page


def _clean(value: object) -> object:
    """Show control characters in every text that reaches the page."""
    raw = isinstance(value, str) and not hasattr(value, "__html__")
    return wording.visible(str(value)) if raw else value


@cache
def _script() -> "Markup":
    """Return the script that sorts tables; the page names its hash."""
    from markupsafe import Markup

    place = files("fairaudit.report").joinpath("templates", "sort.js")
    return Markup(place.read_text("utf-8").strip())  # noqa: S704 - our own file


def _embedded(report: AuditReport) -> "Markup | None":
    """Return the JSON so that no browser finds a tag in it; None where too long."""
    from markupsafe import Markup

    if len(report.records) * _LEAST_RECORD > EMBEDDED:
        return None
    text = dump(report)
    if len(text) > EMBEDDED:
        return None
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)  # noqa: S704 - no markup is left in it
