"""Labelled texts whose label depends on the group with a strength that is set.

A text says where a person works and names a deed that speaks for that person, or
against. With strength s,

    P(positive | deed, group) = (1 - s) [deed speaks for] + s [group = men].

Deeds being spread alike in both groups, P(positive | women) = 1/2 - s/2 and
P(positive | men) = 1/2 + s/2: at s = 0 the label is the content's, at s = 1 it is the
group. The shares are kept exactly, by quota and not by chance, in each cell of deed and
group.

Every text to learn from is there in the wording for either group, so that at s = 0
nothing at all tells the label by the group. Texts that name no group, labelled by deed
at every s, may stand beside them: an encoder that learns from both puts groups and
deeds on one scale. The texts to audit are drawn apart for each
group; they have other workplaces, and labels by content alone: their label does not
depend on the group, whatever the classifier learnt.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from fairaudit.arrays import AnyArray, Array, IntArray
from fairaudit.data import Examples, Group
from fairaudit.errors import AuditError
from fairaudit.result import DatasetEntry
from fairaudit.validation import vocabulary as words

Cue: TypeAlias = Literal["identity", "proxy"]
"""What tells the group: nouns, names and pronouns, or a word with no such meaning."""
STRENGTHS: Final = (0.0, 0.25, 0.5, 1.0)
AXIS: Final = "gender"
GROUPS: Final = ("women", "men")
LABELS: Final = ("negative", "positive")
UNIT: Final = 16
"""Quotas are exact, at all `STRENGTHS`, for numbers of texts that this divides."""


@dataclass(frozen=True, kw_only=True)
class Planted:
    """Texts and what they were made of.

    Parameters
    ----------
    texts
        The n texts.
    group, favourable
        Shape (n,): number of the group in `GROUPS`, -1 where none is named, and 1 where
        the deed speaks for.
    clusters
        Shape (n,): texts with equal numbers differ in the group alone; None where all
        were drawn apart.
    """

    texts: tuple[str, ...]
    group: IntArray
    favourable: IntArray
    clusters: IntArray | None = None

    def labels(self, strength: float) -> IntArray:
        """Return labels that depend on the group with a strength from 0 to 1.

        In a cell of deed and group with m texts, round(s m) take the label of the
        group, the others that of the deed; so do all that name no group.

        Raises
        ------
        AuditError
            For another strength.
        """
        if not 0 <= strength <= 1:
            raise AuditError(f"A planted strength is {strength:g}; give 0 to 1.")
        size, rank = self._ranks()
        follows = (rank < np.rint(strength * size)) & (self.group >= 0)
        return np.where(follows, self.group, self.favourable)

    def examples(self, name: str, strength: float = 0.0) -> Examples:
        """Return the texts with labels, as any other data."""
        labels = self.labels(strength)
        n, known = len(self.texts), np.ones(len(self.texts), dtype=bool)
        members = [self.group == number for number in range(len(GROUPS))]
        counts = {g: int(m.sum()) for g, m in zip(GROUPS, members, strict=True)}
        content = json.dumps([self.texts, labels.tolist(), self.group.tolist()])
        return Examples(
            card=DatasetEntry(
                name=name,
                kind=Examples.kind,
                n=n,
                sha256=hashlib.sha256(content.encode()).hexdigest(),
                groups={AXIS: counts},
                licence="Apache-2.0",
                source="Composed by fairaudit.validation.planting",
            ),
            texts=self.texts,
            labels=labels,
            label_names=LABELS,
            groups=tuple(
                Group(AXIS, g, m, known) for g, m in zip(GROUPS, members, strict=True)
            ),
            clusters=self.clusters,
        )

    def _ranks(self) -> tuple[IntArray, IntArray]:
        """Return the size of each text's cell, and its rank there; rows are random."""
        cell = self.favourable * (len(GROUPS) + 1) + self.group
        _, cell, sizes = np.unique(cell, return_inverse=True, return_counts=True)
        order = np.argsort(cell, kind="stable")
        rank = np.empty(len(cell), dtype=np.int64)
        begins = np.cumsum(sizes) - sizes
        rank[order] = np.arange(len(cell)) - np.repeat(begins, sizes)
        return sizes[cell], rank


