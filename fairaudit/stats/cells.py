"""Confusion tables of groups, and the rates that are read from them.

A decision depends on a row only by its cell: the groups it is in, its label and the
decision taken. Counts of cells are therefore all that is kept and resampled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray

PER_CLASS: Final = 4
"""Rates of each class: selection, true positive, false positive, predictive value."""


@dataclass(frozen=True)
class Cells:
    """Rows counted by membership pattern, label and decision.

    Parameters
    ----------
    member
        Shape (patterns, groups): the groups of each pattern.
    counts
        Shape (patterns, labels, decisions).
    """

    member: BoolArray
    counts: IntArray

    @cached_property
    def tables(self) -> IntArray:
        """Shape (groups, labels, decisions): the confusion table of each group."""
        return np.stack([self.counts[inside].sum(axis=0) for inside in self.member.T])


def count_cells(
    member: BoolArray,
    code: IntArray,
    label: IntArray,
    decision: IntArray,
    classes: tuple[int, int] = (2, 2),
) -> Cells:
    """Count rows by membership pattern, label and decision.

    Parameters
    ----------
    member
        Shape (patterns, groups).
    code
        Shape (n,): the pattern of each row.
    label, decision
        Shape (n,): numbers from 0 on; truth values will do.
    classes
        How many labels and how many decisions there are.
    """
    labels, decisions = classes
    cell = (code * labels + label) * decisions + decision
    counts = np.bincount(cell, minlength=len(member) * labels * decisions)
    return Cells(member, counts.reshape(len(member), labels, decisions))


@dataclass(frozen=True)
class Rates:
    """Rates of a confusion table, each the sum of some cells over that of others.

    Parameters
    ----------
    part, whole
        Shape (rates, cells): the cells of numerator and denominator.
    """

    part: BoolArray
    whole: BoolArray

    def count(self, tables: IntArray) -> tuple[IntArray, IntArray]:
        """Return numerators and denominators, shape (rates, groups)."""
        flat = tables.reshape(len(tables), -1).T
        return self.part.astype(np.int64) @ flat, self.whole.astype(np.int64) @ flat


def one_vs_rest(rated: Sequence[int], classes: int) -> Rates:
    """Return four rates of each class against the others, and accuracy last.

    With c the class, y the label and d the decision: P(d = c), P(d = c | y = c),
    P(d = c | y != c), P(y = c | d = c); accuracy is P(d = y).
    """
    label, decision = np.divmod(np.arange(classes**2), classes)
    every = np.ones(classes**2, dtype=bool)
    part, whole = [], []
    for number in rated:
        is_class, chosen = label == number, decision == number
        part += [chosen, chosen & is_class, chosen & ~is_class, chosen & is_class]
        whole += [every, is_class, ~is_class, chosen]
    return Rates(np.array([*part, label == decision]), np.array([*whole, every]))


def true_positive_rates(labels: int) -> Rates:
    """Return P(right | y) of each label, of tables whose decision 1 is "right"."""
    label, right = np.divmod(np.arange(2 * labels), 2)
    whole = label == np.arange(labels)[:, None]
    return Rates(whole & (right == 1), whole)


def ratio(part: Array | IntArray, whole: Array | IntArray) -> Array:
    """Divide; NaN where the denominator is not positive."""
    found = np.full(np.broadcast(part, whole).shape, np.nan)
    np.divide(part, whole, out=found, where=whole > 0)
    return found
