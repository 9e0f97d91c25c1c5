"""The association that planted bias gives an encoder which learns it.

People of either group are named in texts without a deed, deeds in texts that name no
group: whatever brings a group close to good or to bad deeds is in the encoder, not in
the sentence.
"""

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np

from fairaudit.data import Contexts
from fairaudit.result import DatasetEntry
from fairaudit.validation import vocabulary as words
from fairaudit.validation.planting import unnamed

TEST_FILE = Path(str(files("fairaudit.validation"))) / "association.json"
"""The association test, for any metric that takes one: men, women; well, badly."""


def contexts() -> Contexts:
    """Return each person and each deed in sentences with the audited workplaces."""
    rows = [*_people(), *_deeds()]
    texts = tuple(text for _, text in rows)
    starts = [text.rindex(word) for word, text in rows]
    spans = [(at, at + len(word)) for at, (word, _) in zip(starts, rows, strict=True)]
    return Contexts(
        card=DatasetEntry(
            name="planted contexts",
            kind=Contexts.kind,
            n=len(rows),
            sha256=hashlib.sha256("\n".join(texts).encode()).hexdigest(),
            licence="Apache-2.0",
            source="Composed by fairaudit.validation.association",
        ),
        words=tuple(word for word, _ in rows),
        texts=texts,
        spans=np.array(spans),
    )


def _people() -> Iterator[tuple[str, str]]:
    for pair in words.PEOPLE:
        for who in pair:
            for place in words.OTHER_WORKPLACES:
                yield who, f"{who} works in the {place}."


def _deeds() -> Iterator[tuple[str, str]]:
    for number, pair in enumerate(words.DEEDS):
        for deed in pair:
            for turn, place in enumerate(words.OTHER_WORKPLACES):
                who = words.ANYONE[(number + turn) % len(words.ANYONE)]
                yield deed, unnamed(who, place, deed)
