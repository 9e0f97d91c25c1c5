"""Requests for text that a language model writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

import numpy as np

from fairaudit.arrays import AnyArray

ENDED, CUT, EMPTY, FULL, HELD, ABSENT = range(6)
STATES: Final = (
    "ended by itself",
    "cut at the number of tokens asked for",
    "empty: the model ended at once",
    "not generated: the prompt fills the context window",
    "written before and held in a file",
    "not in the file of continuations",
)
"""Meaning of the column ``state``."""
SCORE: Final = "score:"
"""What the names of columns with given scores begin with."""


@dataclass(frozen=True)
class Generate:
    """Ask a causal language model to continue prompts.

    Columns: ``state`` (n,), an index into `STATES`; ``tokens`` (n,), how many were
    written; and the ragged ``utf8``, the bytes of the continuation without the prompt
    (`texts_of` makes texts of them). A file of continuations that were scored elsewhere
    adds columns ``score:NAME`` (n,), NaN where there is no score.

    Parameters
    ----------
    texts
        One prompt a row; the same prompt stands in several rows for several samples.
    samples
        Number of the sample of each row, from 0. A row's random numbers depend on the
        seed, the prompt and this number alone.
    max_new_tokens
        Most tokens to write.
    temperature, top_p
        Of the sampling; temperature 0 takes the likeliest token.
    seed
        Seed of the sampling.
    """

    texts: tuple[str, ...]
    samples: tuple[int, ...]
    max_new_tokens: int = 25
    temperature: float = 1.0
    top_p: float = 0.9
    seed: int = 0
    kind: ClassVar[str] = "generate"
    ragged: ClassVar[tuple[str, ...]] = ("utf8",)

    @property
    def settings(self) -> Mapping[str, str]:
        """Everything but the rows that determines the answer."""
        return {
            "max_new_tokens": str(self.max_new_tokens),
            "temperature": repr(self.temperature),
            "top_p": repr(self.top_p),
            "seed": str(self.seed),
        }

    def row_keys(self) -> tuple[str, ...]:
        """Return what, beside the text, determines each row's answer."""
        return tuple(map(str, self.samples))

    def take(self, rows: Sequence[int]) -> "Generate":
        """Return the request for some of the rows."""
        return replace(
            self,
            texts=tuple(self.texts[row] for row in rows),
            samples=tuple(self.samples[row] for row in rows),
        )


def texts_of(reading: Mapping[str, AnyArray]) -> tuple[str, ...]:
    """Return the continuations of an answer, one a row."""
    ends = np.cumsum(reading["lengths"])
    parts = np.split(reading["utf8"], ends[:-1]) if len(ends) else []
    return tuple(part.tobytes().decode("utf-8") for part in parts)
