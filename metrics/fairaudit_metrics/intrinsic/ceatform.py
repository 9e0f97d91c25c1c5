"""What the forms of CEAT share: which tests run, and what one of them yields."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

import numpy as np

from fairaudit.data import Contexts
from fairaudit.model import Reading
from fairaudit.result import Finding, Json, Quantity
from fairaudit_metrics.intrinsic.contextpool import (
    Context,
    ContextPool,
    ContextVectors,
    Undefined,
)
from fairaudit_metrics.intrinsic.inference import Drawing
from fairaudit_metrics.intrinsic.wordsets import WordSet, WordTest, shortfall

T = TypeVar("T", bound=WordTest)


class Form(ABC, Generic[T]):
    """A form of CEAT: what its tests are, and what one of them yields."""

    quantity: ClassVar[Quantity]
    """Of a test that cannot run."""

    @abstractmethod
    def published(self) -> Mapping[str, T]:
        """Return the tests that the package brings along, by name."""

    @abstractmethod
    def read(self, path: Path) -> Mapping[str, T]:
        """Return the tests of a file, by name."""

    @abstractmethod
    def needed(self, test: T) -> tuple[WordSet, ...]:
        """Return the sets without which the test cannot run."""

    @abstractmethod
    def kept(self, test: T, pool: ContextPool, max_missing: float) -> T:
        """Return what is left of a test that can run."""

    @abstractmethod
    def findings(
        self, found: "Found[T]", drawing: Drawing, seeds: np.random.SeedSequence
    ) -> Iterator[Finding]:
        """Yield the findings of a test; raise `Undefined` where there are none."""

    def touched(self, test: T, data: Contexts) -> bool:
        """Tell whether each set that the test needs has a word in the data."""
        return all(one.within(data.rows).words for one in self.needed(test))

    def obstacle(self, test: T, pool: ContextPool, max_missing: float) -> str:
        """Say why the test cannot run, or return an empty string."""
        lost = shortfall(self.needed(test), pool, max_missing)
        return f"{lost}. {enough(pool)}" if lost else ""

    def score(
        self, found: "Found[T]", drawing: Drawing, seeds: np.random.SeedSequence
    ) -> list[Finding]:
        """Return the findings of a test, or one with the reason."""
        try:
            return list(self.findings(found, drawing, seeds))
        except Undefined as error:
            return [self.refusal(found.test, str(error))]

    def refusal(self, test: T, reason: str) -> Finding:
        """Return a finding that has a reason in place of a number."""
        return Finding(quantity=self.quantity, subject=test.subject, reason=reason)


@dataclass(frozen=True)
class Found(Generic[T]):
    """A test, what is left of it, and the vectors of its contexts."""

    test: T
    kept: T
    vectors: ContextVectors

    @property
    def missing(self) -> Mapping[str, Json]:
        """Which words are left out, and how many contexts the others have."""
        pool = self.vectors.pool
        gone = self.test.missing(pool)
        return {
            "missing_words": {name: list(words) for name, words in gone.items()},
            **self.vectors.counts(self.kept.words),
        }


@dataclass(frozen=True)
class Study(Generic[T]):
    """Which tests a pool of contexts can run, and which it cannot.

    Parameters
    ----------
    runnable
        Tests to run, and what is left of each.
    refused
        Tests that cannot run, with the reason.
    """

    form: Form[T]
    pool: ContextPool
    runnable: tuple[tuple[T, T], ...]
    refused: tuple[tuple[T, str], ...]

    @classmethod
    def of(
        cls,
        form: Form[T],
        chosen: Iterable[T],
        pool: ContextPool,
        max_missing: float,
    ) -> "Study[T]":
        """Tell which of the chosen tests can run."""
        reasons = [(t, form.obstacle(t, pool, max_missing)) for t in chosen]
        return cls(
            form,
            pool,
            tuple(
                (t, form.kept(t, pool, max_missing)) for t, why in reasons if not why
            ),
            tuple((t, why) for t, why in reasons if why),
        )

    @property
    def contexts(self) -> Mapping[Context, int]:
        """Distinct contexts of the tests that run, numbered in order."""
        words = (word for _, kept in self.runnable for word in kept.words)
        return self.pool.numbered(words)

    @property
    def refusals(self) -> list[Finding]:
        """The findings of the tests that cannot run."""
        return [self.form.refusal(test, why) for test, why in self.refused]

    def findings(self, reading: Reading, drawing: Drawing, base: int) -> list[Finding]:
        """Return the findings of all tests, whose draws depend on their names alone."""
        vectors = ContextVectors(
            self.pool,
            reading["vectors"],
            self.contexts,
            reading.get("windowed"),
            reading.get("truncated"),
        )
        return [
            finding
            for test, kept in self.runnable
            for finding in self.form.score(
                Found(test, kept, vectors),
                drawing,
                np.random.SeedSequence([base, *test.name.encode()]),
            )
        ]


def enough(pool: ContextPool) -> str:
    """Say how many contexts a word needs."""
    return f"A word needs {pool.min_contexts} distinct contexts."
