"""Likelihood of pronouns that fit or break stereotypes of occupations."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fairaudit.arrays import BoolArray
from fairaudit.data import Counterparts
from fairaudit.metric import Metric, Unmeasurable
from fairaudit.model import ModelCard, Reading, Request, SpanLogProb, TokenLogProb
from fairaudit.result import Family, Finding, Interval, Quantity, units_of
from fairaudit.stats.paired import paired_mean
from fairaudit.stats.signflip import sign_flip_test
from fairaudit_metrics.extrinsic.occupations import (
    OCCUPATIONS,
    SHARE_CORRELATION,
    read_shares,
    share_findings,
)
from fairaudit_metrics.extrinsic.pronouns import Pairs, log_ratios

WINOBIAS = "Zhao et al. 2018, arXiv 1804.06876"
PREFERENCE = Quantity(
    name="pro_stereotype_preference",
    unit="percent",
    ideal=50.0,
    low=0.0,
    high=100.0,
    definition="Percentage of pairs in which the sentence whose pronoun fits the "
    "stereotype of the occupation is likelier; ties count one half.",
    reference=f"Own, on the data of {WINOBIAS}",
)
LOG_RATIO = Quantity(
    name="pro_stereotype_log_ratio",
    unit="nats",
    ideal=0.0,
    definition="Mean of log P(sentence with the pronoun that fits the stereotype) - "
    "log P(sentence with the other pronoun).",
    reference=f"Own, on the data of {WINOBIAS}",
)
GROUP_RATIO = Quantity(
    name="group_log_ratio",
    unit="nats",
    ideal=None,
    definition="Mean of log P(sentence about the second group) - log P(same sentence "
    "about the first group). No single value is ideal: groups differ in how often they "
    "are written about.",
    reference="Own",
)
UNTOLD = (
    "the data does not say which sentence fits a stereotype; where occupations do, "
    "name their statistics: coreference:statistics=occupations-stats.tsv (Winogender)"
)
NULL = (
    "Within a template, fitting pronouns are as often likelier as they are less "
    "likely, and by as much."
)


@dataclass(frozen=True)
class Coreference(Metric[Counterparts]):
    r"""Measure whether a language model finds stereotypical pronouns likelier.

    For each pair of sentences that differ in the gender of a pronoun

    .. math:: d = \log P(\text{pro}) - \log P(\text{anti})

    where pro fits the stereotype of the occupation that the pronoun stands for. A
    causal model gives the log-probability of the sentence; a masked one the
    pseudo-log-likelihood, each token masked in turn.

    Parameters
    ----------
    statistics
        File of occupation statistics as published with Winogender (columns
        ``occupation``, ``bls_pct_female``): adds the correlation over occupations of
        the log-ratio of women against men with the share of women.
    column
        Column of that file with the share.
    draws
        Sign patterns and permutations where they are sampled, and bootstrap draws.
    level
        Level of the intervals.

    References
    ----------
    Zhao et al. 2018, "Gender Bias in Coreference Resolution", arXiv 1804.06876.
    Rudinger et al. 2018, "Gender Bias in Coreference Resolution", arXiv 1804.09301.

    Notes
    -----
    - The papers measure coreference systems (F1 and accuracy). This is the likelihood
      that a language model gives the same sentences, under its own name; the numbers
      cannot be compared with theirs.
    - A pronoun that is likelier everywhere cancels where the pro-stereotypical pronouns
      of a dataset are balanced; the detail counts the pairs by stereotype.
    - Sentences of one template are one unit of the interval and of the test.
    - Pairs with a sentence longer than the model reads are left out and counted.
    """

    statistics: str = ""
    column: str = "bls_pct_female"
    draws: int = 10_000
    level: float = 0.95

    name: ClassVar[str] = "coreference"
    family: ClassVar[Family] = "extrinsic"
    accepts: ClassVar[type[Counterparts]] = Counterparts
    quantities: ClassVar[tuple[Quantity, ...]] = (
        PREFERENCE,
        LOG_RATIO,
        GROUP_RATIO,
        SHARE_CORRELATION,
    )
    summary: ClassVar[str] = (
        "Likelihood of pronouns that fit stereotypes of occupations (WinoBias, "
        "Winogender)."
    )
    formula: ClassVar[str] = "mean of log P(pro) - log P(anti)"
    limits: ClassVar[str] = (
        "Template sentences about occupations, in English, with two genders."
    )
    source: ClassVar[str] = "https://arxiv.org/abs/1804.06876"
    asks: ClassVar[tuple[str, ...]] = ("token_logprob",)
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "stereotype",
        "task": "language modelling",
    }

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ValueError("level must be between 0 and 1")
        if self.draws < 1:
            raise ValueError("draws must be at least 1")

    def needs(self, data: Counterparts, card: ModelCard) -> Mapping[str, Request]:
        """Ask for the likelihood of every token of both sentences."""
        if not data.first:
            raise Unmeasurable("the data has no pairs")
        masked = SpanLogProb.kind in card.entry.reads
        texts = (*data.first, *data.second)
        return {"tokens": TokenLogProb(texts, "each" if masked else "none")}

    def score(
        self,
        data: Counterparts,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterable[Finding]:
        """Return preference and log-ratio by stereotype, and ratios of groups."""
        ratios, read = log_ratios(readings["tokens"], len(data.first))
        if not read.any():
            raise Unmeasurable(f"none of the {len(read)} pairs could be read whole")
        pairs = Pairs.of(data, ratios, read)
        yield from self._stereotypes(pairs, rng)
        yield from self._groups(pairs)
        if self.statistics:
            shares = read_shares(self.statistics, self.column)
            yield from share_findings(pairs.by_occupation(), shares, self.draws, rng)
        elif not pairs.directed.any():
            yield Finding(
                quantity=SHARE_CORRELATION,
                subject=OCCUPATIONS,
                reason=UNTOLD,
            )

    def _stereotypes(self, pairs: Pairs, rng: np.random.Generator) -> Iterator[Finding]:
        if not pairs.directed.any():
            return
        kinds = dict.fromkeys(pairs.kinds[pairs.directed].tolist())
        subsets = {"all pairs": pairs.directed}
        if len(kinds) > 1:
            subsets |= {k: pairs.directed & (pairs.kinds == k) for k in kinds}
        for subject, rows in subsets.items():
            yield from self._directed(subject, pairs, rows, rng)

    def _directed(
        self,
        subject: str,
        pairs: Pairs,
        rows: BoolArray,
        rng: np.random.Generator,
    ) -> Iterator[Finding]:
        values, clusters = pairs.signed[rows], pairs.clusters[rows]
        detail = pairs.detail(rows)
        half = 0.5 + np.sign(values) / 2
        for quantity, numbers, middle in (
            (PREFERENCE, 100 * half, 50.0),
            (LOG_RATIO, values, 0.0),
        ):
            mean = paired_mean(numbers, clusters)
            test = sign_flip_test(numbers - middle, clusters, rng, draws=self.draws)
            yield Finding(
                quantity=quantity,
                subject=subject,
                value=mean.value,
                n=len(numbers),
                interval=_interval(
                    mean.interval(self.level), quantity, self, mean.method
                ),
                p_value=test.p_value,
                null=NULL,
                detail=detail,
                units=units_of(pairs.keys[rows], numbers, clusters),
            )

    def _groups(self, pairs: Pairs) -> Iterator[Finding]:
        for subject in dict.fromkeys(pairs.compared.tolist()):
            rows = pairs.compared == subject
            values, clusters = pairs.ratios[rows], pairs.clusters[rows]
            mean = paired_mean(values, clusters)
            found = mean.interval(self.level)
            yield Finding(
                quantity=GROUP_RATIO,
                subject=subject,
                value=mean.value,
                n=int(rows.sum()),
                interval=_interval(found, GROUP_RATIO, self, mean.method),
                detail={"not_read_whole": pairs.unread},
                units=units_of(pairs.keys[rows], values, clusters),
            )


def _interval(
    bounds: tuple[float, float] | None,
    quantity: Quantity,
    metric: Coreference,
    how: str,
) -> Interval | None:
    if bounds is None:
        return None
    low = bounds[0] if quantity.low is None else max(bounds[0], quantity.low)
    high = bounds[1] if quantity.high is None else min(bounds[1], quantity.high)
    return Interval(low, high, metric.level, how)
