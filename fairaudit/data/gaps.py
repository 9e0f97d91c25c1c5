"""Sentences about groups with a gap that a language model fills."""

from dataclasses import dataclass
from typing import ClassVar

from fairaudit.data.base import Data


@dataclass(frozen=True, kw_only=True)
class Gaps(Data):
    """Sentences with one gap.

    Parameters
    ----------
    before, after
        The sentence up to the gap, and from there on.
    axis, groups
        Whom each sentence is about, such as ``"identity"`` and ``"female"``.
    """

    kind: ClassVar[str] = "gaps"
    before: tuple[str, ...]
    after: tuple[str, ...]
    axis: tuple[str, ...]
    groups: tuple[str, ...]
