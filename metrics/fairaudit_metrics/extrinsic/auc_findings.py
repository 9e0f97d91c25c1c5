"""Findings about the AUCs of each group."""

from collections.abc import Iterator

import numpy as np

from fairaudit.result import Finding, Interval, Json
from fairaudit_metrics.extrinsic.auc_quantities import AEG_KINDS, BY_GROUP, OVERALL
from fairaudit_metrics.extrinsic.aucs import AucTable


def group_findings(
    table: AucTable, draws: int, rng: np.random.Generator
) -> Iterator[Finding]:
    """Return the AUCs and AEGs of every group.

    `detail` has the interval that holds for all groups of the axis at once (max-t).
    """
    levels = {kind: joint_level(table, kind, draws, rng) for kind in BY_GROUP}
    for group in range(len(table.axis.groups)):
        for kind, level in levels.items():
            yield _group_finding(table, kind, group, level)


def overall_finding(table: AucTable) -> Finding:
    """Return the AUC of all rows."""
    at = table.overall
    found = table.joint.estimate(at)
    counts = {"positives": found.positives, "negatives": found.negatives}
    if min(counts.values()) < table.min_count:
        told = f"{found.positives} positives and {found.negatives} negatives"
        reason = f"{told}; min_count is {table.min_count}"
        return Finding(
            quantity=OVERALL, subject=table.axis.name, reason=reason, detail=counts
        )
    return Finding(
        quantity=OVERALL,
        subject=table.axis.name,
        value=found.value,
        n=found.positives + found.negatives,
        interval=table.interval(at, table.level),
        detail=counts,
        units=table.units(at),
    )


def joint_level(
    table: AucTable, kind: str, draws: int, rng: np.random.Generator
) -> float:
    """Return the level of each interval at which they hold for all groups at once."""
    from scipy.special import ndtr

    columns = table.columns(kind)
    if not len(columns):
        return table.level
    sample = table.joint.draws(columns, draws, rng, table.level)
    reach = sample.critical(np.arange(len(columns)), table.level)
    return max(table.level, 2 * float(ndtr(reach)) - 1)


def _group_finding(table: AucTable, kind: str, group: int, level: float) -> Finding:
    quantity, subject = BY_GROUP[kind], table.axis.subject(group)
    at, reason = table.at(kind, group), table.reason(kind, group)
    detail: dict[str, Json] = {
        **table.counts(kind, group),
        "unknown_membership": int(table.axis.unknown[group]),
        "unlabelled_rows": table.decisions.unlabelled,
    }
    if reason:
        return Finding(quantity=quantity, subject=subject, reason=reason, detail=detail)
    found, shift = table.joint.estimate(at), 0.5 if kind in AEG_KINDS else 0.0
    alone = table.interval(at, table.level)
    joint = table.interval(at, level)
    return Finding(
        quantity=quantity,
        subject=subject,
        value=found.value - shift,
        n=found.positives + found.negatives,
        interval=Interval(
            alone.low - shift, alone.high - shift, alone.level, alone.method
        ),
        detail={
            **detail,
            "simultaneous_interval": [joint.low - shift, joint.high - shift],
        },
        units=None if shift else table.units(at),
    )
