"""Swap the terms of a text that name a group for those of another group."""

from fairaudit.perturbation.listfile import read_terms
from fairaudit.perturbation.perturber import Perturber
from fairaudit.perturbation.swapped import State, Swapped
from fairaudit.perturbation.terms import AXES, Term, TermList, term_list

__all__ = [
    "AXES",
    "Perturber",
    "State",
    "Swapped",
    "Term",
    "TermList",
    "read_terms",
    "term_list",
]
