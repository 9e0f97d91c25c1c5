"""Groups that lie where several axes cross, and the words that may be ascribed to them.

A user's own file is JSON::

    {"groups": {"older women": {"axes": {"age": "older", "gender": "women"},
                                "words": ["Ethel", "Agnes"]}, ...},
     "words": ["frail", "wise", ...],
     "gold": {"older women": {"intersectional": ["frail"], "emergent": []}}}

``gold`` may be left out: it says which of the words people ascribe to a group.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from fairaudit.errors import AuditError, suggest
from fairaudit_metrics.intrinsic.testfile import parse, read_text, require_disjoint
from fairaudit_metrics.intrinsic.wordsets import WordSet

_FORM = (
    "The file has groups, each with axes and words, the words to test, and perhaps "
    "gold words of groups."
)


@dataclass(frozen=True)
class _Group:
    axes: dict[str, str]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Gold:
    """Words that people ascribe to a group.

    Parameters
    ----------
    intersectional
        All of them.
    emergent
        Those ascribed to the group but not to each of those it is part of.
    """

    intersectional: tuple[str, ...] = ()
    emergent: tuple[str, ...] = ()


@dataclass(frozen=True)
class _File:
    groups: dict[str, _Group]
    words: tuple[str, ...]
    gold: dict[str, Gold] = field(default_factory=dict)


@dataclass(frozen=True)
class DetectionSet:
    """Groups, words and gold words.

    Parameters
    ----------
    groups
        Words that stand for each group.
    axes
        Value of each axis, by group.
    words
        The words to test.
    """

    groups: Mapping[str, WordSet]
    axes: Mapping[str, Mapping[str, str]]
    words: WordSet
    gold: Mapping[str, Gold]

    @property
    def texts(self) -> tuple[str, ...]:
        """All words, each once."""
        sets = (self.words, *self.groups.values())
        return tuple(dict.fromkeys(word for one in sets for word in one.words))

    def others(self, group: str) -> tuple[str, ...]:
        """Return the groups other than this."""
        return tuple(name for name in self.groups if name != group)

    def parts(self, group: str) -> Mapping[str, tuple[tuple[str, ...], ...]]:
        """Return the comparisons along one axis each, by name: two tuples of groups.

        Along the axis race, say, all groups of the group's race are compared with all
        those of another race.
        """
        found = {}
        for axis, own in self.axes[group].items():
            mine = self._along(axis, own)
            values = dict.fromkeys(axes[axis] for axes in self.axes.values())
            for value in values:
                if value != own:
                    found[f"{own} vs {value}"] = (mine, self._along(axis, value))
        return found

    def _along(self, axis: str, value: str) -> tuple[str, ...]:
        return tuple(name for name, axes in self.axes.items() if axes[axis] == value)


@cache
def published() -> DetectionSet:
    """Read names, words and gold words of Guo & Caliskan 2021.

    Names and words as in the authors' code, after the survey of Ghavami & Peplau 2013
    (doi:10.1177/0361684312464203); gold words of African American and of Mexican
    American women.

    Examples
    --------
    >>> len(published().words.words), list(published().gold)
    (98, ['African American women', 'Mexican American women'])
    """
    path = files("fairaudit_metrics.stimuli") / "detection.json"
    content = json.loads(path.read_text("utf-8"))
    groups = {
        name: _Group(one["axes"], tuple(one["words"]))
        for name, one in content["groups"].items()
    }
    gold = {
        name: Gold(tuple(one["intersectional"]), tuple(one["emergent"]))
        for name, one in content["gold"].items()
    }
    return _detection_set(_File(groups, tuple(content["words"]), gold))


def read_detection_set(path: Path) -> DetectionSet:
    """Read a file of one's own.

    Raises
    ------
    AuditError
        Where the file cannot be read or used: what, and why.
    """
    found = parse(read_text(path), _File, path, _FORM)
    where = f"test_file {path}"
    _require_groups(found, where)
    made = _detection_set(found)
    for one in (made.words, *made.groups.values()):
        if len(one.words) < 2:
            raise AuditError(f"{where}: {one.name} has fewer than 2 words. Add words.")
    require_disjoint((made.words, *made.groups.values()), where)
    _require_gold(found, where)
    return made


def _detection_set(found: _File) -> DetectionSet:
    return DetectionSet(
        {name: WordSet(name, one.words) for name, one in found.groups.items()},
        {name: one.axes for name, one in found.groups.items()},
        WordSet("words", found.words),
        found.gold,
    )


def _require_groups(found: _File, where: str) -> None:
    if len(found.groups) < 2:
        raise AuditError(
            f"{where}: groups has {len(found.groups)} of at least 2. Add groups."
        )
    axes = sorted(next(iter(found.groups.values())).axes)
    seen: dict[tuple[str, ...], str] = {}
    for name, one in found.groups.items():
        if sorted(one.axes) != axes or not axes:
            raise AuditError(
                f"{where}: {name} and the first group have different axes, or none. "
                "Give every group a value on each axis."
            )
        twin = seen.setdefault(tuple(one.axes[axis] for axis in axes), name)
        if twin != name:
            raise AuditError(
                f"{where}: {twin} and {name} have the same values. Make them one group."
            )


def _require_gold(found: _File, where: str) -> None:
    for name, gold in found.gold.items():
        if name not in found.groups:
            hint = suggest(name, found.groups)
            raise AuditError(f"{where}: gold: there is no group {name!r}. {hint}")
        for word in (*gold.intersectional, *gold.emergent):
            if word not in found.words:
                raise AuditError(
                    f"{where}: gold of {name}: {word!r} is not among the words. Add it."
                )
        extra = sorted(set(gold.emergent) - set(gold.intersectional))
        if extra:
            raise AuditError(
                f"{where}: gold of {name}: {extra[0]!r} is emergent but not "
                "intersectional. Add it there."
            )
