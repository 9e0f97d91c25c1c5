"""Score distributions of groups over the versions of the same texts."""

from itertools import combinations

import numpy as np

from fairaudit.arrays import Array, BoolArray
from fairaudit.result import Json
from fairaudit.stats.auc import auc
from fairaudit_metrics.extrinsic.versions import Versions

MOST_GROUPS = 8


def distribution_figures(versions: Versions, scores: Array) -> dict[str, Json]:
    """Return descriptive figures, without tests.

    ``wasserstein_1`` from each group's scores to those of all versions (average group
    fairness, Czarnowska, Vyas & Shah 2021, arXiv 2106.14574) and between groups;
    ``average_equality_gap`` P(s_g > s) - P(s_g < s), halved, of a group's positive, or
    negative, versions against those of the other groups (Borkan et al. 2019, arXiv
    1903.04561); ``friedman`` the rank test over texts that have all groups.
    """
    found: dict[str, Json] = {
        "mean_scores": {
            name: float(scores[inside].mean()) for name, inside in _members(versions)
        },
        "wasserstein_1": _distances(versions, scores),
    }
    if versions.positive is not None:
        found["average_equality_gap"] = _gaps(versions, scores, versions.positive)
    if (friedman := _friedman(versions, scores)) is not None:
        found["friedman"] = friedman
    return found


def _members(versions: Versions) -> list[tuple[str, BoolArray]]:
    members = [versions.group == at for at in range(len(versions.groups))]
    named = zip(versions.groups, members, strict=True)
    return [(name, inside) for name, inside in named if inside.any()]


def _distances(versions: Versions, scores: Array) -> dict[str, Json]:
    from scipy.stats import wasserstein_distance

    members = _members(versions)
    to_all: dict[str, Json] = {
        name: float(wasserstein_distance(scores[inside], scores))
        for name, inside in members
    }
    if len(members) > MOST_GROUPS:
        return {"to_all": to_all}
    between: dict[str, Json] = {
        f"{a} vs {b}": float(wasserstein_distance(scores[one], scores[other]))
        for (a, one), (b, other) in combinations(members, 2)
    }
    return {"to_all": to_all, "between": between}


def _gaps(versions: Versions, scores: Array, positive: BoolArray) -> dict[str, Json]:
    label = positive[versions.owner]
    found: dict[str, Json] = {}
    for name, inside in _members(versions):
        sides = {"positive": label, "negative": ~label}
        found[name] = {
            side: auc(scores[inside & rows], scores[~inside & rows]) - 0.5
            for side, rows in sides.items()
            if (inside & rows).any() and (~inside & rows).any()
        }
    return found


def _friedman(versions: Versions, scores: Array) -> dict[str, Json] | None:
    from scipy.stats import friedmanchisquare

    groups, sets = len(versions.groups), versions.sets
    cell = versions.owner * groups + versions.group
    complete = len(cell) == sets * groups and len(np.unique(cell)) == len(cell)
    if groups < 3 or not complete or sets < 2:
        return None
    table = np.empty(sets * groups)
    table[cell] = scores
    columns = table.reshape(sets, groups).T
    if np.ptp(columns, axis=0).max() == 0:
        return None
    result = friedmanchisquare(*columns)
    return {"chi2": float(result.statistic), "p": float(result.pvalue), "texts": sets}
