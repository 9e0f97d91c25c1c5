"""What a swap of terms yields."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from fairaudit.arrays import IntArray

State: TypeAlias = Literal["swapped", "no term", "ambiguous", "asymmetric"]
STATES: tuple[State, ...] = ("swapped", "no term", "ambiguous", "asymmetric")


@dataclass(frozen=True, kw_only=True)
class Swapped:
    """Texts with the terms of one group replaced by those of another.

    Parameters
    ----------
    axis
        Axis of the terms.
    rows
        Shape (m,): the source text of each new text.
    texts
        The m new texts.
    from_groups, to_groups
        Which group the source of each new text names, and which the new text.
    changes
        Shape (m,): how many spans of the source each new text changes.
    old_spans, new_spans
        Shape (changes.sum(), 2): where those spans stand in the source and in the new
        text, as character offsets with the end exclusive.
    states
        What became of each of the n source texts: ``"swapped"`` into one new text or
        more; it has ``"no term"``; it is ``"ambiguous"``, for no rule decides; or
        ``"asymmetric"``, for a swap would make no sense.
    reasons
        Why a source text was not swapped, "" where it was or has no term.
    left_out
        Of the texts that were swapped, how many further variants were not made, by
        reason.
    """

    axis: str
    rows: IntArray
    texts: tuple[str, ...]
    from_groups: tuple[str, ...]
    to_groups: tuple[str, ...]
    changes: IntArray
    old_spans: IntArray
    new_spans: IntArray
    states: tuple[State, ...]
    reasons: tuple[str, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> Mapping[State, int]:
        """Source texts by state."""
        found = Counter(self.states)
        return {state: found[state] for state in STATES}

    @property
    def reason_counts(self) -> Mapping[str, int]:
        """Source texts that were not swapped though they have a term, by reason."""
        return dict(sorted(Counter(filter(None, self.reasons)).items()))
