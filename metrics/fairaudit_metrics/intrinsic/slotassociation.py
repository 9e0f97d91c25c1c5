"""What the metrics share that put a target and an attribute into one sentence."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairaudit.arrays import Array
from fairaudit.data import BuiltIn
from fairaudit.metric import Metric, Unmeasurable
from fairaudit.model import ModelCard, Reading, SpanLogProb
from fairaudit.result import Family, Finding, Quantity
from fairaudit_metrics.intrinsic.parameters import require, require_shares
from fairaudit_metrics.intrinsic.slotscores import Pieces, Shape, SlotScores
from fairaudit_metrics.intrinsic.slottest import Slot, SlotTest
from fairaudit_metrics.intrinsic.stimuli import tests as published
from fairaudit_metrics.intrinsic.testfile import read_tests
from fairaudit_metrics.intrinsic.twoslots import Slotted, two_slots
from fairaudit_metrics.intrinsic.wordsets import AssociationTest, choose

_RULES = ("chain", "first", "skip")
_SENTENCES = (
    "The test file has sentences, and this metric puts words into sentences of its "
    "own. Give words."
)


def effect_quantity(score: str, reference: str) -> Quantity:
    """Return the effect size of a test over its attribute words."""
    return Quantity(
        name="effect_size",
        unit="standard deviations",
        ideal=0.0,
        definition="Difference between the mean score of the attributes A and of B, "
        "divided by the standard deviation (ddof=1) over A and B; the score of an "
        f"attribute is {score}. n counts the attributes.",
        reference=reference,
    )


@dataclass(frozen=True)
class SlotAssociation(Metric[BuiltIn]):
    """Measure how likely one word makes another in a sentence, by association tests."""

    tests: str = ""
    test_file: str = ""
    pieces: Pieces = "chain"
    max_missing: float = 0.2
    level: float = 0.95

    family: ClassVar[Family] = "intrinsic"
    accepts: ClassVar[type[BuiltIn]] = BuiltIn
    asks: ClassVar[tuple[str, ...]] = ("span_logprob",)
    default_tests: ClassVar[str] = "C5+C6+C7+C8+C10"
    predicted: ClassVar[Slot] = "target"

    def __post_init__(self) -> None:
        require_shares(self.name, self.max_missing, self.level)
        require(self.pieces in _RULES, self.name, "pieces", "chain, first or skip")
        choose(self.tests, self._known)

    @abstractmethod
    def increase(self, filled: Array, prior: Array) -> Array:
        """Return one number an attribute and frame for the targets of one set.

        Parameters
        ----------
        filled, prior
            Log-probabilities of shape (targets, attributes, frames).
        """

    def needs(self, data: BuiltIn, card: ModelCard) -> Mapping[str, SpanLogProb]:
        """Ask for one slot's word, with the other slot's word and without."""
        if not all(map(_has_words, self._chosen)):
            raise Unmeasurable(_SENTENCES)
        made = [s for test in self._chosen for s in _sentences(test)]
        texts = tuple(sentence.text for sentence in made)
        targets = tuple(sentence.target for sentence in made)
        attributes = tuple(sentence.attribute for sentence in made)
        spans, others = (
            (targets, attributes)
            if self.predicted == "target"
            else (attributes, targets)
        )
        hidden = tuple((other,) for other in others)
        return {
            "filled": SpanLogProb(texts, spans),
            "prior": SpanLogProb(texts, spans, hidden),
        }

    def score(
        self,
        data: BuiltIn,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterable[Finding]:
        """Return one finding a test, whose draws depend on the test's name alone."""
        base = int(rng.integers(2**63))
        everything = SlotScores.of(readings["filled"], readings["prior"], self.pieces)
        tables = everything.split([_shape(test) for test in self._chosen])
        for test, table in zip(self._chosen, tables, strict=True):
            seeds = np.random.SeedSequence([base, *test.name.encode()])
            found = SlotTest(test, table, self.increase, self.predicted)
            yield found.finding(self.quantities[0], self.max_missing, self.level, seeds)

    @cached_property
    def _chosen(self) -> tuple[AssociationTest, ...]:
        default = "" if self.test_file else self.default_tests
        return choose(self.tests or default, self._known)

    @cached_property
    def _known(self) -> Mapping[str, AssociationTest]:
        if self.test_file:
            return read_tests(Path(self.test_file))
        return {n: two_slots().oriented(test) for n, test in published().items()}


def _has_words(test: AssociationTest) -> bool:
    return test.words_known and test.texts == test.words


def _shape(test: AssociationTest) -> Shape:
    x, y, a, b = (len(one.words) for one in test.sets)
    return x + y, a + b, len(two_slots().content["frames"])


def _sentences(test: AssociationTest) -> Iterator[Slotted]:
    """Yield the sentences target by target, attribute by attribute."""
    targets, attributes = (
        [(one, word) for one in sets for word in one.words]
        for sets in ((test.x, test.y), (test.a, test.b))
    )
    for target, attribute in product(targets, attributes):
        yield from two_slots().sentences(*target, *attribute)
