"""Sentences that describe people, for the likelihood of descriptors."""

from dataclasses import dataclass
from typing import ClassVar

from fairaudit.data.base import Data


@dataclass(frozen=True, kw_only=True)
class Descriptors(Data):
    """Sentences made of templates, each about people with a descriptor.

    A *cell* is what one descriptor of an axis has in one template: the sentences that
    differ in the noun alone.

    Parameters
    ----------
    texts
        One sentence a row.
    axis
        What the descriptor is about, such as ``"religion"``.
    descriptors
        Such as ``"Hindu"``.
    templates
        The sentence with a slot for the people.
    """

    kind: ClassVar[str] = "descriptors"
    texts: tuple[str, ...]
    axis: tuple[str, ...]
    descriptors: tuple[str, ...]
    templates: tuple[str, ...]
