"""Findings about the AUCs of all groups of an axis together."""

from collections.abc import Iterator

import numpy as np

from fairaudit.arrays import IntArray
from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.bootstrap import Bootstrap, inflation
from fairaudit.stats.gaps import Gap, largest_gap
from fairaudit.stats.powermean import WeightedMeans
from fairaudit_metrics.extrinsic.auc_findings import joint_level
from fairaudit_metrics.extrinsic.auc_quantities import (
    AUC_KINDS,
    FINAL,
    LARGEST,
    LOWEST,
    MEANS,
    NULLS,
)
from fairaudit_metrics.extrinsic.aucs import AucTable


def axis_findings(
    table: AucTable, power: float, draws: int, rng: np.random.Generator
) -> Iterator[Finding]:
    """Return the lowest AUCs, their means, the final metric, the largest shifts."""
    for kind in AUC_KINDS:
        yield _lowest(table, kind, draws, rng)
    for kind in AUC_KINDS:
        yield _mean(table, MEANS[kind], [(1.0, kind)], power)
    parts = [(0.25, "overall"), *((0.25, kind) for kind in AUC_KINDS)]
    yield _mean(table, FINAL, parts, power)
    for kind in LARGEST:
        yield _largest(table, kind, draws, rng)


def _lowest(
    table: AucTable, kind: str, draws: int, rng: np.random.Generator
) -> Finding:
    """Return the lowest AUC; with simultaneous intervals it lies between their ends."""
    quantity, columns = LOWEST[kind], table.columns(kind)
    if not len(columns):
        return _none(table, quantity, kind)
    worst = int(columns[np.argmin(table.joint.values[columns])])
    found = table.joint.estimate(worst)
    ends = table.intervals(columns, joint_level(table, kind, draws, rng))
    method = table.interval(worst, table.level).method
    return Finding(
        quantity=quantity,
        subject=f"{table.axis.name}: {_owner(table, worst)} (lowest)",
        key=table.axis.name,
        value=found.value,
        n=found.positives + found.negatives,
        interval=Interval(
            float(ends[:, 0].min()),
            float(ends[:, 1].min()),
            table.level,
            f"{method}, max-t over groups",
        ),
        detail={
            "worst_group": _owner(table, worst),
            "aucs": _values(table, columns),
            "left_out": table.left_out(kind),
            **_counts(table, kind, worst),
        },
        units=table.units(worst),
    )


def _mean(
    table: AucTable, quantity: Quantity, parts: list[tuple[float, str]], power: float
) -> Finding:
    """Return a weighted sum of power means, with an interval by the delta method."""
    axis = table.axis.name
    for kind in (kind for _, kind in parts if kind != "overall"):
        if not len(table.columns(kind)):
            return _none(table, quantity, kind)
    columns = {
        kind: np.array([table.overall]) if kind == "overall" else table.columns(kind)
        for _, kind in parts
    }
    means = WeightedMeans(power, [(w, columns[kind]) for w, kind in parts])
    value = means.value(table.joint.values)
    every = np.concatenate(list(columns.values()))
    return Finding(
        quantity=quantity,
        subject=axis,
        value=value,
        n=table.rows(every),
        interval=_mean_interval(table, means, value, every),
        detail={
            "power": power,
            "groups": {kind: len(at) for kind, at in columns.items()},
            "left_out": {
                kind: table.left_out(kind) for kind in columns if kind != "overall"
            },
            "worst_group": {
                kind: _owner(table, int(at[np.argmin(table.joint.values[at])]))
                for kind, at in columns.items()
                if kind != "overall"
            },
            "positives": int(table.joint.positives[table.overall]),
            "negatives": int(table.joint.negatives[table.overall]),
        },
    )


def _mean_interval(
    table: AucTable, means: WeightedMeans, value: float, columns: IntArray
) -> Interval:
    """Return the delta interval; where an AUC is 0 or 1 one from bounds of all AUCs.

    Power means rise with every AUC: between its values at the lower and at the upper
    ends of intervals that hold for all AUCs at once (Bonferroni) lies the true one.
    """
    joint = table.joint
    plain = (joint.values[columns] > 0) & (joint.values[columns] < 1)
    gradient = means.gradient(np.nan_to_num(joint.values))
    variance = float(gradient @ joint.covariance @ gradient)
    if plain.all() and (np.diag(joint.covariance)[columns] > 0).all():
        return _logit(table, value, variance, columns)
    each = 1 - (1 - table.level) / len(columns)
    ends = np.tile(np.nan_to_num(joint.values)[:, None], (1, 2))
    ends[columns] = table.intervals(columns, each)
    low, high = means.value(ends[:, 0]), means.value(ends[:, 1])
    return Interval(low, high, table.level, "bounds of all AUCs, Bonferroni")


