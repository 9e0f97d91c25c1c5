"""Log probability bias scores: words of groups and attributes in one sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from fairaudit.arrays import Array
from fairaudit.result import Quantity
from fairaudit_metrics.intrinsic.slotassociation import SlotAssociation, effect_quantity
from fairaudit_metrics.intrinsic.slotscores import increase_of_sets, increase_of_words
from fairaudit_metrics.intrinsic.slottest import Slot

LPBS_EFFECT_SIZE = effect_quantity(
    "the increase in log-probability of the target words X by the attribute, less that "
    "of Y",
    "Kurita et al. 2019, doi:10.18653/v1/W19-3823",
)
ILPS_EFFECT_SIZE = effect_quantity(
    "its mean increase in log-probability by the target words X, less that by Y",
    "Cao et al. 2022, arXiv:2203.13928",
)


@dataclass(frozen=True)
class LPBS(SlotAssociation):
    r"""Measure how attributes change the probability of the words of two groups.

    In a sentence such as "[target] is a [attribute]" the target is masked. With the
    words t of a set T

    .. math:: \mathrm{ILPS}(T, a) = \log \frac{\sum_{t \in T} P(t \mid a)}
              {\sum_{t \in T} P(t \mid \text{attribute masked too})}, \quad
              \mathrm{LPBS}(a) = \mathrm{ILPS}(X, a) - \mathrm{ILPS}(Y, a)

    both read at the target's mask, and over the attributes

    .. math:: d = \frac{\mathrm{mean}_{a \in A} \mathrm{LPBS}(a)
              - \mathrm{mean}_{b \in B} \mathrm{LPBS}(b)}
              {\mathrm{std}_{A \cup B} \mathrm{LPBS}}

    with ddof=1. 0 is neutral; positive means that X goes with A.

    Parameters
    ----------
    tests
        Names such as ``"C6+C8"`` (plus signs or spaces between them) of the tests of
        ``weat``; empty: those about people whose lists are short (C5, C6, C7, C8, C10),
        or all tests of `test_file`. In C7 and C8 the words for men and women are the
        targets here.
    test_file
        JSON file with tests of your own, as for ``weat``; a set may say of which
        ``"kind"`` its words are.
    pieces
        What the probability of a word of several tokens is. ``"chain"``: the product of
        the probabilities of its tokens, revealed from left to right, one mask in place
        of the token and all later ones; ``"first"``: that of its first token;
        ``"skip"``: such words are left out.
    max_missing
        A test is not run where a set loses a larger share of its words.
    level
        Level of the interval.

    References
    ----------
    Kurita, Vyas, Pareek, Black & Tsvetkov 2019, "Measuring Bias in Contextualized Word
    Representations", doi:10.18653/v1/W19-3823.

    Notes
    -----
    One mask stands in place of the hidden attribute, however many tokens it has, so
    that the prior is the same for all attributes in one sentence. Deviations:

    - The prior is read at the target's mask, as the paper defines it. The authors' code
      reads it at the attribute's, and where it takes the last mask, one token to the
      left: mostly the verb.
    - No constant is added to the standard deviation; that code adds 1e-8. Where all
      attributes have one score there is a reason instead of a number.
    - That code takes the first token of a word (``pieces=first``).
    - The p-value permutes attributes between A and B: up to 20,000 partitions all are
      enumerated, else 100,000 are drawn and the observed one is counted among them.
      That code draws, counts strictly more extreme partitions only, and can give 0.
    - The sentences are our own, three for each pair of words, over which LPBS is
      averaged; numbers differ from published ones.
    - The interval is our own: a percentile bootstrap that draws attributes anew within
      A and within B.
    """

    name: ClassVar[str] = "lpbs"
    quantities: ClassVar[tuple[Quantity, ...]] = (LPBS_EFFECT_SIZE,)
    summary: ClassVar[str] = "How attributes change the probability of words of groups."
    formula: ClassVar[str] = (
        "d = (mean_A LPBS - mean_B LPBS) / std_AB LPBS, LPBS(a) = log P(X | a) / P(X) "
        "- log P(Y | a) / P(Y)"
    )
    limits: ClassVar[str] = (
        "Depends on the sentences, on few words, and on how the tokenizer cuts them; "
        "the sum over a set is governed by its most likely words."
    )
    source: ClassVar[str] = "https://doi.org/10.18653/v1/W19-3823"
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "association",
        "task": "language modelling",
    }
    predicted: ClassVar[Slot] = "target"

    def increase(self, filled: Array, prior: Array) -> Array:
        """Return the increase of the set's summed probability."""
        return increase_of_sets(filled, prior)


