"""Contextualised Embedding Association Test."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from fairaudit.data import Contexts
from fairaudit.metric import Metric, Unmeasurable
from fairaudit.model import Embed, ModelCard, Piece, Reading
from fairaudit.result import Family, Finding, Json, Quantity
from fairaudit.stats.contextdraws import Sampling
from fairaudit_metrics.intrinsic.ceatform import Form, Study
from fairaudit_metrics.intrinsic.ceatgroups import (
    ASSOCIATION_VARIANCE,
    GROUP_ASSOCIATION,
    Groups,
)
from fairaudit_metrics.intrinsic.ceattargets import COMBINED_EFFECT_SIZE, Targets
from fairaudit_metrics.intrinsic.contextpool import ContextPool
from fairaudit_metrics.intrinsic.inference import Drawing
from fairaudit_metrics.intrinsic.layers import check_layers, further_layers, main_layer
from fairaudit_metrics.intrinsic.parameters import require, require_shares
from fairaudit_metrics.intrinsic.stimuli import group_tests, tests
from fairaudit_metrics.intrinsic.wordsets import WordTest, choose

FormName: TypeAlias = Literal["targets", "group"]
_CURVE = (
    "The curve over layers describes; only the main layer is tested, so that the "
    "correction over the audit does not grow with the number of layers."
)


@dataclass(frozen=True)
class CEAT(Metric[Contexts]):
    r"""Measure how contextual vectors of words associate targets with attributes.

    Each of N draws takes one context vector of every word and computes the effect size

    .. math:: ES_i = \frac{\mathrm{mean}_{x \in X} s_i(x) - \mathrm{mean}_{y \in Y}
              s_i(y)}{\mathrm{std}_{w \in X \cup Y} s_i(w)}, \quad
              s_i(w) = \mathrm{mean}_{a \in A} \cos(w, a)
              - \mathrm{mean}_{b \in B} \cos(w, b)

    with ddof=1, and :math:`V_i = \mathrm{std}^2`. The combined effect size is the
    DerSimonian-Laird mean :math:`\sum v_i ES_i / \sum v_i`,
    :math:`v_i = 1/(V_i + \tau^2)`. 0 is neutral; positive means X goes with A.

    With ``form=group`` there are single groups G between poles A and B, and

    .. math:: ES_i = \frac{\mathrm{mean}_{a \in A} c_i(a) - \mathrm{mean}_{b \in B}
              c_i(b)}{\mathrm{std}_{v \in A \cup B} c_i(v)}, \quad
              c_i(v) = \mathrm{mean}_{g \in G} \cos(g, v),

    pooled alike; beside one number a group there is their variance over the groups of
    an axis, 0 where groups do not differ.

    Parameters
    ----------
    form
        ``"targets"``: two sets of targets; ``"group"``: single groups.
    tests
        Names such as ``"C6+C8"`` (plus signs or spaces between them): C1 to C10 and I1
        to I4; with ``form=group`` gender, race and religion, or gender-toxicity and so
        on with anti-toxic and toxic words as poles. Empty: every test of which each set
        has a word in the data.
    test_file
        JSON file with tests of your own: as for ``weat``, words only; with
        ``form=group`` ``{axis: {"A": {"name", "words"}, "B", "groups": {group:
        words}}}``.
    draws
        Number of draws N.
    min_contexts
        A word with fewer distinct contexts counts as missing.
    max_missing
        A test is not run where a set loses a larger share of its words; a group that
        does is left out.
    layer
        Hidden layer, 0 the embedding output, -1 the last.
    layers
        Further layers such as ``"0+3+6"``, or ``"all"``, for a curve from the same
        forward passes, on the same draws.
    pool
        Which sub-tokens of a word make its vector.
    sampling
        ``"with"`` replacement; ``"paper"``: without replacement for words of at least
        N contexts.
    ddof
        With ``form=group``, the variance divides by the number of groups less this.
    level
        Level of the interval.

    References
    ----------
    Guo & Caliskan 2021, "Detecting Emergent Intersectional Biases: Contextualized Word
    Embeddings Contain a Distribution of Human-like Biases",
    doi:10.1145/3461702.3462536, supplement 8.1 to 8.3.
    Caliskan, Bryson & Narayanan 2017, doi:10.1126/science.aal4230 (tests C1 to C10).
    Cao et al. 2022, "On the Intrinsic and Extrinsic Fairness Evaluation Metrics for
    Contextualized Language Representations", arXiv:2203.13928 (groups, toxic words).

    Notes
    -----
    Deviations from the papers:

    - The p-value is our own: a two-sided permutation test of words between X and Y, all
      contexts moving with their word, on the mean of :math:`ES_i` over draws. The
      paper's :math:`2(1 - \Phi(|CES/SE|))` treats draws as independent studies, so it
      shrinks as draws are added whatever the data: for words that differ by chance
      alone, 1,000 draws made it reject 93 % of 1,500 simulated tests at 5 %, where the
      permutation test rejected 4 %. The detail keeps it as
      ``paper_p_depends_on_draws``. The authors' code has a one-sided p without the
      absolute value.
    - The interval is our own: a percentile bootstrap that draws words anew within X, Y,
      A and B and contexts anew within words. It is about the expected effect size of
      sets of the same number of words from the same concepts; sets of few words give
      effect sizes nearer 0 than large sets would. It is cautious: with 8 words a set
      and 10 contexts a word, 95 % intervals covered that expectation in 98 % of 750
      simulated tests.
    - Sampling is with replacement by default, as in the authors' code.
    - The word is found by character offsets, not by the first equal sub-token.
    - Entries of the curve over layers have no p-value; the detail has it as
      ``p_value_of_this_layer``, outside the correction.
    - Cao et al. do not print the formula for one group. The one above is inferred: for
      a group of one word it is the effect size of single words of Guo & Caliskan 2021,
      and it is that of two targets with the roles of targets and attributes changed.
      They do not print ddof either; 0 is our choice, the groups being all there are.
    - The association of one group has no ideal: groups may all lean to one pole. The
      variance is tested by permuting words between the poles, all groups at once,
      which is cautious where all groups lean strongly; its interval is made of a ball
      around all groups and reaches 0 where they do not differ. Both take the group's
      word as given where it has one.
    """

    form: FormName = "targets"
    tests: str = ""
    test_file: str = ""
    draws: int = 1000
    min_contexts: int = 8
    max_missing: float = 0.2
    layer: int = -1
    layers: str = ""
    pool: Piece = "last"
    sampling: Sampling = "with"
    ddof: Literal[0, 1] = 0
    level: float = 0.95

    name: ClassVar[str] = "ceat"
    family: ClassVar[Family] = "intrinsic"
    accepts: ClassVar[type[Contexts]] = Contexts
    quantities: ClassVar[tuple[Quantity, ...]] = (
        COMBINED_EFFECT_SIZE,
        GROUP_ASSOCIATION,
        ASSOCIATION_VARIANCE,
    )
    summary: ClassVar[str] = "Association of target words with attributes in context."
    formula: ClassVar[str] = "CES = sum(v_i ES_i) / sum(v_i), v_i = 1 / (V_i + tau^2)"
    limits: ClassVar[str] = (
        "Says how words are represented, not how a model treats people; depends on the "
        "sentences and on the few words that stand for a concept."
    )
    source: ClassVar[str] = "https://doi.org/10.1145/3461702.3462536"
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "association",
        "task": "representation",
    }
    asks: ClassVar[tuple[str, ...]] = ("embed",)

    @classmethod
    def stimuli(cls, names: str) -> tuple[str, ...]:
        """Return the words of the named tests, each once; of all where none is named.

        >>> len(CEAT.stimuli("C6")), CEAT.stimuli("race")[-4:]
        (32, ('Asian', 'Black', 'Hispanic', 'White'))
        """
        known: dict[str, WordTest] = {**tests(), **group_tests()}
        words = (word for test in choose(names, known) for word in test.words)
        return tuple(dict.fromkeys(words))

    def __post_init__(self) -> None:
        require(self.draws >= 1, self.name, "draws", "at least 1")
        require(self.min_contexts >= 1, self.name, "min_contexts", "at least 1")
        require_shares(self.name, self.max_missing, self.level)
        check_layers(self.name, self.layers)
        choose(self.tests, self._known)

    def needs(self, data: Contexts, card: ModelCard) -> Mapping[str, Embed]:
        """Ask once a layer for the vector of each context of the tests that can run."""
        study = self._study(data)
        if not study.runnable:
            raise Unmeasurable(" ".join(f"{t.name}: {r}" for t, r in study.refused))
        rows = study.contexts
        texts = tuple(text for text, _, _ in rows)
        spans = tuple((start, end) for _, start, end in rows)
        main_layer(self.layer, card)
        wanted = {"vectors": self.layer, **self._further(card)}
        return {
            name: Embed(texts, spans, layer, self.pool)
            for name, layer in wanted.items()
        }

    def score(
        self,
        data: Contexts,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterable[Finding]:
        """Return the findings of each test, with the reason where there is none."""
        study, base = self._study(data), int(rng.integers(2**63))
        found = study.findings(readings["vectors"], self._drawing, base)
        if self.layers:
            found = [_about(one, main_layer(self.layer, card)) for one in found]
        for name, layer in self._further(card).items():
            curve = study.findings(readings[name], self._drawing, base)
            found += [_untested(_about(one, layer)) for one in curve]
        return found + study.refusals

    @cached_property
    def _form(self) -> Form[Any]:
        return Groups(self.ddof) if self.form == "group" else Targets()

    @cached_property
    def _known(self) -> Mapping[str, WordTest]:
        if self.test_file:
            return self._form.read(Path(self.test_file))
        return self._form.published()

    @property
    def _drawing(self) -> Drawing:
        return Drawing(self.draws, self.sampling, self.level)

    def _study(self, data: Contexts) -> Study[Any]:
        chosen = choose(self.tests, self._known)
        if not self.tests:
            chosen = tuple(t for t in chosen if self._form.touched(t, data))
        if not chosen:
            subjects = "; ".join(test.subject for test in self._known.values())
            raise Unmeasurable(
                "No association test has a word of each of its sets in the data. "
                f"Tests: {subjects}."
            )
        pool = ContextPool.of(data, self.min_contexts)
        return Study.of(self._form, chosen, pool, self.max_missing)

    def _further(self, card: ModelCard) -> Mapping[str, int]:
        return further_layers(self.layer, self.layers, card)


def _about(found: Finding, layer: int) -> Finding:
    return replace(found, subject=f"{found.subject} (layer {layer})")


def _untested(found: Finding) -> Finding:
    if found.p_value is None:
        return found
    detail: Mapping[str, Json] = {
        **found.detail,
        "p_value_of_this_layer": found.p_value,
        "no_p_value_because": _CURVE,
    }
    return replace(found, p_value=None, null="", detail=detail)
