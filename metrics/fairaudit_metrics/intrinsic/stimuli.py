"""Published word lists, which the package brings along."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TypedDict

from fairaudit_metrics.intrinsic.wordsets import AssociationTest, GroupTest, WordSet

_UNNAMED = "pleasantness"


class _Words(TypedDict):
    name: str
    words: list[str]


class _Test(TypedDict):
    title: str
    targets: dict[str, _Words]
    attributes: dict[str, _Words]
    source: str
    notes: list[str]


class _Tests(TypedDict):
    source: str
    tests: dict[str, _Test]


class _Poles(TypedDict):
    A: _Words
    B: _Words
    source: str


class _Groups(TypedDict):
    source: str
    axes: dict[str, dict[str, list[str]]]
    poles: dict[str, _Poles]


@cache
def tests() -> Mapping[str, AssociationTest]:
    """Read the association tests C1 to C10 and I1 to I4 by name.

    C1 to C10: word lists of Caliskan, Bryson & Narayanan 2017
    (doi:10.1126/science.aal4230). I1 to I4: intersectional tests of Guo & Caliskan 2021
    (doi:10.1145/3461702.3462536). The data files name the origin of each list and where
    published versions disagree.

    Examples
    --------
    >>> tests()["C6"].subject
    'C6: male names vs female names, career vs family'
    """
    found: dict[str, AssociationTest] = {}
    for file in ("weat.json", "intersectional.json"):
        content: _Tests = json.loads(_text(file))
        found |= {name: _parsed(name, test) for name, test in content["tests"].items()}
    return MappingProxyType(found)


@cache
def group_tests() -> Mapping[str, GroupTest]:
    """Read the tests of groups by name: each axis with each pair of poles.

    Groups, toxic and anti-toxic words of Cao et al. 2022 (arXiv:2203.13928). With the
    pleasant and unpleasant words of C1 a test has the name of its axis.

    Examples
    --------
    >>> list(group_tests())[:2]
    ['gender', 'gender-toxicity']
    >>> group_tests()["race"].subject
    'race: pleasant vs unpleasant'
    """
    content: _Groups = json.loads(_text("groups.json"))
    made = (
        _grouped(axis, groups, kind, poles)
        for axis, groups in content["axes"].items()
        for kind, poles in content["poles"].items()
    )
    return MappingProxyType({test.name: test for test in made})


def _text(file: str) -> str:
    return (files("fairaudit_metrics.stimuli") / file).read_text("utf-8")


def _parsed(name: str, test: _Test) -> AssociationTest:
    x, y = (_word_set(test["targets"][key]) for key in "XY")
    a, b = (_word_set(test["attributes"][key]) for key in "AB")
    return AssociationTest(name, test["title"], x, y, a, b)


def _grouped(
    axis: str, groups: Mapping[str, list[str]], kind: str, poles: _Poles
) -> GroupTest:
    a, b = _word_set(poles["A"]), _word_set(poles["B"])
    words = tuple(WordSet(group, tuple(some)) for group, some in groups.items())
    name = axis if kind == _UNNAMED else f"{axis}-{kind}"
    return GroupTest(name, f"{a.name} vs {b.name}", axis, a, b, words)


def _word_set(words: _Words) -> WordSet:
    return WordSet(words["name"], tuple(words["words"]))
