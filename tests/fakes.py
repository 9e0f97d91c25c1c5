"""A model without weights, and metrics: what the core is tested with."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from fairaudit.arrays import IntArray
from fairaudit.data import Contexts, Examples, Group
from fairaudit.metric import Metric, Unmeasurable
from fairaudit.model import (
    Ask,
    Embed,
    ModelCard,
    Predict,
    Reading,
    Request,
    Sensitivity,
)
from fairaudit.result import DatasetEntry, Family, Finding, ModelEntry, Quantity

ALL = ("predict", "embed", "sensitivity")
MEAN = Quantity(name="mean", unit="probability", ideal=None)


def draws_from(*words: object) -> np.random.Generator:
    """Return a generator that depends on the words alone."""
    digest = hashlib.sha256(repr(words).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def answer_row(request: Request, row: int) -> dict[str, np.ndarray]:
    """Answer one row of a request from its text alone: the reference."""
    text = request.texts[row]
    if isinstance(request, Embed):
        span = request.spans[row]
        rng = draws_from("embed", text, span, request.layer, request.pool)
        return {"vectors": rng.normal(size=(1, 3)).astype(np.float32)}
    rng = draws_from(request.kind, text)
    second = rng.random()
    plain = {
        "probabilities": np.array([[1 - second, second]]),
        "truncated": np.array([len(text) > 40]),
    }
    if isinstance(request, Predict):
        return plain
    n = len(text.split())
    return {
        **plain,
        "lengths": np.array([n]),
        "contribution": rng.random(n).astype(np.float32),
        "start": np.arange(n, dtype=np.int32),
        "end": np.arange(n, dtype=np.int32) + 1,
    }


def expected(request: Request) -> dict[str, np.ndarray]:
    """Answer a whole request row by row, with no engine between."""
    rows = [answer_row(request, row) for row in range(len(request.texts))]
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


@dataclass
class FakeModel:
    """Answers computed from the text; counts what it is asked.

    Parameters
    ----------
    fail_at, error
        At the batch of this number (from 0), raise this.
    before
        Called with the number of each batch before it is read.
    """

    name: str = "fake"
    reads: tuple[str, ...] = ALL
    why_not: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, str] = field(
        default_factory=lambda: {"model": "f00d", "dtype": "float32", "torch": "1"}
    )
    fail_at: int | None = None
    error: BaseException = field(default_factory=KeyboardInterrupt)
    before: Callable[[int], None] = lambda _number: None
    seen: Counter[str] = field(default_factory=Counter)
    batches: list[tuple[str, ...]] = field(default_factory=list)
    counted: int = 0

    @property
    def card(self) -> ModelCard:
        return ModelCard(
            entry=ModelEntry(
                name=self.name,
                path="",
                fingerprint=self.known["model"],
                architecture="Fake",
                reads=self.reads,
            ),
            labels=("no", "yes"),
            why_not=self.why_not,
        )

    def identity(self, request: Request) -> Mapping[str, str]:
        return self.known

    def token_counts(self, texts: Sequence[str]) -> IntArray:
        self.counted += 1
        return np.array([len(text.split()) + 2 for text in texts], dtype=np.int64)

    def read(self, texts: Sequence[str], asks: Sequence[Ask]) -> list[Reading]:
        number = len(self.batches)
        self.before(number)
        if number == self.fail_at:
            raise self.error
        self.batches.append(tuple(texts))
        self.seen.update(texts)
        for ask in asks:
            assert ask.request.texts == tuple(texts[at] for at in ask.where)
        return [expected(ask.request) for ask in asks]


def examples(texts: Sequence[str], name: str = "notes") -> Examples:
    """Return examples in two groups, every other text in the first."""
    first = np.arange(len(texts)) % 2 == 0
    known = np.ones(len(texts), dtype=bool)
    return Examples(
        card=DatasetEntry(name=name, kind="examples", n=len(texts), sha256=""),
        texts=tuple(texts),
        labels=np.arange(len(texts), dtype=np.int64) // 2 % 2,
        label_names=("no", "yes"),
        groups=(
            Group("sex", "women", first, known),
            Group("sex", "men", ~first, known),
        ),
    )


def contexts(texts: Sequence[str], name: str = "pool") -> Contexts:
    """Return two words in each text: its first and its last three characters."""
    spans = [span for text in texts for span in ((0, 3), (len(text) - 3, len(text)))]
    doubled = tuple(text for text in texts for _ in range(2))
    return Contexts(
        card=DatasetEntry(name=name, kind="contexts", n=len(doubled), sha256=""),
        words=tuple(text[a:b] for text, (a, b) in zip(doubled, spans, strict=True)),
        texts=doubled,
        spans=np.array(spans, dtype=np.int64),
    )


@dataclass(frozen=True)
class Fake(Metric[Examples]):
    """The mean of column `column`, with draws of its generator beside it."""

    shift: float = 0.0
    column: ClassVar[str] = "probabilities"
    name: ClassVar[str] = "fake_mean"
    family: ClassVar[Family] = "extrinsic"
    accepts: ClassVar[type] = Examples
    quantities: ClassVar[tuple[Quantity, ...]] = (MEAN,)
    summary: ClassVar[str] = "A mean."
    asks: ClassVar[tuple[str, ...]] = ("predict",)

    def needs(self, data: Examples, card: ModelCard) -> Mapping[str, Request]:
        return {"it": Predict(data.texts)}

    def score(
        self,
        data: Examples,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterable[Finding]:
        column = readings["it"][self.column]
        yield Finding(
            quantity=MEAN,
            subject="all",
            value=float(column.mean()) + self.shift,
            n=len(column),
            p_value=float(rng.random()) * 0.1,
            detail={"sum": float(column.sum()), "column": column.ravel().tolist()},
        )


@dataclass(frozen=True)
class Some(Fake):
    """The same request on part of the texts."""

    name: ClassVar[str] = "fake_some"

    def needs(self, data: Examples, card: ModelCard) -> Mapping[str, Request]:
        return {"it": Predict(data.texts[::-1][: len(data.texts) // 2])}


@dataclass(frozen=True)
class Ragged(Fake):
    """A ragged request."""

    name: ClassVar[str] = "fake_ragged"
    column: ClassVar[str] = "contribution"
    asks: ClassVar[tuple[str, ...]] = ("sensitivity",)

    def needs(self, data: Examples, card: ModelCard) -> Mapping[str, Request]:
        return {"it": Sensitivity(data.texts)}


@dataclass(frozen=True)
class Vectors(Fake):
    """Several spans of one text."""

    name: ClassVar[str] = "fake_vectors"
    family: ClassVar[Family] = "intrinsic"
    column: ClassVar[str] = "vectors"
    accepts: ClassVar[type] = Contexts
    asks: ClassVar[tuple[str, ...]] = ("embed",)

    def needs(self, data: Contexts, card: ModelCard) -> Mapping[str, Request]:
        return {"it": Embed(data.texts, tuple(map(tuple, data.spans.tolist())))}


@dataclass(frozen=True)
class Broken(Fake):
    """Raises where `where` says."""

    where: str = "score"
    error: Exception = field(default_factory=lambda: ZeroDivisionError("by zero"))
    name: ClassVar[str] = "broken"

    def needs(self, data: Examples, card: ModelCard) -> Mapping[str, Request]:
        if self.where == "needs":
            raise self.error
        return super().needs(data, card)

    def score(
        self,
        data: Examples,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterable[Finding]:
        yield from super().score(data, readings, card, rng)
        raise self.error


@dataclass(frozen=True)
class Inapplicable(Broken):
    """Does not apply."""

    name: ClassVar[str] = "inapplicable"
    error: Exception = field(default_factory=lambda: Unmeasurable("too few texts"))
