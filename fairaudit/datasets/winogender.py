"""Winogender: sentences that differ in the gender of one pronoun."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairaudit.data import Counterparts, Reader
from fairaudit.datasets.given_pairs import TEMPLATES, GivenPair, gathered
from fairaudit.datasets.table import Table, read_header, read_table

GENDERS = ("male", "female", "neutral")
_ID = re.compile(
    r"(?P<occupation>[^.]+)\.(?P<participant>[^.]+)\.(?P<answer>[01])"
    r"\.(?P<gender>[^.]+)(?:\.txt)?"
)


@dataclass(frozen=True)
class WinogenderReader(Reader):
    """Read the table of sentences that the authors of Winogender publish, as pairs.

    Parameters
    ----------
    neutral
        Also pair the sentences with "they" with the other two.
    """

    name: ClassVar[str] = "winogender"
    summary: ClassVar[str] = "Winogender, as published (all_sentences.tsv): pairs"
    columns: ClassVar[Mapping[str, str]] = {
        "sentid": "occupation.participant.answer.gender.txt, such as "
        "nurse.patient.1.female.txt",
        "sentence": "the sentence",
    }
    licence: ClassVar[str] = "MIT"
    source: ClassVar[str] = "https://github.com/rudinger/winogender-schemas"
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "stereotype",
        "domain": "templates",
        "language": "en",
    }

    neutral: bool = False

    def claims(self, path: Path) -> bool:
        """Tell whether a table has both columns."""
        return set(read_header(path)) >= set(self.columns)

    def read(
        self, path: Path, limit: int | None, rng: np.random.Generator
    ) -> Counterparts:
        """Read the file; `limit` keeps a seeded sample of that many pairs."""
        table = read_table(path)
        for column in self.columns:
            table.require(column)
        genders = GENDERS if self.neutral else GENDERS[:2]
        pairs: list[GivenPair] = []
        alone = 0
        for key, sentences in _by_schema(table).items():
            known = [gender for gender in genders if gender in sentences]
            alone += len(known) == 1
            for first, second in combinations(known, 2):
                pairs.append(_pair(key, sentences, first, second))
        card = table.card(Counterparts.kind)
        card = replace(
            card,
            licence=card.licence or self.licence,
            source=card.source or self.source,
            traits={**TEMPLATES, "notion": "stereotype"},
        )
        left_out = {"sentences without a counterpart": alone} if alone else {}
        return gathered(card, pairs, left_out, limit, rng)


def _by_schema(table: Table) -> dict[tuple[str, str, str], dict[str, str]]:
    """Return sentences by gender, by occupation, participant and answer."""
    found: dict[tuple[str, str, str], dict[str, str]] = {}
    ids, sentences = table.strings("sentid"), table.texts("sentence")
    for row, (name, sentence) in enumerate(zip(ids, sentences, strict=True)):
        match = _ID.fullmatch(name.strip())
        if match is None or match["gender"] not in GENDERS:
            table.fail(
                row,
                f"'sentid' is {name!r}. Write occupation.participant.answer.gender.txt "
                f"with an answer of 0 or 1 and a gender of {', '.join(GENDERS)}.",
            )
        key = match["occupation"], match["participant"], match["answer"]
        if match["gender"] in found.setdefault(key, {}):
            table.fail(row, f"{name!r} occurs twice. Remove one.")
        found[key][match["gender"]] = sentence
    return found


def _pair(
    key: tuple[str, str, str], sentences: Mapping[str, str], first: str, second: str
) -> GivenPair:
    occupation, participant, answer = key
    someone = participant == "someone"
    return GivenPair(
        first=sentences[first],
        second=sentences[second],
        axis="gender",
        first_group=first,
        second_group=second,
        # The sentence with "someone" is made from the same template.
        template=f"{occupation}.{answer}",
        category="someone" if someone else "participant",
    )
