"""What a language model wrote about each group, and its scores."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.data import Gaps, Prompts
from fairaudit.errors import AuditError, suggest
from fairaudit.metric import Unmeasurable
from fairaudit.model import ModelCard, Reading, texts_of
from fairaudit.model.generation import ABSENT, EMPTY, FULL, HELD, SCORE, STATES
from fairaudit.result import Json

WORDLESS = (EMPTY, FULL, ABSENT)
TOXICITY = "toxicity"


@dataclass(frozen=True)
class Written:
    """Continuations that hold a word, n of them.

    Parameters
    ----------
    texts
        Shape (n,).
    row
        Shape (n,): the prompt that each continues.
    states
        How many continuations there are of each state.
    given
        Scores that came with the continuations, by name; shape (n,), NaN where a text
        has none.
    """

    texts: tuple[str, ...]
    row: IntArray
    states: Mapping[str, Json]
    given: Mapping[str, Array] = field(default_factory=dict)

    @classmethod
    def of(cls, reading: Reading, samples: int) -> "Written":
        """Take the continuations that are not empty."""
        texts, states = texts_of(reading), reading["state"]
        kept = [
            at
            for at, text in enumerate(texts)
            if text.strip() and states[at] not in WORDLESS
        ]
        counts: dict[str, Json] = {
            name: int((states == code).sum())
            for code, name in enumerate(STATES)
            # Of files only.
            if code not in (HELD, ABSENT) or (states == code).any()
        }
        counts["without a word"] = int(
            sum(not t.strip() for t in texts) - np.isin(states, WORDLESS).sum()
        )
        return cls(
            tuple(texts[at] for at in kept),
            np.array(kept, dtype=np.int64) // samples,
            counts,
            {
                name.removeprefix(SCORE): column[kept].astype(np.float64)
                for name, column in reading.items()
                if name.startswith(SCORE)
            },
        )


def vader_scores(texts: Sequence[str]) -> Array:
    """Return the compound score of each text, from -1 to 1.

    Raises
    ------
    Unmeasurable
        Where the lexicon is not installed.
    """
    try:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
    except ImportError as error:
        raise Unmeasurable(
            "no scorer was named (--scorer) and the sentiment lexicon is not "
            "installed: pip install 'fairaudit-nlp[generation]'"
        ) from error
    analyser = SentimentIntensityAnalyzer()
    # A lexicon scores text by text.
    found = [analyser.polarity_scores(text)["compound"] for text in texts]
    return np.array(found, dtype=np.float64)


@dataclass(frozen=True)
class Scored:
    """Scores of continuations.

    Parameters
    ----------
    name
        Of the score, such as ``"toxicity"``.
    what
        What made it, in words.
    values
        Shape (n,); NaN where a text has no score.
    probability
        Whether the values lie in [0, 1].
    counts
        What is counted beside the values.
    """

    name: str
    what: str
    values: Array
    probability: bool
    counts: Mapping[str, Json] = field(default_factory=dict)


def by_prompt(values: Array, row: IntArray, prompts: int) -> Array:
    """Return the mean over the samples of each prompt; NaN for a prompt without any.

    Values that are NaN do not count.
    """
    known = np.isfinite(values)
    values, row = values[known], row[known]
    counts = np.bincount(row, minlength=prompts)
    sums = np.bincount(row, values, minlength=prompts)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(counts, sums / np.maximum(counts, 1), np.nan))


def worst_by_prompt(values: Array, row: IntArray, prompts: int) -> Array:
    """Return the largest value of each prompt's samples; NaN for one without any.

    Values that are NaN do not count.
    """
    found = np.full(prompts, -np.inf)
    known = np.isfinite(values)
    np.maximum.at(found, row[known], values[known])
    return np.where(np.isfinite(found), found, np.nan)


def groups_of(data: Prompts | Gaps) -> Iterator[tuple[str, Mapping[str, IntArray]]]:
    """Yield each axis with the rows of its groups."""
    axis, group = np.array(data.axis, object), np.array(data.groups, object)
    for name in dict.fromkeys(data.axis):
        members = {
            which: np.flatnonzero((axis == name) & (group == which))
            for which in sorted(set(group[axis == name]))
        }
        yield name, members


def units(values: Array, rows: IntArray, entities: Sequence[str]) -> Array:
    """Return the values of independent units: entities where named, else prompts."""
    kept = rows[np.isfinite(values[rows])]
    if not entities:
        return values[kept]
    names = [entities[row] for row in kept]
    _, code = np.unique(np.array(names, object), return_inverse=True)
    if not len(kept):
        return np.empty(0)
    means: Array = np.bincount(code, values[kept]) / np.bincount(code)
    return means


def given_scores(written: Written, card: ModelCard, wanted: str) -> list[Scored]:
    """Return the scores that came with the continuations.

    Parameters
    ----------
    written
        The continuations.
    card
        Names the file.
    wanted
        Names joined by ``+``; "" for toxicity, and all where that is not there.

    Raises
    ------
    AuditError
        Where a name is not there.
    """
    given = written.given
    usual = [TOXICITY] if TOXICITY in given else list(given)
    names = [name.strip() for name in wanted.split("+")] if wanted else usual
    if lacking := [name for name in names if name not in given]:
        hint = suggest(lacking[0], tuple(given)) if given else "It has none."
        raise AuditError(
            f"{card.name} has no score {lacking[0]!r} for its continuations. {hint}"
        )
    return [
        Scored(
            name,
            f"{card.name}, the score {name!r} as given",
            given[name],
            True,
            {"without_a_score": int(np.isnan(given[name]).sum())},
        )
        for name in names
    ]


def scores_of(
    written: Written,
    readings: Mapping[str, Reading],
    card: ModelCard,
    wanted: str = "",
) -> list[Scored]:
    """Return the given scores and those of every scorer; else of the lexicon."""
    given = given_scores(written, card, wanted)
    if not card.scorers and not given:
        values = vader_scores(written.texts)
        return [Scored("sentiment", "VADER lexicon, compound score", values, False)]
    return given + [
        Scored(
            name,
            f"{scorer.card.name}, probability of {scorer.label}",
            readings[name]["probabilities"][:, scorer.column],
            True,
        )
        for name, scorer in card.scorers.items()
    ]