def _logit(
    table: AucTable, value: float, variance: float, columns: IntArray
) -> Interval:
    from scipy.special import expit, logit, ndtri

    units = table.joint.units[columns].min(keepdims=True)
    wider = float(inflation(units, table.level)[0]) if table.joint.clustered else 1.0
    half = ndtri((1 + table.level) / 2) * np.sqrt(variance) / (value * (1 - value))
    low, high = expit(logit(value) + np.array([-half, half]) * wider)
    method = "DeLong's joint covariance, delta method, logit scale"
    return Interval(float(low), float(high), table.level, method)


def _largest(
    table: AucTable, kind: str, draws: int, rng: np.random.Generator
) -> Finding:
    """Return the largest shift of a group, with a test that covers all groups."""
    quantity, axis = LARGEST[kind], table.axis.name
    columns, others = _compared(table, kind)
    if not len(columns):
        return _none(table, quantity, kind)
    shifts = _shifts(table, columns, others, draws, rng)
    families = [np.array([at, len(columns)]) for at in range(len(columns))]
    gap = largest_gap(shifts, families, table.level, quantity.high or 1.0)
    worst = int(np.argmax(np.abs(shifts.centre)))
    value = float(np.abs(shifts.centre[worst]))
    group = _owner(table, int(columns[worst]))
    method = f"{shifts.method}, max-t over groups, {draws} draws"
    signed = zip(columns, shifts.centre, strict=False)
    return Finding(
        quantity=quantity,
        subject=f"{axis}: {group} vs its background",
        key=axis,
        value=value,
        n=table.rows(np.r_[columns[worst], others[worst : worst + 1]]),
        interval=Interval(
            min(gap.low, value), max(gap.high, value), table.level, method
        ),
        p_value=gap.p_value,
        null=NULLS[kind].format(axis),
        detail={
            "worst_group": group,
            "worst_pair": [group, "background"],
            "signed": {_owner(table, int(at)): float(d) for at, d in signed},
            "tests": _tests(table, columns, gap),
            "left_out": table.left_out(kind),
            **_counts(table, kind, int(columns[worst])),
        },
    )


def _compared(table: AucTable, kind: str) -> tuple[IntArray, IntArray]:
    """Return the AUCs of groups, and those of backgrounds where these are compared."""
    if kind != "subgroup_auc":
        return table.columns(kind), np.empty(0, dtype=np.int64)
    groups = np.intersect1d(table.measured(kind), table.measured("background_auc"))
    first, second = (
        np.array([table.at(each, int(g)) for g in groups], dtype=np.int64)
        for each in (kind, "background_auc")
    )
    return first, second


def _shifts(
    table: AucTable,
    columns: IntArray,
    others: IntArray,
    draws: int,
    rng: np.random.Generator,
) -> Bootstrap:
    """Return AUCs less those of the background, or less 1/2; a column of 0 last."""
    sample = table.joint.draws(np.r_[columns, others], draws, rng, table.level)
    count = len(columns)
    centre, drawn = sample.centre[:count], sample.draws[:count]
    if len(others):
        centre, drawn = centre - sample.centre[count:], drawn - sample.draws[count:]
    else:
        centre, drawn = centre - 0.5, drawn - 0.5
    drawn = np.vstack([drawn, np.zeros((1, draws))])
    return Bootstrap(np.r_[centre, 0.0], drawn, sample.method)


def _tests(table: AucTable, columns: IntArray, gap: Gap) -> list[Json]:
    zero = len(columns)
    return [
        {
            "group": _owner(table, int(columns[min(pair.higher, pair.lower)])),
            "difference": pair.difference * (-1 if pair.higher == zero else 1),
            "p_simultaneous": pair.p_value,
            "p_alone": pair.p_alone,
        }
        for pair in gap.pairs
    ]


def _owner(table: AucTable, at: int) -> str:
    return table.axis.groups[at // (table.overall // len(table.axis.groups))]


def _values(table: AucTable, columns: IntArray) -> dict[str, Json]:
    return {_owner(table, int(at)): float(table.joint.values[at]) for at in columns}


def _counts(table: AucTable, kind: str, at: int) -> dict[str, Json]:
    return {**table.counts(kind, table.axis.groups.index(_owner(table, at)))}


def _none(table: AucTable, quantity: Quantity, kind: str) -> Finding:
    return Finding(
        quantity=quantity,
        subject=table.axis.name,
        reason=f"no group of {table.axis.name} has enough positives and negatives",
        detail={"left_out": table.left_out(kind)},
    )
