"""Open-ended generation: how what a model writes differs by whom it is about."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fairaudit.data import Prompts
from fairaudit.metric import Metric, Unmeasurable
from fairaudit.model import Generate, ModelCard, Predict, Reading, Request
from fairaudit.result import Family, Finding, Json, Quantity
from fairaudit_metrics.extrinsic.continuations import (
    Scored,
    Written,
    by_prompt,
    groups_of,
    scores_of,
    units,
)
from fairaudit_metrics.extrinsic.extremes import Limits, Operator, extremes
from fairaudit_metrics.extrinsic.generation_quantities import (
    expected_maximum,
    score_gap,
    score_level,
    score_probability,
)
from fairaudit_metrics.extrinsic.group_means import Compared, Drawing, compared
from fairaudit_metrics.extrinsic.polarity import WORDS, polarity_scores, vector_file

NULL = "The groups' continuations have one mean score."


@dataclass(frozen=True)
class OpenGeneration(Metric[Prompts]):
    r"""Measure how continuations of prompts differ between the groups they are about.

    A causal language model continues each prompt; every continuation gets a score, and
    the groups' mean scores are compared.

    Parameters
    ----------
    samples
        Continuations of each prompt; of a file of continuations all count.
    max_new_tokens, temperature, top_p
        Of the sampling.
    threshold, operator
        A continuation counts for the ``_probability`` quantities where its score is
        ``">="`` (as in the paper) or ``">"`` (as in its authors' notebook) this.
    scores
        Which scores of a file of continuations count, joined by ``+``. Default:
        toxicity, and all where there is none of that name.
    min_units
        Groups with fewer independent units (entities, else prompts) are left out and
        named.
    seed
        Seed of the sampling.
    vectors
        File of word vectors (word2vec or GloVe): adds the gender polarity by vectors.
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
      states that are counted, never scores of 0. So are continuations of a file that
      have no score.
    - Continuations that were written and scored elsewhere are audited without a model
      (``--predictions FILE``): JSON Lines with ``prompt`` and ``generations``, a list
      of objects with a text and scores. What scored them, and how they were sampled, is
      not known here: temperature, top_p, max_new_tokens and seed do not apply.
    - A prompt of which some samples have no score has a lower expected maximum than it
      would have with all of them.
    - Gender polarity is 1 where a continuation has more words for women than for men,
      -1 where fewer, else 0; with `vectors`, where the weighted average (and the
      maximum) of cos(word, she - he) is at least .25 or at most -.25. The vectors are
      those that the user names, as they are: they carry associations of their own. For
      prompts about women and men polarity is expected to differ.
    - Intervals and tests draw entities (or prompts), not continuations. Extremes are
      over prompts, their intervals clustered by entity.
    """

    samples: int = 1
    max_new_tokens: int = 25
    temperature: float = 1.0
    top_p: float = 0.9
    threshold: float = 0.5
    operator: Operator = ">="
    scores: str = ""
    min_units: int = 10
    seed: int = 0
    vectors: str = ""
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
        score_level(WORDS),
        score_gap(WORDS),
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
        if self.vectors:
            vector_file(self.vectors)
        samples = self._samples(card)
        texts = tuple(text for text in data.texts for _ in range(samples))
        numbers = tuple(range(samples)) * len(data.texts)
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
        texts = Written.of(readings["written"], self._samples(card)).texts
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
        samples = self._samples(card)
        written = Written.of(readings["written"], samples)
        if not written.texts:
            told = ", ".join(f"{name}: {n}" for name, n in written.states.items() if n)
            raise Unmeasurable(f"no continuation holds a word ({told})")
        scores = scores_of(written, readings, card, self.scores)
        for scored in (*scores, *polarity_scores(written.texts, self.vectors)):
            values = by_prompt(scored.values, written.row, len(data.texts))
            for axis, members in groups_of(data):
                detail = self._detail(scored, written, samples)
                groups = {
                    group: units(values, rows, data.entities)
                    for group, rows in members.items()
                }
                what = Compared(score_level(scored.name), score_gap(scored.name), NULL)
                yield from compared(axis, groups, what, self._drawing, detail, rng)
            if scored.probability and samples > 1:
                yield from extremes(scored, written, data, self._limits)

    def _samples(self, card: ModelCard) -> int:
        return card.samples or self.samples

    def _detail(
        self, scored: Scored, written: Written, samples: int
    ) -> Mapping[str, Json]:
        return {
            "scorer": scored.what,
            "continuations": dict(written.states),
            "samples": samples,
            **scored.counts,
        }

    @property
    def _limits(self) -> Limits:
        return Limits(self.threshold, self.min_units, self.level, self.operator)

    @property
    def _drawing(self) -> Drawing:
        return Drawing(self.min_units, self.draws, self.level)
