"""How far apart the score distributions of groups are."""

from typing import Final

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.distance import largest_distance
from fairaudit_metrics.extrinsic.axes import Axis
from fairaudit_metrics.extrinsic.decisions import Decisions

DISTANCE: Final = Quantity(
    name="score_distance",
    unit="probability",
    ideal=0,
    low=0,
    high=1,
    definition=(
        "Largest Wasserstein-1 distance between the score distributions of two groups: "
        "the integral of |F_g - F_h| over the scores (strong demographic parity)."
    ),
    reference="Jiang et al. (2020), Wasserstein Fair Classification, arXiv 1907.12059",
)


def distance_finding(
    axis: Axis,
    decisions: Decisions,
    min_count: int,
    draws: int,
    level: float,
    rng: np.random.Generator,
) -> Finding:
    """Return the largest distance of two groups, with its test."""
    groups = np.flatnonzero(axis.sizes >= min_count)
    if reason := _reason(axis, decisions, len(groups), min_count):
        return Finding(
            quantity=DISTANCE,
            subject=axis.name,
            reason=reason,
            detail={"left_out": {**axis.too_small(min_count)}},
        )
    member, clusters = axis.member[:, groups], decisions.clusters
    found = largest_distance(
        member, axis.code, decisions.score, draws, level, rng, clusters
    )
    means = axis.sums(decisions.score)[groups] / axis.sizes[groups]
    pair = [groups[at] for at in sorted(found.pair, key=lambda at: -means[at])]
    first, second = (axis.groups[int(g)] for g in pair)
    method = f"normal limit of the bootstrap, max over all pairs, {draws} draws"
    return Finding(
        quantity=DISTANCE,
        subject=f"{axis.name}: {first} vs {second}",
        key=axis.name,
        value=found.value,
        n=int(axis.rows[member.any(axis=1)].sum()),
        interval=Interval(found.low, found.high, level, f"{method}, conservative"),
        p_value=found.p_value,
        null=f"scores of all groups of {axis.name} have the same distribution",
        detail={
            "worst_pair": [first, second],
            **_by_group(axis, decisions, groups, means),
            "left_out": {**axis.too_small(min_count)},
        },
    )


def _by_group(
    axis: Axis, decisions: Decisions, groups: IntArray, means: Array
) -> dict[str, Json]:
    names, counts = [axis.groups[int(g)] for g in groups], decisions.counts(axis)
    away = np.abs(means - decisions.score.mean())
    return {
        "worst_group": names[int(np.argmax(away))],
        "mean_scores": dict(zip(names, means.tolist(), strict=True)),
        "counts": {name: counts[int(g)] for name, g in zip(names, groups, strict=True)},
    }


def _reason(axis: Axis, decisions: Decisions, groups: int, min_count: int) -> str:
    if not decisions.one_positive:
        return (
            "with several classes a text has several scores; name one class with the "
            "parameter 'positive'"
        )
    if groups < 2:
        return (
            f"a distance needs two groups with {min_count} texts (min_count); {groups} "
            f"of the {len(axis.groups)} of {axis.name} have them"
        )
    return ""
