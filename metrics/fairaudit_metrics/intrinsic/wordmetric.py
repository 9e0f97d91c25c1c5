"""What metrics share that bring the words of association tests along."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairaudit.arrays import Array
from fairaudit.data import BuiltIn
from fairaudit.errors import AuditError
from fairaudit.metric import Metric
from fairaudit.model import Embed, ModelCard, Pool, Reading
from fairaudit.result import Family, Finding, Interval
from fairaudit_metrics.intrinsic.stimuli import tests as published
from fairaudit_metrics.intrinsic.testfile import read_tests
from fairaudit_metrics.intrinsic.textsets import TextTest, choose
from fairaudit_metrics.intrinsic.vectortable import TextVectors, whole_texts

REPLICATES = 2000
PERMUTATIONS = 100_000


@dataclass(frozen=True)
class WordMetric(Metric[BuiltIn]):
    """Measure something of each association test from vectors of its texts."""

    tests: str = ""
    test_file: str = ""
    max_missing: float = 0.2
    layer: int = -1
    pool: Pool = "mean"
    level: float = 0.95

    family: ClassVar[Family] = "intrinsic"
    accepts: ClassVar[type[BuiltIn]] = BuiltIn
    asks: ClassVar[tuple[str, ...]] = ("embed",)
    default_tests: ClassVar[str] = ""

    def __post_init__(self) -> None:
        self._require(0 <= self.max_missing < 1, "max_missing", "at least 0, below 1")
        self._require(0 < self.level < 1, "level", "between 0 and 1")
        choose(self.tests, self._known)

    @abstractmethod
    def spell(self, listed: str, word: str, kind: str) -> tuple[str, ...]:
        """Return the texts of a word of a list; `kind` may say what word it is."""

    @abstractmethod
    def findings(
        self, test: TextTest, vectors: TextVectors, seeds: np.random.SeedSequence
    ) -> Iterable[Finding]:
        """Return the findings of one test."""

    def needs(self, data: BuiltIn, card: ModelCard) -> Mapping[str, Embed]:
        """Ask once for the vector of each text."""
        return {"vectors": whole_texts(self._texts, self.layer, self.pool)}

    def score(
        self,
        data: BuiltIn,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterable[Finding]:
        """Return the findings of all tests, whose draws depend on their names alone."""
        vectors = TextVectors.of(self._texts, readings["vectors"])
        base = int(rng.integers(2**63))
        return [
            finding
            for test in self._chosen
            for finding in self.findings(
                test, vectors, np.random.SeedSequence([base, *test.name.encode()])
            )
        ]

    @cached_property
    def _known(self) -> Mapping[str, TextTest]:
        if self.test_file:
            return read_tests(Path(self.test_file), self.spell)
        return {n: TextTest.of(test, self.spell) for n, test in published().items()}

    @cached_property
    def _chosen(self) -> tuple[TextTest, ...]:
        default = "" if self.test_file else self.default_tests
        return choose(self.tests or default, self._known)

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(t for test in self._chosen for t in test.texts))

    def _require(self, holds: bool, name: str, condition: str) -> None:
        if not holds:
            raise AuditError(
                f"{self.name}: {name} must be {condition}. Change the parameter."
            )


def percentile(effects: Array, level: float) -> Interval | None:
    """Return the percentile interval, None where half the replicates have no value."""
    defined = effects[np.isfinite(effects)]
    if defined.size < effects.size / 2:
        return None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    method = f"percentile bootstrap of words within sets, {defined.size} replicates"
    return Interval(float(low), float(high), level, method)
