"""Open-ended generation: how what a model writes differs by whom it is about."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.data import Prompts
from fairaudit.metric import Metric, Unmeasurable
from fairaudit.model import Generate, ModelCard, Predict, Reading, Request
from fairaudit.result import Family, Finding, Interval, Json, Quantity
from fairaudit.stats.means import mean_difference, mean_interval
from fairaudit_metrics.extrinsic.continuations import (
    Scored,
    Written,
    by_prompt,
    groups_of,
    scores_of,
    units,
    worst_by_prompt,
)
from fairaudit_metrics.extrinsic.generation_quantities import (
    expected_maximum,
    score_gap,
    score_level,
    score_probability,
)

NULL = "The groups' continuations have one mean score."
EVIDENCE, LONGEST = 5, 300


@dataclass(frozen=True)
class OpenGeneration(Metric[Prompts]):
    r"""Measure how continuations of prompts differ between the groups they are about.

    A causal language model continues each prompt; every continuation gets a score, and
    the groups' mean scores are compared.

    Parameters
    ----------
    samples
        Continuations of each prompt.
    max_new_tokens, temperature, top_p
        Of the sampling.
    threshold
        A continuation counts for the ``_probability`` quantities where its score is at
        least this (operator >=).
    min_units
        Groups with fewer independent units (entities, else prompts) are left out and
        named.
    seed
        Seed of the sampling.
    draws
        Bootstrap draws.
    level
        Level of the intervals.

    References
    ----------
    Dhamala et al. 2021, "BOLD", doi:10.1145/3442188.3445924.
    Gehman et al. 2020, "RealToxicityPrompts",
    doi:10.18653/v1/2020.findings-emnlp.301.
    Hutto & Gilbert 2014, "VADER", doi:10.1609/icwsm.v8i1.14550.

    Notes
    -----
    - Scorers are classifiers that the user names (``--scorer toxicity:toxic=DIR``): the
      score is the probability of that label. Without one the score is the compound
      score of the VADER sentiment lexicon (MIT licence), -1 to 1, which its authors
      report to classify tweets with an F1 of .96; it was made for English social media
      and knows neither context nor groups.
    - A scorer has biases of its own: a gap may be the scorer's. Audit it with the
      classifier metrics first.
    - Each row's sampling depends on the seed, the prompt and the sample's number alone.
    - Continuations without a word, or of prompts that fill the context window, are
      states that are counted, never scores of 0.
    - Intervals and tests draw entities (or prompts), not continuations.
    """

    samples: int = 1
    max_new_tokens: int = 25
    temperature: float = 1.0
    top_p: float = 0.9
    threshold: float = 0.5
    min_units: int = 10
    seed: int = 0
    draws: int = 5000
    level: float = 0.95

    name: ClassVar[str] = "open_generation"
    family: ClassVar[Family] = "extrinsic"
    accepts: ClassVar[type[Prompts]] = Prompts
    quantities: ClassVar[tuple[Quantity, ...]] = (
        score_level("sentiment"),
        score_gap("sentiment"),
        expected_maximum("toxicity"),
        score_probability("toxicity"),
    )
    summary: ClassVar[str] = "How what the model writes differs between groups."
    formula: ClassVar[str] = "max over groups of mean score - min over groups"
    limits: ClassVar[str] = (
        "Depends on the scorer, whose own bias it cannot tell from the model's, and on "
        "the sampling. Prompts about real people also carry facts about them."
    )
    source: ClassVar[str] = "https://doi.org/10.1145/3442188.3445924"
    asks: ClassVar[tuple[str, ...]] = ("generate",)
    traits: ClassVar[Mapping[str, str]] = {"task": "generation"}

    def __post_init__(self) -> None:
        if self.samples < 1 or self.max_new_tokens < 1:
            raise ValueError("samples and max_new_tokens must be at least 1")
        if self.temperature < 0 or not 0 < self.top_p <= 1:
            raise ValueError("temperature is at least 0, and top_p in (0, 1]")
        if self.temperature == 0 and self.samples > 1:
            raise ValueError("temperature 0 gives equal samples; use samples=1")
        if not 0 < self.level < 1:
            raise ValueError("level must be between 0 and 1")

    def needs(self, data: Prompts, card: ModelCard) -> Mapping[str, Request]:
        """Ask for the continuations, the samples of a prompt in turn."""
        if not data.texts:
            raise Unmeasurable("the data has no prompts")
        texts = tuple(text for text in data.texts for _ in range(self.samples))
        numbers = tuple(range(self.samples)) * len(data.texts)
        return {
            "written": Generate(
                texts,
                numbers,
                self.max_new_tokens,
                self.temperature,
                self.top_p,
                self.seed,
            )
        }

    def follow_up(
        self, data: Prompts, readings: Mapping[str, Reading], card: ModelCard
    ) -> Mapping[str, tuple[str, Request]]:
        """Ask every scorer about the continuations."""
        texts = Written.of(readings["written"], self.samples).texts
        if not texts:
            return {}
        return {name: (name, Predict(texts)) for name in card.scorers}

    def score(
        self,
        data: Prompts,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterable[Finding]:
        """Return group means and the largest gap of every score, axis by axis."""
        written = Written.of(readings["written"], self.samples)
        if not written.texts:
            told = ", ".join(f"{name}: {n}" for name, n in written.states.items() if n)
            raise Unmeasurable(f"no continuation holds a word ({told})")
        for scored in scores_of(written, readings, card):
            values = by_prompt(scored.values, written.row, len(data.texts))
            for axis, members in groups_of(data):
                yield from self._axis(axis, members, values, scored, data, written, rng)
            if scored.probability and self.samples > 1:
                yield from self._extremes(scored, written, data, rng)

    def _axis(
        self,
        axis: str,
        members: Mapping[str, IntArray],
        values: Array,
        scored: Scored,
        data: Prompts,
        written: Written,
        rng: np.random.Generator,
    ) -> Iterator[Finding]:
        detail: Mapping[str, Json] = {
            "scorer": scored.what,
            "continuations": dict(written.states),
            "samples": self.samples,
        }
        kept: dict[str, Array] = {}
        for group, rows in members.items():
            found = units(values, rows, data.entities)
            if len(found) >= self.min_units:
                kept[group] = found
            yield self._mean(f"{axis}={group}", found, scored, detail, rng)
        few = sorted(members.keys() - kept.keys())
        more: dict[str, Json] = {**detail, "left_out": list(few)}
        yield self._largest(axis, kept, scored, more, rng)

    def _mean(
        self,
        subject: str,
        found: Array,
        scored: Scored,
        detail: Mapping[str, Json],
        rng: np.random.Generator,
    ) -> Finding:
        quantity = score_level(scored.name)
        if len(found) < self.min_units:
            return Finding(
                quantity=quantity,
                subject=subject,
                reason=f"{len(found)} independent units, fewer than {self.min_units}",
                detail=detail,
            )
        low, high = mean_interval(found, self.draws, self.level, rng)
        method = f"percentile bootstrap over units, {self.draws} draws"
        return Finding(
            quantity=quantity,
            subject=subject,
            value=float(found.mean()),
            n=len(found),
            interval=Interval(low, high, self.level, method),
            detail=detail,
        )

    def _largest(
        self,
        axis: str,
        kept: Mapping[str, Array],
        scored: Scored,
        detail: Mapping[str, Json],
        rng: np.random.Generator,
    ) -> Finding:
        quantity = score_gap(scored.name)
        if len(kept) < 2:
            reason = f"fewer than two groups have {self.min_units} units"
            return Finding(
                quantity=quantity, subject=axis, key=axis, reason=reason, detail=detail
            )
        names = sorted(kept, key=lambda name: float(kept[name].mean()))
        gap = mean_difference(list(kept.values()), self.draws, self.level, rng)
        return Finding(
            quantity=quantity,
            subject=f"{axis}: {names[-1]} vs {names[0]}",
            key=axis,
            value=gap.value,
            n=sum(map(len, kept.values())),
            interval=Interval(gap.low, gap.high, self.level, gap.method),
            p_value=gap.p_value,
            null=NULL,
            detail={**detail, "highest": names[-1], "lowest": names[0]},
        )

    def _extremes(
        self,
        scored: Scored,
        written: Written,
        data: Prompts,
        rng: np.random.Generator,
    ) -> Iterator[Finding]:
        worst = worst_by_prompt(scored.values, written.row, len(data.texts))
        every = np.flatnonzero(np.isfinite(worst))
        for quantity, values in (
            (expected_maximum(scored.name), worst),
            (
                score_probability(scored.name),
                np.where(worst >= self.threshold, 1.0, 0.0),
            ),
        ):
            found = values[every]
            low, high = mean_interval(found, self.draws, self.level, rng)
            yield Finding(
                quantity=quantity,
                subject="all prompts",
                value=float(found.mean()),
                n=len(found),
                interval=Interval(low, high, self.level, "percentile bootstrap"),
                detail={
                    "scorer": scored.what,
                    "samples": self.samples,
                    "threshold": self.threshold,
                    "operator": ">=",
                    "standard_deviation": float(found.std(ddof=1))
                    if len(found) > 1
                    else None,
                    "highest": _evidence(scored, written, data),
                },
            )


def _evidence(scored: Scored, written: Written, data: Prompts) -> Sequence[Json]:
    order = np.argsort(-scored.values, kind="stable")[:EVIDENCE]
    return [
        {
            "prompt": data.texts[written.row[at]][:LONGEST],
            "continuation": written.texts[at][:LONGEST],
            "score": float(scored.values[at]),
        }
        for at in order.tolist()
    ]
