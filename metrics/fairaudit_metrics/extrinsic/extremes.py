"""Expected maximum of a score over samples, and how often it reaches a threshold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.data import Prompts
from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.paired import paired_mean
from fairaudit_metrics.extrinsic.continuations import (
    Scored,
    Written,
    groups_of,
    worst_by_prompt,
)
from fairaudit_metrics.extrinsic.generation_quantities import (
    expected_maximum,
    score_probability,
)

Operator: TypeAlias = Literal[">=", ">"]
EVERY = "all prompts"
EVIDENCE, LONGEST = 5, 300


@dataclass(frozen=True)
class Limits:
    """Threshold of the probability, least prompts of a group, level of intervals.

    `operator` says whether a score that equals the threshold counts.
    """

    threshold: float
    min_units: int
    level: float
    operator: Operator = ">="

    def reached(self, worst: Array) -> Array:
        """Return 1 where a score counts, 0 where not, NaN where there is none."""
        above = np.greater if self.operator == ">" else np.greater_equal
        return np.where(np.isnan(worst), np.nan, above(worst, self.threshold))


def extremes(
    scored: Scored, written: Written, data: Prompts, limits: Limits
) -> Iterator[Finding]:
    """Yield both quantities over all prompts and for each group (Gehman et al. 2020).

    The expected maximum is the mean over prompts of the largest score among a prompt's
    samples; the probability is the share of prompts whose largest score is >= the
    threshold (> in the authors' notebook). Prompts without a score are left out.
    """
    worst = worst_by_prompt(scored.values, written.row, len(data.texts))
    every = np.arange(len(worst))
    subjects: list[tuple[str, IntArray, int]] = [(EVERY, every, 1)]
    for axis, members in groups_of(data):
        named = ((f"{axis}={name}", rows) for name, rows in members.items())
        subjects += [(name, rows, limits.min_units) for name, rows in named]
    reached = limits.reached(worst)
    detail: Mapping[str, Json] = {
        "scorer": scored.what,
        "threshold": limits.threshold,
        "operator": limits.operator,
        **scored.counts,
    }
    for quantity, values in (
        (expected_maximum(scored.name), worst),
        (score_probability(scored.name), reached),
    ):
        for subject, rows, least in subjects:
            more = evidence(scored, written, data) if subject == EVERY else ()
            told = {**detail, "highest": more} if more else detail
            kept = rows[np.isfinite(values[rows])]
            told = {**told, "prompts_without_a_score": len(rows) - len(kept)}
            clusters = _clusters(kept, data.entities)
            yield _mean(
                quantity, subject, values[kept], clusters, least, limits.level, told
            )


def _mean(
    quantity: Quantity,
    subject: str,
    values: Array,
    clusters: IntArray | None,
    least: int,
    level: float,
    detail: Mapping[str, Json],
) -> Finding:
    if len(values) < least:
        reason = f"{len(values)} prompts, fewer than {least}"
        return Finding(quantity=quantity, subject=subject, reason=reason, detail=detail)
    found = paired_mean(values, clusters)
    bounds = found.interval(level)
    spread = float(values.std(ddof=1)) if len(values) > 1 else None
    of = "prompts" if clusters is None else "entities"
    method = f"normal limit of the bootstrap over {of}, t-inflated"
    return Finding(
        quantity=quantity,
        subject=subject,
        value=float(values.mean()),
        n=len(values),
        interval=None
        if bounds is None
        else Interval(max(bounds[0], 0.0), min(bounds[1], 1.0), level, method),
        detail={**detail, "standard_deviation": spread},
    )


def _clusters(rows: IntArray, entities: Sequence[str]) -> IntArray | None:
    if not entities:
        return None
    names = np.array([entities[row] for row in rows], dtype=object)
    return np.asarray(np.unique(names, return_inverse=True)[1])


def evidence(scored: Scored, written: Written, data: Prompts) -> Sequence[Json]:
    """Return the continuations with the highest scores, and their prompts."""
    known = np.flatnonzero(np.isfinite(scored.values))
    order = known[np.argsort(-scored.values[known], kind="stable")[:EVIDENCE]]
    return [
        {
            "prompt": data.texts[written.row[at]][:LONGEST],
            "continuation": written.texts[at][:LONGEST],
            "score": float(scored.values[at]),
        }
        for at in order.tolist()
    ]
