"""Models that are known by a file of what they answered."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fairaudit.arrays import IntArray
from fairaudit.model import Ask, Reading, Request
from fairaudit.result import ModelEntry


@dataclass(frozen=True, kw_only=True, eq=False)
class FiledModel(ABC):
    """A model whose answers are looked up in a file.

    Parameters
    ----------
    path, sha256
        The file and the hash of its bytes.
    unmatched
        Rows of the file that are about nothing in the data.
    name
        In the report; by default that of the file.
    """

    path: Path
    sha256: str
    unmatched: int = 0
    name: str = ""

    def token_counts(self, texts: Sequence[str]) -> IntArray:
        """Count each text as one: the length does not matter to a lookup."""
        return np.ones(len(texts), dtype=np.int64)

    def read(self, texts: Sequence[str], asks: Sequence[Ask]) -> list[Reading]:
        """Look the texts up."""
        return [self._answer(ask.request) for ask in asks]

    @abstractmethod
    def _answer(self, request: Request) -> Reading:
        """Return what the file holds."""

    def _entry(self, architecture: str, kind: str) -> ModelEntry:
        return ModelEntry(
            name=self.name or self.path.name,
            path=self.path.as_posix(),
            fingerprint=self.sha256,
            architecture=architecture,
            reads=(kind,),
        )

    def __hash__(self) -> int:
        return hash(self.path)
