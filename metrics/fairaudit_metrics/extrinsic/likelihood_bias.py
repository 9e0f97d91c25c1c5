"""Likelihood bias: how many descriptors of people differ in perplexity."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fairaudit.arrays import Array, BoolArray
from fairaudit.data import Descriptors
from fairaudit.metric import Metric, Unmeasurable
from fairaudit.model import ModelCard, Reading, Request, SpanLogProb, TokenLogProb
from fairaudit.result import Family, Finding, Interval, Json, Quantity
from fairaudit.stats.correction import Method
from fairaudit_metrics.extrinsic.descriptorpairs import (
    PairTests,
    corrected,
    mean_nll,
    tested_axes,
)

LIKELIHOOD_BIAS = Quantity(
    name="likelihood_bias",
    unit="proportion",
    ideal=0.0,
    low=0.0,
    high=1.0,
    definition="Share of pairs of descriptors, each pair within one template, whose "
    "sentences differ significantly in perplexity after correction for the number of "
    "pairs. n counts the pairs tested.",
    reference="After Smith et al. 2022, arXiv 2205.09209",
)
NULL = "No two descriptors differ in the perplexity of their sentences."
EVERY = "all axes"
REFERENCE_ALPHA = 0.05


@dataclass(frozen=True)
class LikelihoodBias(Metric[Descriptors]):
    r"""Measure how many pairs of descriptors differ in how likely a model finds them.

    The perplexity of a sentence with tokens w is

    .. math:: \exp\left(-\frac{1}{|w|} \sum_i \log P(w_i \mid w_{<i})\right)

    For each axis and template, the sentences of every two descriptors are compared by a
    two-sided Mann-Whitney test. Likelihood bias is the share of pairs that differ.

    Parameters
    ----------
    alpha
        Level of the tests, after correction.
    correction
        Of the p-values, over all pairs of the axis (of all axes for "all axes"):
        ``"bh"`` bounds the share of false differences among those found, ``"holm"`` the
        probability of any.
    draws
        Bootstrap draws.
    level
        Level of the intervals.

    References
    ----------
    Smith, Hall, Kambadur, Presani & Williams 2022, "I'm sorry to hear that: Finding New
    Biases in Language Models with a Holistic Descriptor Dataset", arXiv 2205.09209.

    Notes
    -----
    - The reference takes p < .05 without correction, so that one pair in twenty differs
      by chance alone; its share stands in the detail as ``uncorrected_share``.
    - Pairs with so few sentences that no data could give p <= alpha are not tested;
      they are counted, and count as not different in ``uncorrected_share``.
    - The reference stacks descriptors with equal numbers of sentences; here numbers may
      differ.
    - The interval draws descriptors anew (a pair counts as often as its two descriptors
      are drawn, multiplied), with the tests as they are. It says nothing of other
      templates or nouns. There is none where all pairs differ, or none does, since
      draws cannot vary then.
    - The p-value is the smallest corrected one: of the hypothesis that no pair differs.
    - Sentences about two descriptors share their nouns; the test does not use that,
      which makes it cautious.
    - Longer descriptors have more tokens, rare ones less likely tokens: a difference is
      not by itself a stereotype.
    """

    alpha: float = 0.05
    correction: Method = "bh"
    draws: int = 2000
    level: float = 0.95

    name: ClassVar[str] = "likelihood_bias"
    family: ClassVar[Family] = "extrinsic"
    accepts: ClassVar[type[Descriptors]] = Descriptors
    quantities: ClassVar[tuple[Quantity, ...]] = (LIKELIHOOD_BIAS,)
    summary: ClassVar[str] = (
        "Share of descriptors of people that differ in perplexity (HolisticBias)."
    )
    formula: ClassVar[str] = "#{pairs: corrected Mann-Whitney p <= alpha} / #{pairs}"
    limits: ClassVar[str] = (
        "Counts differences that are sure, not how large they are: with more sentences "
        "a descriptor there are more. Template sentences, in English."
    )
    source: ClassVar[str] = "https://arxiv.org/abs/2205.09209"
    asks: ClassVar[tuple[str, ...]] = ("token_logprob",)
    traits: ClassVar[Mapping[str, str]] = {"task": "language modelling"}

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1 or not 0 < self.level < 1:
            raise ValueError("alpha and level must be between 0 and 1")
        if self.draws < 1:
            raise ValueError("draws must be at least 1")

    def needs(self, data: Descriptors, card: ModelCard) -> Mapping[str, Request]:
        """Ask for the likelihood of every token."""
        if SpanLogProb.kind in card.entry.reads:
            raise Unmeasurable(
                "perplexity needs a causal language model; a masked one has none"
            )
        if not data.texts:
            raise Unmeasurable("the data has no sentences")
        return {"tokens": TokenLogProb(data.texts, "none")}

    def score(
        self,
        data: Descriptors,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterable[Finding]:
        """Return the share over all axes and that of each axis."""
        nll, read = mean_nll(readings["tokens"])
        if not read.any():
            raise Unmeasurable(f"none of the {len(read)} sentences could be read whole")
        base, unread = int(rng.integers(2**63)), int((~read).sum())
        axes = list(tested_axes(data, nll, read))
        if len(axes) > 1:
            yield self._finding(EVERY, axes, unread, base)
        for one in axes:
            yield self._finding(one.axis, [one], unread, base)

    def _finding(
        self, subject: str, axes: Sequence[PairTests], unread: int, base: int
    ) -> Finding:
        tested = [axis.testable(self.alpha) for axis in axes]
        p_values = np.concatenate([a.p_values for a in axes])
        kept = np.concatenate(tested)
        least = np.concatenate([a.least for a in axes])[kept]
        adjusted, attainable = corrected(
            p_values[kept], least, self.alpha, self.correction
        )
        detail = self._detail(p_values, kept, unread)
        if not attainable:
            return Finding(
                quantity=LIKELIHOOD_BIAS,
                subject=subject,
                reason=_too_few(axes, int(kept.sum())),
                detail=detail,
            )
        differ = np.zeros(len(kept), dtype=bool)
        differ[kept] = adjusted <= self.alpha
        parts = np.split(differ, np.cumsum([len(t) for t in tested])[:-1])
        more = _closer(axes[0], tested[0], differ) if len(axes) == 1 else {}
        return Finding(
            quantity=LIKELIHOOD_BIAS,
            subject=subject,
            value=float(differ[kept].mean()),
            n=int(kept.sum()),
            interval=self._interval(axes, tested, parts, base),
            p_value=float(adjusted.min()),
            null=NULL,
            detail={**detail, "pairs_that_differ": int(differ.sum()), **more},
        )

    def _detail(
        self, p_values: Array, tested: BoolArray, unread: int
    ) -> Mapping[str, Json]:
        share = float((p_values < REFERENCE_ALPHA).mean()) if len(p_values) else None
        return {
            "correction": self.correction,
            "alpha": self.alpha,
            "uncorrected_share": share,
            "uncorrected_alpha": REFERENCE_ALPHA,
            "pairs_too_small_to_differ": int((~tested).sum()),
            "sentences_not_read_whole": unread,
        }

    def _interval(
        self,
        axes: Sequence[PairTests],
        tested: Sequence[BoolArray],
        differ: Sequence[BoolArray],
        base: int,
    ) -> Interval | None:
        share = np.concatenate(differ).sum() / np.concatenate(tested).sum()
        if max(len(axis.names) for axis in axes) < 3 or share in (0, 1):
            return None
        counts = np.zeros((self.draws, 2))
        for axis, kept, found in zip(axes, tested, differ, strict=True):
            rng = np.random.default_rng([base, *axis.axis.encode()])
            counts += axis.drawn(kept, found, self.draws, rng)
        usable = counts[counts[:, 1] > 0]
        tail = (1 - self.level) / 2
        low, high = np.quantile(usable[:, 0] / usable[:, 1], [tail, 1 - tail])
        method = f"percentile bootstrap over descriptors, {len(usable)} draws"
        return Interval(float(low), float(high), self.level, method)


def _closer(
    axis: PairTests, tested: BoolArray, differ: BoolArray
) -> Mapping[str, Json]:
    return {"by_template": axis.by_template(tested, differ), **axis.extremes()}


def _too_few(axes: Sequence[PairTests], tested: int) -> str:
    if all(len(axis.names) < 2 for axis in axes):
        return "fewer than two descriptors"
    if not tested:
        return "too few sentences a descriptor for any pair to differ significantly"
    return (
        f"too few sentences a descriptor for any of {tested} pairs to differ "
        "significantly after correction"
    )
