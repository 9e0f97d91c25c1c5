"""Word Embedding Association Test."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from fairaudit.result import Quantity
from fairaudit_metrics.intrinsic.textassociation import (
    TextAssociation,
    effect_quantity,
)

EFFECT_SIZE = effect_quantity(
    "words alone", "Caliskan, Bryson & Narayanan 2017, doi:10.1126/science.aal4230"
)


@dataclass(frozen=True)
class WEAT(TextAssociation):
    r"""Measure how vectors of single words associate targets with attributes.

    .. math:: d = \frac{\mathrm{mean}_{x \in X} s(x) - \mathrm{mean}_{y \in Y} s(y)}
              {\mathrm{std}_{w \in X \cup Y} s(w)}, \quad
              s(w) = \mathrm{mean}_{a \in A} \cos(w, a)
              - \mathrm{mean}_{b \in B} \cos(w, b)

    with ddof=1. 0 is neutral; positive means X goes with A. Of a file of static vectors
    each word has its vector; an encoder reads each word as a text of its own.

    Parameters
    ----------
    tests
        Names such as ``"C6+C8"`` (plus signs or spaces between them); empty: C1 to C10
        and I1 to I4, or all tests of `test_file`.
    test_file
        JSON file with tests of your own, `{name: {"X": {"name", "words"}, "Y", "A",
        "B"}}`, or one test in the format of May et al. 2019.
    max_missing
        A test is not run where a set loses a larger share of its words.
    layer
        Hidden layer, 0 the embedding output, -1 the last.
    pool
        How an encoder's sub-tokens make a vector: their mean, the first or the last one
        (special tokens do not count), or ``"cls"``, the first position of the input.
    level
        Level of the interval.

    References
    ----------
    Caliskan, Bryson & Narayanan 2017, "Semantics derived automatically from language
    corpora contain human-like biases", doi:10.1126/science.aal4230.
    May et al. 2019, doi:10.18653/v1/N19-1063 (ties count as hits).

    Notes
    -----
    On the GoogleNews word2vec vectors (``fairaudit evaluate --vectors FILE --metric
    weat``) C1 to C9 give 1.54, 1.63, 0.58, 1.31, 0.72, 1.89, 0.97, 1.24 and 1.30: what
    the paper has to two decimals, but for C4, whose published number could not be
    confirmed (16 names a group in place of 18 give 1.24 there, and 0.54 in C5).

    Deviations from the paper:

    - The p-value is two-sided: the share of partitions of the words into sets of these
      sizes whose difference is at least as large in absolute value. Up to 20,000
      partitions all are enumerated, else 100,000 are drawn and the observed one is
      counted among them. The one-sided p-value of the paper is in the detail, by both
      tie rules: the paper counts greater partitions only, so that it can be 0; May et
      al. count ties too.
    - The interval is our own: a percentile bootstrap that draws words anew within X, Y,
      A and B. It is about the effect size of other words for the same concepts.
    - Words without a vector are left out and listed; words found in lower case only are
      listed too.
    """

    name: ClassVar[str] = "weat"
    quantities: ClassVar[tuple[Quantity, ...]] = (EFFECT_SIZE,)
    summary: ClassVar[str] = "Association of target words with attributes, word alone."
    formula: ClassVar[str] = "d = (mean_X s - mean_Y s) / std_XY s"
    limits: ClassVar[str] = (
        "Says how words are represented, not how a model treats people; depends on few "
        "words. Contextual models seldom see a word alone: prefer ceat for them."
    )
    source: ClassVar[str] = "https://doi.org/10.1126/science.aal4230"
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "association",
        "task": "representation",
    }

    def spell(self, listed: str, word: str, kind: str) -> tuple[str, ...]:
        """Return the word itself."""
        return (word,)
