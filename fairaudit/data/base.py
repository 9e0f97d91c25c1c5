"""What every dataset has."""

from dataclasses import dataclass, replace
from typing import ClassVar

from fairaudit.result import DatasetEntry


@dataclass(frozen=True, kw_only=True)
class Data:
    """Any dataset: `card` is what the report says of it."""

    card: DatasetEntry
    kind: ClassVar[str] = "data"

    def named(self, name: str) -> "Data":
        """Return the same data under another name."""
        return replace(self, card=replace(self.card, name=name))


@dataclass(frozen=True, kw_only=True)
class BuiltIn(Data):
    """No data: what a metric accepts that brings its own stimuli along."""

    kind: ClassVar[str] = "built-in"


BUILT_IN = BuiltIn(
    card=DatasetEntry(name="built-in", kind=BuiltIn.kind, n=0, sha256="")
)
