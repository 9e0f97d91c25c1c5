"""What a dataset format is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairaudit.data.base import Data


@dataclass(frozen=True)
class Reader(ABC):
    """Reads one dataset format: a frozen dataclass whose fields are its options.

    `licence` and `source` are those of the published data. A `general` format claims
    files that may also be of a more special one; then that one is taken. `traits` are
    those of every file of the format, as in `fairaudit.result.Record`.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    columns: ClassVar[Mapping[str, str]]
    licence: ClassVar[str] = ""
    source: ClassVar[str] = ""
    general: ClassVar[bool] = False
    traits: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def claims(self, path: Path) -> bool:
        """Tell whether the file looks like this format, from its name and its head."""

    @abstractmethod
    def read(self, path: Path, limit: int | None, rng: np.random.Generator) -> Data:
        """Read the file; `limit` keeps a seeded sample of that many rows.

        Raises
        ------
        AuditError
            Where the file cannot be used: what, in which file and line, how to mend it.
        """
