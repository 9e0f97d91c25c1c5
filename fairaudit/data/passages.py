"""The texts of any dataset, and what tells equal ones."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from fairaudit.arrays import AnyArray
from fairaudit.data.base import Data
from fairaudit.data.choices import Choices
from fairaudit.data.contexts import Contexts
from fairaudit.data.descriptors import Descriptors
from fairaudit.data.examples import Examples
from fairaudit.data.gaps import Gaps
from fairaudit.data.pairs import Completions, Counterparts, Pairs
from fairaudit.data.prompts import Prompts

Passages: TypeAlias = Sequence[tuple[str, ...]]
DIGEST: Final = "<u8"
"""Type of a digest: 8 bytes, so that n texts collide with probability n² / 2⁶⁵."""
_OF_KIND: Mapping[type[Data], Callable[[Any], Iterable[tuple[str, ...]]]] = {
    Choices: lambda data: (
        (context, question, *answers)
        for context, question, answers in zip(
            data.contexts, data.questions, data.answers, strict=True
        )
    ),
    Completions: lambda data: data.sentences,
    Contexts: lambda data: zip(data.texts, strict=True),
    Counterparts: lambda data: zip(data.first, data.second, strict=True),
    Descriptors: lambda data: zip(data.texts, strict=True),
    Examples: lambda data: zip(data.texts, strict=True),
    Gaps: lambda data: zip(map(str.__add__, data.before, data.after), strict=True),
    Pairs: lambda data: zip(data.first, data.second, strict=True),
    Prompts: lambda data: zip(data.texts, strict=True),
}


def passages(data: Data) -> Passages | None:
    """Return the texts of each row; None for a kind of data that is not known here."""
    found = next((of for kind, of in _OF_KIND.items() if isinstance(data, kind)), None)
    return None if found is None else list(found(data))


def normal(text: str) -> str:
    r"""Return what two texts have in common that count as equal.

    >>> normal(" Good \n day ")
    'good day'
    """
    return " ".join(text.split()).casefold()


def digests(texts: Iterable[str]) -> AnyArray:
    """Return 8 bytes of BLAKE2b of each text as `normal` makes it, shape (n,)."""
    raw = b"".join(
        hashlib.blake2b(
            normal(text).encode("utf-8", "surrogatepass"), digest_size=8
        ).digest()
        for text in texts
    )
    return np.frombuffer(raw, dtype=DIGEST)
