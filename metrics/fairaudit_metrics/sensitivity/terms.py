"""Terms of a list in the texts, and the texts with their terms swapped."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fairaudit.arrays import IntArray
from fairaudit.data import Examples
from fairaudit.model import Spans
from fairaudit.perturbation import AXES, Perturber, TermList, read_terms, term_list
from fairaudit.perturbation.lexicon import Lexicon


@dataclass(frozen=True)
class Swaps:
    """Texts with their terms swapped, a row each.

    Parameters
    ----------
    rows
        Shape (m,): the text of each row.
    texts
        What it became.
    left_out
        How many texts have no swap, by reason.
    """

    rows: IntArray
    texts: tuple[str, ...]
    left_out: dict[str, int]


def listed(terms: str | None, axis: str | None, data: Examples) -> TermList | None:
    """Return the list of terms, None where none is known.

    Without the parameter `terms`, the bundled list of the PSM's axis or else of the
    first axis of the data that has one.
    """
    if terms in AXES:
        return term_list(str(terms))
    if terms is not None:
        return read_terms(Path(terms))
    axes = (axis,) if axis else tuple(data.axes)
    found = next((name for name in axes if name in AXES), None)
    return term_list(found) if found else None


def mentions(terms: TermList, texts: Sequence[str]) -> tuple[Spans, ...]:
    """Return the character offsets of all listed terms, text by text."""
    lexicon = Lexicon.of(terms)
    return tuple(
        tuple(mention.span for mention in lexicon.find(text).mentions) for text in texts
    )


def swaps(terms: TermList, texts: Sequence[str]) -> Swaps:
    """Swap the terms of each text into every other group."""
    found = Perturber(terms).swap(texts)
    left_out = dict(found.reason_counts)
    if none := found.counts["no term"]:
        left_out["no listed term"] = none
    return Swaps(found.rows, found.texts, left_out)
