"""Lines about several models: ranks, and how far metrics agree."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fairaudit.report import wording
from fairaudit.report.ranking import Ranking, concordance, rankings
from fairaudit.result import (
    Agreement,
    Alignment,
    AuditReport,
    Correlation,
    DomainDistance,
)
from fairaudit.result.agreement import DOMAIN_RULE

if TYPE_CHECKING:
    from rich.table import Table

MOST = 20
NOT_MEASURED = (
    "not measured; give the datasets with `fairaudit agree --data NAME=PATH`, and "
    "--encoder MODEL_DIR for vectors."
)


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


def domain_lines(report: AuditReport) -> list[str]:
    """Return how far the datasets are apart, or how to have it measured."""
    if not report.domains:
        return [f"Distance of domains: {NOT_MEASURED}"]
    lines = [f"- {apart(found)}" for found in report.domains[:MOST]]
    if (hidden := len(report.domains) - MOST) > 0:
        lines.append(f"  {wording.count(hidden, 'more pair')} of datasets")
    return ["Distance of the datasets' texts", *lines, DOMAIN_RULE]


def apart(found: DomainDistance) -> str:
    """Say in words how far two datasets are apart."""
    n = f"{found.n[0]:,} and {found.n[1]:,} texts"
    chance = wording.number(found.vocabulary_chance)
    told = (
        f"{found.first} ~ {found.second}: vocabulary divergence "
        f"{wording.number(found.vocabulary)} bits (by chance {chance}; {n})"
    )
    if found.embedding is None:
        return f"{told}; {found.reason}"
    first, second = found.n_embedded
    value = wording.number(found.embedding)
    p = wording.number(found.embedding_p_adjusted)
    return (
        f"{told}; embedding discrepancy {value}, p (adj.) {p} "
        f"({first:,} and {second:,} texts, {found.encoder})"
    )


def domain(alignment: Alignment) -> str:
    """Say in words how far the texts behind a pair of metrics are apart.

    >>> domain(Alignment(vocabulary=0.25, domain_note="9 and 8 texts by words"))
    'vocabulary divergence 0.250 bits (9 and 8 texts by words)'
    """
    if alignment.vocabulary is None:
        return f"domain distance {alignment.domain_note or NOT_MEASURED}"
    told = f"vocabulary divergence {wording.number(alignment.vocabulary)} bits"
    if alignment.embedding is not None:
        p = wording.number(alignment.embedding_p_adjusted)
        value = wording.number(alignment.embedding)
        told += f", embedding discrepancy {value}, p (adj.) {p}"
    return f"{told} ({alignment.domain_note})"


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
