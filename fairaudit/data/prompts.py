"""Beginnings of texts that a language model continues."""

from dataclasses import dataclass
from typing import ClassVar

from fairaudit.data.base import Data


@dataclass(frozen=True, kw_only=True)
class Prompts(Data):
    """Prompts about groups.

    Parameters
    ----------
    texts
        One prompt a row.
    axis, groups
        What each prompt is about, such as ``"gender"`` and ``"women"``.
    entities
        Whom or what a prompt names; rows with an equal entity depend on one another.
    """

    kind: ClassVar[str] = "prompts"
    texts: tuple[str, ...]
    axis: tuple[str, ...]
    groups: tuple[str, ...]
    entities: tuple[str, ...] = ()
