"""How far the texts of datasets are apart."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Final, TypeAlias

import numpy as np

from fairaudit.arrays import Array
from fairaudit.cache import Cache
from fairaudit.data import Data
from fairaudit.data.passages import passages
from fairaudit.errors import AuditError
from fairaudit.model import Embed, Model
from fairaudit.reading import Progress, read
from fairaudit.result import DomainDistance
from fairaudit.stats.correction import Method, adjust
from fairaudit.stats.divergence import discrepancy, vocabulary_divergence

Vectors: TypeAlias = Mapping[str, Array]
READ: Final = 20_000
"""Most texts of a dataset whose words are compared: a seeded sample of more."""
EMBEDDED: Final = 1_000
"""Most texts of a dataset whose vectors are compared: the first of that sample."""
DEALT: Final = 49
"""How often texts are dealt at random to say what divergence chance gives."""
_WORD: Final = re.compile(r"\w+")
_NO_ENCODER: Final = (
    "no embedding discrepancy: no encoder was given (--encoder MODEL_DIR)"
)


def _ignore(_done: int, _total: int) -> None:
    """Watch nothing."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How vectors are had, and how distances are tested."""

    encoder: Model | None = None
    draws: int = 9999
    seed: int = 0
    correction: Method = "holm"
    batch_tokens: int = 2048
    cache: Cache = field(default_factory=lambda: Cache(None))
    progress: Progress = _ignore


@dataclass(frozen=True)
class Sample:
    """Different texts of one dataset, in a seeded order.

    Parameters
    ----------
    n
        How many different texts it has.
    note
        What else is to be known of them.
    """

    name: str
    texts: tuple[str, ...]
    n: int
    note: str = ""

    @property
    def embedded(self) -> tuple[str, ...]:
        """The texts whose vectors are compared."""
        return self.texts[:EMBEDDED]

    @property
    def words(self) -> list[list[str]]:
        """Words of each text: runs of letters, digits and underscores, case folded."""
        return [_WORD.findall(text.casefold()) for text in self.texts]


def sample(data: Data, seed: int) -> Sample:
    """Return a seeded sample of the different texts of a dataset that have a word.

    Equal texts count once: a test by permutation supposes that texts are drawn
    independently.

    Raises
    ------
    AuditError
        Where the texts of that kind of data are not known, or fewer than two.
    """
    rows = passages(data)
    if rows is None:
        raise AuditError(
            f"{data.card.name} is data of the kind {data.card.kind!r}, of which the "
            "texts are not known here. Leave it out of --data."
        )
    texts = list(dict.fromkeys(t for row in rows for t in row if _WORD.search(t)))
    if len(texts) < 2:
        raise AuditError(
            f"{data.card.name} has {len(texts)} different texts with a word; a "
            "distance needs two at least. Leave it out of --data."
        )
    order = _generator(seed, "sample", data.card.name).permutation(len(texts))
    return Sample(data.card.name, tuple(texts[i] for i in order[:READ]), len(texts))


def distances(
    samples: Sequence[Sample], reading: Reading
) -> tuple[DomainDistance, ...]:
    """Return the distance of each pair of datasets.

    By words: the Jensen-Shannon divergence. By vectors, where there is an encoder: the
    mean of the last layer over the tokens of a text, compared by the unbiased squared
    maximum mean discrepancy (Gretton et al. 2012), p corrected over the pairs.
    """
    ordered = sorted(samples, key=lambda found: found.name)
    vectors = _vectors(ordered, reading) if reading.encoder else {}
    words = {found.name: found.words for found in ordered}
    pairs = list(combinations(ordered, 2))
    found = [
        _by_vectors(_by_words(*pair, words, reading.seed), *pair, vectors, reading)
        for pair in pairs
    ]
    adjusted = adjust([each.embedding_p for each in found], reading.correction)
    return tuple(
        replace(each, embedding_p_adjusted=p)
        for each, p in zip(found, adjusted, strict=True)
    )


def _by_words(
    first: Sample,
    second: Sample,
    words: Mapping[str, Sequence[Sequence[str]]],
    seed: int,
) -> DomainDistance:
    rng = _generator(seed, "words", first.name, second.name)
    found = vocabulary_divergence(words[first.name], words[second.name], DEALT, rng)
    return DomainDistance(
        first=first.name,
        second=second.name,
        n=(len(first.texts), len(second.texts)),
        vocabulary=found.value,
        vocabulary_chance=found.chance,
        method=f"words: different texts, case folded, {_sampled(first, second)}; "
        f"chance: mean of {DEALT} deals{_noted(first, second)}",
        reason=_NO_ENCODER,
    )


def _sampled(*samples: Sample) -> str:
    told = [
        f"{len(s.texts):,} of {s.n:,} of {s.name}"
        for s in samples
        if len(s.texts) < s.n
    ]
    return f"a seeded sample of {' and '.join(told)}" if told else "all of them"


def _noted(*samples: Sample) -> str:
    return "".join(f"; {found.note}" for found in samples if found.note)


def _by_vectors(
    found: DomainDistance,
    first: Sample,
    second: Sample,
    vectors: Vectors,
    reading: Reading,
) -> DomainDistance:
    if reading.encoder is None:
        return found
    x, y = vectors[first.name], vectors[second.name]
    known = replace(
        found, n_embedded=(len(x), len(y)), encoder=reading.encoder.card.name
    )
    if min(len(x), len(y)) < 2:
        few = "fewer than two texts of a dataset have a vector"
        return replace(known, reason=f"no embedding discrepancy: {few}")
    rng = _generator(reading.seed, "vectors", first.name, second.name)
    tested = discrepancy(x, y, reading.draws, rng)
    lost = len(first.embedded) + len(second.embedded) - len(x) - len(y)
    return replace(
        known,
        embedding=tested.value,
        embedding_p=tested.p_value,
        method=f"{found.method}; vectors: mean of the last layer of up to {EMBEDDED:,} "
        f"texts each ({lost:,} have no vector), {tested.method} of texts, which "
        "supposes that texts are drawn independently",
        reason="",
    )


def _vectors(samples: Sequence[Sample], reading: Reading) -> Vectors:
    """Embed all samples in one reading; a text without a vector has no row."""
    assert reading.encoder is not None  # noqa: S101 - for the type checker
    card = reading.encoder.card
    if "embed" not in card.entry.reads:
        why = (card.why_not or {}).get("embed", "it gives no vectors of texts")
        raise AuditError(f"--encoder {card.name}: {why}. Give an encoder.")
    requests = [_request(found.embedded) for found in samples]
    answers, _ = read(
        reading.encoder,
        requests,
        reading.cache,
        reading.batch_tokens,
        reading.progress,
    )
    every = [np.asarray(answer["vectors"], dtype=float) for answer in answers]
    return {
        found.name: rows[np.isfinite(rows).all(1)]
        for found, rows in zip(samples, every, strict=True)
    }


def _request(texts: tuple[str, ...]) -> Embed:
    return Embed(texts, tuple((0, len(text)) for text in texts), pool="mean")


def _generator(seed: int, *names: str) -> np.random.Generator:
    return np.random.default_rng([seed, *"|".join(names).encode()])
