"""Rows of a dataset that are there twice, or that a model learnt from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Final

import numpy as np

from fairaudit.arrays import AnyArray, IntArray
from fairaudit.data import Contexts, Data, Examples
from fairaudit.data.passages import digests, passages
from fairaudit.model import ModelCard, TrainingTexts
from fairaudit.result import DataCheck

UNKNOWN: Final = "the texts of this kind of data are not known here"
_WORDS: Final = "a row is a word in a sentence, so one sentence may be many rows"
_UNLABELLED: Final = "the data has no labels"
NO_CARD: Final = TrainingTexts(
    reason="the model has no training card of fairaudit, so what it was trained on is "
    "not known"
)


def repeats(
    cards: Sequence[ModelCard], datasets: Sequence[Data]
) -> Iterator[DataCheck]:
    """Yield what was counted in each dataset, alone and beside each model.

    Texts are equal where they are with case folded and white space collapsed, told by a
    digest of 8 bytes. Near-duplicates (other punctuation, a word more) are not looked
    for.
    """
    for data in datasets:
        rows = _Rows(data)
        yield rows.repeated()
        if isinstance(data, Examples):
            yield rows.contradictory(data)
        for card in cards:
            yield rows.seen(card, "")
            if card.psm is not None:
                yield rows.seen(card.psm, f"protected-status model of {card.name}")


@dataclass(frozen=True)
class _Rows:
    """Rows of one dataset and their digests."""

    data: Data

    @cached_property
    def texts(self) -> Sequence[tuple[str, ...]] | None:
        return passages(self.data)

    @cached_property
    def codes(self) -> tuple[IntArray, IntArray]:
        """Number of each row's texts, and how many rows have the texts of a number."""
        rows = self.texts or ()
        alone = all(len(row) == 1 for row in rows)
        keys = self.flat[0] if alone else digests("\0".join(row) for row in rows)
        _, code, counts = np.unique(keys, return_inverse=True, return_counts=True)
        return code, counts

    @cached_property
    def flat(self) -> tuple[AnyArray, IntArray]:
        """Digest of each text, and the row that it stands in."""
        rows = self.texts or ()
        places = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        return digests(chain.from_iterable(rows)), places

    def repeated(self) -> DataCheck:
        name = self.data.card.name
        reason = _WORDS if isinstance(self.data, Contexts) else ""
        if self.texts is None or reason:
            return DataCheck(name="repeated", dataset=name, reason=reason or UNKNOWN)
        code, counts = self.codes
        again = int((counts[code] > 1).sum())
        return DataCheck(
            name="repeated",
            dataset=name,
            count=again,
            n=len(code),
            note=f"{int((counts > 1).sum()):,} different texts" if again else "",
        )

    def contradictory(self, data: Examples) -> DataCheck:
        name, code = data.card.name, self.codes[0]
        labelled = data.labels >= 0
        if not labelled.any():
            return DataCheck(name="contradictory", dataset=name, reason=_UNLABELLED)
        least = np.full(len(self.codes[1]), np.iinfo(np.int64).max)
        most = np.full(len(least), -1)
        np.minimum.at(least, code[labelled], data.labels[labelled])
        np.maximum.at(most, code[labelled], data.labels[labelled])
        differ = (least < most)[code] & labelled
        return DataCheck(
            name="contradictory",
            dataset=name,
            count=int(differ.sum()),
            n=int(labelled.sum()),
        )

    def seen(self, card: ModelCard, note: str) -> DataCheck:
        training = card.training or NO_CARD
        name, known = self.data.card.name, training.digests
        if known is None or self.texts is None:
            return DataCheck(
                name="seen in training",
                dataset=name,
                model=card.name,
                note=note,
                reason=training.reason or UNKNOWN,
            )
        found, places = self.flat
        rows = np.unique(places[np.isin(found, known)])
        told = f"of {len(known):,} different texts that the fine-tuning used"
        return DataCheck(
            name="seen in training",
            dataset=name,
            model=card.name,
            count=len(rows),
            n=len(self.texts),
            note=f"{note}; {told}" if note else told,
        )
