"""Numbers of one metric over models, to be compared with those of another."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Final, Literal, TypeAlias

import numpy as np

from fairaudit.report.schema import compact
from fairaudit.report.wording import Differing, variant, varying
from fairaudit.result import Family, Record

Score: TypeAlias = Literal["variance", "value"]
_GROUP: Final = re.compile(r"(?P<axis>\w[\w -]*)=(?P<group>[^:=]+)")


@dataclass(frozen=True)
class Series:
    """One number a model.

    Parameters
    ----------
    family, metric, quantity, dataset
        What the numbers are of.
    axis
        Axis of the groups, such as ``"gender"``; empty where there is none.
    groups
        Canonical names of the groups behind the numbers.
    values
        The number by model.
    score
        ``"variance"`` over groups, or the finding's own ``"value"``.
    variant
        Parameters in which the metric's records differ, in words.
    """

    family: Family
    metric: str
    quantity: str
    dataset: str
    axis: str
    subject: str
    groups: frozenset[str]
    values: Mapping[str, float]
    score: Score
    traits: Mapping[str, str]
    variant: str = ""

    @property
    def name(self) -> str:
        """What the numbers are, in words."""
        what = f"variance over {self.axis}" if self.score == "variance" else ""
        place = "" if self.dataset == "built-in" else f" on {self.dataset}"
        told = ", ".join(filter(None, (what or self.subject, self.variant)))
        return f"{self.metric} {self.quantity} ({told}){place}"


@dataclass(frozen=True)
class Panel:
    """Group scores of one quantity: model to canonical group to score."""

    series: Series
    scores: Mapping[str, Mapping[str, float]]

    def variance(self, groups: Iterable[str] | None = None, ddof: int = 1) -> Series:
        """Return the variance over groups of each model that has all of them.

        Cao et al. 2022 take it as the domain score of a metric; which ddof is not
        stated there. It cancels in correlations wherever the groups are the same.
        """
        wanted = self.series.groups if groups is None else frozenset(groups)
        full = {m: s for m, s in self.scores.items() if wanted <= s.keys()}
        values = {
            model: float(np.var([scores[g] for g in sorted(wanted)], ddof=ddof))
            for model, scores in full.items()
            if len(wanted) > ddof
        }
        return replace(self.series, groups=wanted, values=values, score="variance")


def panels(records: Sequence[Record]) -> list[Panel]:
    """Return the quantities that have a score for each of several groups."""
    found: dict[tuple[str, ...], dict[str, dict[str, float]]] = {}
    first: dict[tuple[str, ...], Record] = {}
    for record in records:
        match = _GROUP.fullmatch(record.subject)
        if match is None or record.value is None or record.quantity is None:
            continue
        axis = match["axis"]
        key = (compact(record.params), *record.identity[:3], axis)
        first.setdefault(key, record)
        by_model = found.setdefault(key, {}).setdefault(record.model, {})
        by_model[canonical(match["group"])] = record.value
    differing = varying(list(first.values()))
    made = [
        _panel(first[key], key[-1], scores, differing) for key, scores in found.items()
    ]
    return [panel for panel in made if len(panel.series.groups) > 1]


def values(records: Sequence[Record]) -> list[Series]:
    """Return the findings that have an ideal as series, each under its own subject."""
    found: dict[tuple[str, ...], dict[str, float]] = {}
    first: dict[tuple[str, ...], Record] = {}
    for record in records:
        if record.value is None or record.quantity is None:
            continue
        if record.quantity.ideal is None:
            continue
        key = (compact(record.params), *record.identity)
        first.setdefault(key, record)
        found.setdefault(key, {})[record.model] = record.value
    differing = varying(list(first.values()))
    return [
        replace(
            _series(first[key], _axis(key[-1]), frozenset(), differing), values=scores
        )
        for key, scores in found.items()
    ]


@cache
def _synonyms() -> Mapping[str, str]:
    text = files("fairaudit.agreement").joinpath("groups.json").read_text("utf-8")
    table: Mapping[str, Sequence[str]] = json.loads(text)["groups"]
    return {name: group for group, names in table.items() for name in (group, *names)}


def canonical(group: str) -> str:
    """Return the name under which a group is compared between datasets.

    >>> canonical("Females"), canonical("martian")
    ('women', 'martian')
    """
    name = " ".join(group.lower().replace("_", " ").replace("-", " ").split())
    return _synonyms().get(name, name)


def _panel(
    record: Record,
    axis: str,
    scores: Mapping[str, Mapping[str, float]],
    differing: Differing,
) -> Panel:
    groups = frozenset(group for found in scores.values() for group in found)
    return Panel(_series(record, axis, groups, differing), scores)


def _series(
    record: Record, axis: str, groups: frozenset[str], differing: Differing
) -> Series:
    return Series(
        family=record.family,
        metric=record.metric,
        quantity=record.quantity.name if record.quantity else "",
        dataset=record.dataset,
        axis=axis,
        subject=_subject(record),
        groups=groups,
        values={},
        score="value",
        traits=record.traits,
        variant=variant(record, differing),
    )


def _subject(record: Record) -> str:
    return record.key or record.subject


def _axis(subject: str) -> str:
    return subject if re.fullmatch(r"\w+", subject) else ""
