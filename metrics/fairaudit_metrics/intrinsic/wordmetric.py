"""What metrics share that bring words along and ask for their vectors."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairaudit.arrays import Array
from fairaudit.data import BuiltIn
from fairaudit.metric import Metric
from fairaudit.model import Embed, ModelCard, Pool, Reading
from fairaudit.result import Family, Finding, Interval
from fairaudit_metrics.intrinsic.layers import main_layer
from fairaudit_metrics.intrinsic.parameters import require_shares
from fairaudit_metrics.intrinsic.stimuli import tests as published
from fairaudit_metrics.intrinsic.testfile import read_tests
from fairaudit_metrics.intrinsic.vectortable import TextVectors, whole_texts
from fairaudit_metrics.intrinsic.wordsets import AssociationTest, choose

REPLICATES = 2000


@dataclass(frozen=True)
class WordMetric(Metric[BuiltIn]):
    """Measure something from the vectors of texts that the metric brings along."""

    test_file: str = ""
    max_missing: float = 0.2
    layer: int = -1
    pool: Pool = "mean"
    level: float = 0.95

    family: ClassVar[Family] = "intrinsic"
    accepts: ClassVar[type[BuiltIn]] = BuiltIn
    asks: ClassVar[tuple[str, ...]] = ("embed",)

    def __post_init__(self) -> None:
        require_shares(self.name, self.max_missing, self.level)

    @property
    @abstractmethod
    def texts(self) -> tuple[str, ...]:
        """The texts to read, each once."""

    @abstractmethod
    def findings(self, vectors: TextVectors, base: int) -> Iterable[Finding]:
        """Return the findings; `base` seeds what is drawn."""

    def needs(self, data: BuiltIn, card: ModelCard) -> Mapping[str, Embed]:
        """Ask once for the vector of each text."""
        main_layer(self.layer, card)
        return {"vectors": whole_texts(self.texts, self.layer, self.pool)}

    def score(
        self,
        data: BuiltIn,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterable[Finding]:
        """Return the findings."""
        vectors = TextVectors.of(self.texts, readings["vectors"])
        return list(self.findings(vectors, int(rng.integers(2**63))))


@dataclass(frozen=True)
class AssociationMetric(WordMetric):
    """Measure something of each association test."""

    tests: str = ""

    default_tests: ClassVar[str] = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        choose(self.tests, self._known)

    @abstractmethod
    def spell(self, listed: str, word: str, kind: str) -> tuple[str, ...]:
        """Return the texts of a word of a list; `kind` may say what word it is."""

    @abstractmethod
    def measure(
        self, test: AssociationTest, vectors: TextVectors, seeds: np.random.SeedSequence
    ) -> Iterable[Finding]:
        """Return the findings of one test."""

    def findings(self, vectors: TextVectors, base: int) -> Iterable[Finding]:
        """Return the findings of all tests, whose draws depend on their names alone."""
        return [
            finding
            for test in self.chosen
            for finding in self.measure(
                test, vectors, np.random.SeedSequence([base, *test.name.encode()])
            )
        ]

    @cached_property
    def chosen(self) -> tuple[AssociationTest, ...]:
        """The tests to run, their words spelt out."""
        default = "" if self.test_file else self.default_tests
        return choose(self.tests or default, self._known)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The texts of these tests."""
        return tuple(dict.fromkeys(t for test in self.chosen for t in test.texts))

    @cached_property
    def _known(self) -> Mapping[str, AssociationTest]:
        found = read_tests(Path(self.test_file)) if self.test_file else published()
        return {name: test.with_texts(self.spell) for name, test in found.items()}


def percentile(effects: Array, level: float) -> Interval | None:
    """Return the percentile interval, None where half the replicates have no value."""
    defined = effects[np.isfinite(effects)]
    if defined.size < effects.size / 2:
        return None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    method = f"percentile bootstrap of words within sets, {defined.size} replicates"
    return Interval(float(low), float(high), level, method)
