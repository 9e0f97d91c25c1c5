"""Equity Evaluation Corpus: sentences about persons of two genders and two races."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from fairaudit.data import Counterparts, Reader
from fairaudit.datasets.given_pairs import TEMPLATES, GivenPair, gathered
from fairaudit.datasets.table import Table, read_header, read_table

Cell: TypeAlias = tuple[str, str]
GENDERS = ("male", "female")
RACES = ("", "European", "African-American")
# Kiritchenko & Mohammad 2018, table 2.
PHRASES: Mapping[str, str] = {
    "he": "she",
    "him": "her",
    "this man": "this woman",
    "this boy": "this girl",
    "my brother": "my sister",
    "my son": "my daughter",
    "my husband": "my wife",
    "my boyfriend": "my girlfriend",
    "my father": "my mother",
    "my uncle": "my aunt",
    "my dad": "my mom",
}


@dataclass(frozen=True)
class EecReader(Reader):
    """Read the CSV file that the authors of the corpus publish, as pairs.

    Within each cell (a template with one emotion word), the noun phrases of a man are
    paired with those of a woman, and the mean over the names of men with the mean over
    the names of women: 11 pairs, as in the paper. For race, means over the names of one
    gender are paired; the paper does not spell this out, so it is our reading.

    Parameters
    ----------
    persons
        For gender: ``"all"``, only noun ``"phrases"``, or only ``"names"``.
    race
        ``"by_gender"`` compares names of one gender, ``"together"`` all names, and
        ``"none"`` leaves race out.
    """

    name: ClassVar[str] = "eec"
    summary: ClassVar[str] = "Equity Evaluation Corpus, as published (CSV): pairs"
    columns: ClassVar[Mapping[str, str]] = {
        "Sentence": "the sentence",
        "Template": "the sentence with gaps",
        "Person": "what stands for the person: a name, noun phrase or pronoun",
        "Gender": "'male' or 'female'",
        "Race": "'African-American' or 'European' for names, else empty",
        "Emotion": "kind of the emotion word, empty where there is none",
        "Emotion word": "the word",
    }
    licence: ClassVar[str] = "not stated"
    source: ClassVar[str] = (
        "https://saifmohammad.com/WebPages/Biases-SA.html (arXiv 1805.04508)"
    )
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "emotion",
        "domain": "templates",
        "language": "en",
    }

    persons: Literal["all", "phrases", "names"] = "all"
    race: Literal["by_gender", "together", "none"] = "by_gender"

    def claims(self, path: Path) -> bool:
        """Tell whether a table has all the columns."""
        return set(read_header(path)) >= set(self.columns)

    def read(
        self, path: Path, limit: int | None, rng: np.random.Generator
    ) -> Counterparts:
        """Read the file; `limit` keeps a seeded sample of that many pairs."""
        table = read_table(path)
        for column in self.columns:
            table.require(column)
        found, left_out = _persons(table), {"persons without a counterpart": 0}
        pairs: list[GivenPair] = []
        for cell in found.values():
            if self.persons != "names":
                pairs += _phrase_pairs(cell, left_out)
            if self.persons != "phrases":
                pairs += _gender_names(cell, left_out)
            pairs += _race_names(cell, self.race, left_out)
        card = table.card(Counterparts.kind)
        card = replace(
            card,
            licence=card.licence or self.licence,
            source=card.source or self.source,
            traits={**TEMPLATES, "notion": "sentiment"},
        )
        return gathered(card, pairs, _counted(left_out), limit, rng)


@dataclass(frozen=True)
class _Person:
    sentence: str
    person: str
    gender: str
    race: str
    cell: Cell
    emotion: str


def _persons(table: Table) -> Mapping[Cell, list[_Person]]:
    """Return the rows by cell, each checked."""
    sentences = table.texts("Sentence")
    names = ("Person", "Gender", "Race", "Template", "Emotion word", "Emotion")
    columns = [[cell.strip() for cell in table.strings(name)] for name in names]
    found: dict[Cell, list[_Person]] = {}
    seen: dict[tuple[Cell, str], int] = {}
    for row, (person, gender, race, template, word, emotion) in enumerate(
        zip(*columns, strict=True)
    ):
        _check(table, row, "Gender", gender, GENDERS)
        _check(table, row, "Race", race, RACES)
        cell = (template, word)
        if seen.setdefault((cell, person), row) != row:
            table.fail(row, f"{person!r} stands in this template twice. Remove one.")
        found.setdefault(cell, []).append(
            _Person(sentences[row], person, gender, race, cell, emotion)
        )
    return found


def _check(
    table: Table, row: int, column: str, value: str, known: Sequence[str]
) -> None:
    if value not in known:
        wanted = ", ".join(repr(name) for name in known)
        table.fail(row, f"column {column!r} holds {value!r}. Write one of {wanted}.")


def _phrase_pairs(
    cell: Sequence[_Person], left_out: dict[str, int]
) -> Iterator[GivenPair]:
    phrases = {p.person.lower(): p for p in cell if not p.race}
    done = set()
    for first, second in PHRASES.items():
        if first in phrases and second in phrases:
            done |= {first, second}
            yield _pair(phrases[first], phrases[second], "gender", "")
    left_out["persons without a counterpart"] += len(phrases.keys() - done)


def _gender_names(
    cell: Sequence[_Person], left_out: dict[str, int]
) -> Iterator[GivenPair]:
    men, women = ([p for p in cell if p.race and p.gender == g] for g in GENDERS)
    yield from _averaged(men, women, "gender", "names", left_out)


def _race_names(
    cell: Sequence[_Person], race: str, left_out: dict[str, int]
) -> Iterator[GivenPair]:
    if race == "none":
        return
    kinds = [(name,) for name in GENDERS] if race == "by_gender" else [GENDERS]
    for genders in kinds:
        european, african_american = (
            [p for p in cell if p.race == name and p.gender in genders]
            for name in RACES[1:]
        )
        unit = f"names, {' and '.join(genders)}"
        yield from _averaged(european, african_american, "race", unit, left_out)


def _averaged(
    first: Sequence[_Person],
    second: Sequence[_Person],
    axis: str,
    unit: str,
    left_out: dict[str, int],
) -> Iterator[GivenPair]:
    """Yield the names of one unit, whose means are compared."""
    left_out["persons without a counterpart"] += abs(len(first) - len(second))
    for one, other in zip(first, second, strict=False):
        yield _pair(one, other, axis, f"{axis}: {unit}, {' | '.join(one.cell)}")


def _pair(first: _Person, second: _Person, axis: str, unit: str) -> GivenPair:
    return GivenPair(
        first=first.sentence,
        second=second.sentence,
        axis=axis,
        first_group=first.gender if axis == "gender" else first.race,
        second_group=second.gender if axis == "gender" else second.race,
        template=first.cell[0],
        category=first.emotion,
        unit=unit,
    )


def _counted(left_out: Mapping[str, int]) -> dict[str, int]:
    return {reason: count for reason, count in left_out.items() if count}
