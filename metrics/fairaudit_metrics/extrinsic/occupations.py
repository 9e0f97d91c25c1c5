"""Correlation of a model's likelihoods with who works in an occupation."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from fairaudit.errors import AuditError, suggest
from fairaudit.result import Finding, Interval, Quantity
from fairaudit.stats.correlation import (
    coefficients,
    permutation_test,
    standard_interval,
)

SHARE_CORRELATION = Quantity(
    name="occupation_share_correlation",
    unit="Pearson's r",
    ideal=0.0,
    low=-1.0,
    high=1.0,
    definition="Correlation over occupations of the mean log P(sentence with a woman's "
    "pronoun) - log P(with a man's) with the percentage of women in the occupation.",
    reference="After Rudinger et al. 2018, arXiv 1804.09301, figure 4, which has "
    "coreference systems",
)
NULL = "The model's log-ratio does not depend on the share of women in the occupation."
OCCUPATIONS = "occupations: women vs men"
LEAST = 4


def read_shares(reference: str, column: str) -> Mapping[str, float]:
    """Read the percentage of women by occupation from a TSV or CSV file.

    Raises
    ------
    AuditError
        Where the file or a column is missing, or a cell is no percentage.
    """
    path = Path(reference)
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AuditError(
            f"statistics={path}: the file cannot be read ({error}). Check the path."
        ) from error
    rows = csv.DictReader(
        text.splitlines(), delimiter="\t" if "\t" in text.partition("\n")[0] else ","
    )
    for name in ("occupation", column):
        if name not in (rows.fieldnames or ()):
            hint = suggest(name, rows.fieldnames or ())
            raise AuditError(f"{path}, line 1: there is no column {name!r}. {hint}")
    found: dict[str, float] = {}
    for row in rows:
        found[row["occupation"]] = _percentage(row[column], path, rows.line_num)
    return found


def share_findings(
    ratios: Mapping[str, float],
    shares: Mapping[str, float],
    draws: int,
    rng: np.random.Generator,
    level: float = 0.95,
) -> Iterator[Finding]:
    """Return the correlation over the occupations that both sides have."""
    names = sorted(ratios.keys() & shares.keys())
    subject = OCCUPATIONS
    lost = sorted(ratios.keys() - shares.keys())
    x = np.array([shares[name] for name in names])
    y = np.array([ratios[name] for name in names])
    if len(names) < LEAST or np.ptp(x) == 0 or np.ptp(y) == 0:
        reason = (
            f"{len(names)} occupations have both numbers and they must vary; at least "
            f"{LEAST} are needed"
        )
        yield Finding(quantity=SHARE_CORRELATION, subject=subject, reason=reason)
        return
    value = float(coefficients("pearson", x, y))
    bounds = standard_interval("pearson", value, len(names), level)
    tested = permutation_test("pearson", x, y, draws, rng)
    yield Finding(
        quantity=SHARE_CORRELATION,
        subject=subject,
        value=value,
        n=len(names),
        interval=Interval(*bounds, level, "Fisher z") if bounds else None,
        p_value=tested.p_value,
        null=NULL,
        detail={
            "spearman": float(coefficients("spearman", x, y)),
            "method": tested.method,
            "occupations_without_statistics": list(lost),
        },
    )


def _percentage(cell: str | None, path: Path, line: int) -> float:
    try:
        found = float(cell or "")
    except ValueError:
        found = -1.0
    if not 0 <= found <= 100:
        raise AuditError(
            f"{path}, line {line}: {cell!r} is no percentage. Write 0 to 100."
        )
    return found