@dataclass(frozen=True)
class ILPS(SlotAssociation):
    r"""Measure how words of two groups change the probability of attributes.

    In a sentence such as "[target] is a [attribute]" the attribute is masked:

    .. math:: \mathrm{ILPS}(t, a) = \log \frac{P(a \mid t)}
              {P(a \mid \text{target masked too})}

    both read at the attribute's mask. The score of an attribute is the mean over the
    targets X less that over Y, and over the attributes

    .. math:: d = \frac{\mathrm{mean}_{a \in A} s(a) - \mathrm{mean}_{b \in B} s(b)}
              {\mathrm{std}_{A \cup B} s}, \quad
              s(a) = \mathrm{mean}_{t \in X} \mathrm{ILPS}(t, a)
              - \mathrm{mean}_{t \in Y} \mathrm{ILPS}(t, a)

    with ddof=1. 0 is neutral; positive means that X goes with A. ``lpbs`` predicts in
    the other direction: the two are not to be compared.

    Parameters
    ----------
    tests
        Names such as ``"C6+C8"`` (plus signs or spaces between them) of the tests of
        ``weat``; empty: those about people whose lists are short (C5, C6, C7, C8, C10),
        or all tests of `test_file`. In C7 and C8 the words for men and women are the
        targets here.
    test_file
        JSON file with tests of your own, as for ``weat``; a set may say of which
        ``"kind"`` its words are.
    pieces
        What the probability of a word of several tokens is, as for ``lpbs``.
    max_missing
        A test is not run where a set loses a larger share of its words.
    level
        Level of the interval.

    References
    ----------
    Cao, Pruksachatkun, Chang, Gupta, Kumar, Dhamala & Galstyan 2022, "On the Intrinsic
    and Extrinsic Fairness Evaluation Metrics for Contextualized Language
    Representations", arXiv:2203.13928, who mask the attribute; Kurita et al. 2019,
    doi:10.18653/v1/W19-3823, for the effect size.

    Notes
    -----
    One mask stands in place of the hidden target, however many tokens it has.
    Deviations:

    - The paper reports the variance over groups of a score for each; we compare two
      groups by the effect size of Kurita et al. How the words of one group are put
      together is our choice: the mean of their log-ratios.
    - p-value, interval and sentences are as for ``lpbs``.
    """

    name: ClassVar[str] = "ilps"
    quantities: ClassVar[tuple[Quantity, ...]] = (ILPS_EFFECT_SIZE,)
    summary: ClassVar[str] = "How words of groups change the probability of attributes."
    formula: ClassVar[str] = (
        "d = (mean_A s - mean_B s) / std_AB s, s(a) = mean_X log P(a | t) / P(a) - "
        "mean_Y log P(a | t) / P(a)"
    )
    limits: ClassVar[str] = (
        "Depends on the sentences, on few words, and on how the tokenizer cuts them."
    )
    source: ClassVar[str] = "https://arxiv.org/abs/2203.13928"
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "association",
        "task": "language modelling",
    }
    predicted: ClassVar[Slot] = "attribute"

    def increase(self, filled: Array, prior: Array) -> Array:
        """Return the mean increase by the words of the set."""
        return increase_of_words(filled, prior)
