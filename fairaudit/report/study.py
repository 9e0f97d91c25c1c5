"""Lines about several models: ranks, and how far metrics agree."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fairaudit.report import wording
from fairaudit.report.ranking import Ranking, concordance, rankings
from fairaudit.result import Agreement, AuditReport, Correlation

if TYPE_CHECKING:
    from rich.table import Table

MOST = 20


def ranking_lines(report: AuditReport) -> list[str]:
    """Return how the models rank by each quantity, the decisive rankings first."""
    found = sorted(rankings(report), key=lambda ranking: not ranking.decisive)
    if not found:
        return []
    lines = [f"- {ranking.name}: {_order(ranking)}" for ranking in found[:MOST]]
    if hidden := len(found) - MOST:
        lines += [f"  {wording.count(hidden, 'more ranking')}"] if hidden > 0 else []
    return [*lines, *_concordance(found)]


def agreement_table(agreements: Sequence[Agreement]) -> "Table":
    """Return the agreements as a table, aligned pairs first."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("pair", "coefficient", "value", "interval", "p (adj.)", "n"):
        table.add_column(name, overflow="fold")
    for agreement in sorted(agreements, key=lambda a: not _aligned(a)):
        for cells in _rows(agreement):
            table.add_row(*(Text(wording.visible(cell)) for cell in cells))
    return table


def tally(agreements: Sequence[Agreement]) -> str:
    """Count the pairs, the aligned ones and those tested."""
    aligned = sum(_aligned(agreement) for agreement in agreements)
    tested = sum(not a.descriptive and not a.reason for a in agreements)
    return (
        f"{wording.count(len(agreements), 'pair')} of metrics, {aligned} aligned; "
        f"{tested} tested, the others have too few models or do not vary."
    )


def _order(ranking: Ranking) -> str:
    names = [
        f"{record.model} ({wording.number(record.value)})" for record in ranking.records
    ]
    told = "" if ranking.decisive else "; intervals overlap: the order is not decisive"
    return f"{' < '.join(names)}{told}"


def _concordance(found: Sequence[Ranking]) -> list[str]:
    agreed = concordance(found)
    if agreed is None:
        return []
    quantities = wording.count(agreed.quantities, "quantity", "quantities")
    return [
        f"Kendall's W over {quantities} that rank all {agreed.models} models: "
        f"{wording.number(agreed.value)} (0: no agreement, 1: complete)."
    ]


def _aligned(agreement: Agreement) -> bool:
    return agreement.alignment is not None and agreement.alignment.aligned


def _rows(agreement: Agreement) -> Iterator[tuple[str, ...]]:
    pair = f"{agreement.first} ~ {agreement.second}"
    pair += " (aligned)" if _aligned(agreement) else " (not aligned)"
    n = str(len(agreement.models))
    if agreement.reason:
        yield pair, "none", agreement.reason, "", "", n
    for correlation in agreement.correlations:
        yield pair, correlation.coefficient, *_figures(correlation), n
        pair = ""


def _figures(found: Correlation) -> tuple[str, str, str]:
    tested = "not tested" if found.p_adjusted is None else f"{found.p_adjusted:.3f}"
    return wording.number(found.value), wording.interval(found.interval), tested