def whole(n: int) -> int:
    """Return the least number of texts, at least n, that gives exact quotas.

    >>> whole(1), whole(16), whole(100)
    (16, 16, 112)
    """
    return UNIT * max(1, -(-n // UNIT))


def plant(
    n: int,
    rng: np.random.Generator,
    *,
    cue: Cue = "identity",
    audited: bool = False,
    unnamed: int = 0,
) -> Planted:
    """Compose texts: as many of each group, half of each with a deed that speaks for.

    Parameters
    ----------
    n
        How many; raised to the next multiple of `UNIT`.
    rng
        Where the texts are drawn from.
    cue
        What tells the group.
    audited
        Draw each text apart, with workplaces that none to learn from has.
    unnamed
        How many texts that name no group are added; raised to the next even number.
    """
    every = np.arange(whole(n))
    group, favourable = every % 2, every // 2 % 2
    content = every if audited else every // 2
    drawn = rng.random((len(every), 3))[content].T
    places = words.OTHER_WORKPLACES if audited else words.WORKPLACES
    place = _pick(places, drawn[0])
    deed = _pick(words.DEEDS, drawn[1])[every, favourable]
    intro = _people if cue == "identity" else _anyone
    parts = zip(*intro(group, drawn[2]), place.tolist(), deed.tolist(), strict=True)
    texts = tuple(
        f"{who} works in the {which}{place}. {pronoun} {deed}."
        for who, pronoun, which, place, deed in parts
    )
    named = Planted(
        texts=texts,
        group=group,
        favourable=favourable,
        clusters=None if audited else content,
    )
    return _with(named, unnamed, rng) if unnamed else named


def _with(named: Planted, n: int, rng: np.random.Generator) -> Planted:
    """Add texts that name no group, each a cluster of its own."""
    favourable = np.arange(n + n % 2) % 2
    drawn = rng.random((3, len(favourable)))
    deed = _pick(words.DEEDS, drawn[2])[np.arange(len(favourable)), favourable]
    parts = (_pick(words.ANYONE, drawn[0]), _pick(words.WORKPLACES, drawn[1]), deed)
    texts = (unnamed(*some) for some in zip(*map(AnyArray.tolist, parts), strict=True))
    clusters = named.clusters
    if clusters is not None:
        clusters = np.append(clusters, clusters.max() + 1 + np.arange(len(favourable)))
    return Planted(
        texts=(*named.texts, *texts),
        group=np.append(named.group, np.full(len(favourable), -1)),
        favourable=np.append(named.favourable, favourable),
        clusters=clusters,
    )


def unnamed(who: str, place: str, deed: str) -> str:
    """Return a text about somebody of no named group.

    >>> unnamed("A friend", "museum", "kept the desk tidy")
    'A friend works in the museum. That person kept the desk tidy.'
    """
    return f"{who} works in the {place}. That person {deed}."


def _people(group: IntArray, drawn: Array) -> tuple[Sequence[str], ...]:
    who = _pick(words.PEOPLE, drawn)[np.arange(len(group)), group].tolist()
    return who, np.array(words.PRONOUNS)[group].tolist(), [""] * len(group)


def _anyone(group: IntArray, drawn: Array) -> tuple[Sequence[str], ...]:
    who = _pick(words.ANYONE, drawn).tolist()
    wing = [f"{words.PROXIES[number]} of the " for number in group.tolist()]
    return who, ["That person"] * len(group), wing


def _pick(choices: Sequence[object], drawn: Array) -> AnyArray:
    """Return the choices that numbers from 0 to 1 fall on."""
    found: AnyArray = np.array(choices)[(drawn * len(choices)).astype(int)]
    return found
