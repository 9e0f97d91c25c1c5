"""Pairs of texts whose predictions differ, as evidence."""

import numpy as np

from fairaudit.arrays import Array
from fairaudit.result import Json
from fairaudit_metrics.extrinsic.scale import Scale
from fairaudit_metrics.extrinsic.versions import Versions

LONGEST = 240
AHEAD = 80


def worst_pairs(
    versions: Versions, scale: Scale, distances: Array, count: int
) -> list[Json]:
    """Return the pairs that differ most, each text only once as the first."""
    order = np.argsort(-distances, kind="stable")
    found: list[Json] = []
    seen: set[str] = set()
    for at in order.tolist():
        if len(found) >= count or distances[at] == 0:
            break
        if (first := versions.texts[versions.pairs[at, 0]]) not in seen:
            seen.add(first)
            found.append(_evidence(versions, scale, at, float(distances[at])))
    return found


def flip_counts(
    versions: Versions, scale: Scale, first: Array, second: Array
) -> dict[str, Json]:
    """Return flip rates of pairs by the groups compared, with their direction."""
    before, after = scale.decisions(first), scale.decisions(second)
    found: dict[str, Json] = {}
    for a, b in np.unique(versions.pair_groups, axis=0).tolist():
        rows = (versions.pair_groups == (a, b)).all(axis=1)
        rates = {"overall": float((before != after)[rows].mean())}
        if scale.column is not None:
            was = scale.chooses_scored(before)[rows]
            becomes = scale.chooses_scored(after)[rows]
            rates[f"from {scale.scored}"] = float((was & ~becomes).mean())
            rates[f"to {scale.scored}"] = float((~was & becomes).mean())
        name = f"{versions.groups[a]} -> {versions.groups[b]}"
        found[name] = {"pairs": int(rows.sum()), **rates}
    return found


def _evidence(versions: Versions, scale: Scale, at: int, change: float) -> Json:
    pair = versions.pairs[at].tolist()
    first, second = (versions.texts[version] for version in pair)
    begin = max(0, _first_difference(first, second) - AHEAD)
    shown: dict[str, Json] = {
        "first": _cut(first, begin),
        "second": _cut(second, begin),
        "groups": [versions.groups[versions.group[version]] for version in pair],
        "change": change,
        "predicted": [scale.labels[int(row.argmax())] for row in versions.table[pair]],
    }
    if scale.column is not None:
        shown["scores"] = scale.scores(versions.table[pair]).tolist()
    return shown


def _first_difference(first: str, second: str) -> int:
    letters = enumerate(zip(first, second, strict=False))
    return next((at for at, (a, b) in letters if a != b), 0)


def _cut(text: str, begin: int) -> str:
    """Return what stands around the first difference."""
    if len(text) <= LONGEST:
        return text
    part = text[begin : begin + LONGEST]
    ahead = "… " if begin else ""
    return f"{ahead}{part}{' …' if begin + LONGEST < len(text) else ''}"
