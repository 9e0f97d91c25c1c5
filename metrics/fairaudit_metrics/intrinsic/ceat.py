"""Contextualised Embedding Association Test."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fairaudit.arrays import AnyArray
from fairaudit.data import Contexts
from fairaudit.errors import AuditError
from fairaudit.metric import Metric, Unmeasurable
from fairaudit.model import Embed, ModelCard, Piece, Reading
from fairaudit.result import Family, Finding, Json, Quantity
from fairaudit.stats.association import Sampling, WordContexts
from fairaudit.stats.pooling import random_effects
from fairaudit_metrics.intrinsic.inference import (
    REPLICATE_DRAWS,
    REPLICATES,
    draws_detail,
    interval,
    permutation,
    words_detail,
)
from fairaudit_metrics.intrinsic.stimuli import (
    AssociationTest,
    Coverage,
    cover,
    named,
    tests,
    touched,
)

COMBINED_EFFECT_SIZE = Quantity(
    name="combined_effect_size",
    unit="standard deviations",
    ideal=0.0,
    low=-2.0,
    high=2.0,
    definition="Random-effects mean, over draws of one context a word, of the "
    "difference between the mean association of X and of Y with A rather than B, "
    "divided by the standard deviation over X and Y; n counts the words of all sets.",
    reference="Guo & Caliskan 2021, doi:10.1145/3461702.3462536",
)
NULL = (
    "A target word's association with A rather than B does not depend on whether the "
    "word belongs to X or to Y."
)

_NO_INTERVAL = (
    "In most bootstrap replicates all targets have the same association, so the "
    "effect size has no interval."
)
_NO_SPREAD = (
    "The effect size is undefined: in a draw all targets have the same association."
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

    Parameters
    ----------
    tests
        Names such as ``"C6+C8"`` (plus signs or spaces between them); empty: every
        test of which each set has a word in the data.
    draws
        Number of draws N.
    min_contexts
        A word with fewer distinct contexts counts as missing.
    max_missing
        A test is not run where a set loses a larger share of its words.
    layer
        Hidden layer, 0 the embedding output, -1 the last.
    pool
        Which sub-tokens of a word make its vector.
    sampling
        ``"with"`` replacement; ``"paper"``: without replacement for words of at least
        N contexts.
    level
        Level of the interval.

    References
    ----------
    Guo & Caliskan 2021, "Detecting Emergent Intersectional Biases: Contextualized Word
    Embeddings Contain a Distribution of Human-like Biases",
    doi:10.1145/3461702.3462536, supplement 8.1 to 8.3.
    Caliskan, Bryson & Narayanan 2017, doi:10.1126/science.aal4230 (tests C1 to C10).

    Notes
    -----
    Deviations from the paper:

    - The p-value is our own: a two-sided permutation test of words between X and Y, all
      contexts moving with their word, on the mean of :math:`ES_i` over draws. The
      paper's :math:`2(1 - \Phi(|CES/SE|))` treats draws as independent studies, so it
      shrinks as draws are added whatever the data: for words that differ by chance
      alone, 1,000 draws made it reject 93 % of 1,500 simulated tests at 5 %, where the
      permutation test rejected 4 %. The detail keeps it as
      ``paper_p_depends_on_draws``.
    - The interval is our own: a percentile bootstrap that draws words anew within X, Y,
      A and B and contexts anew within words. It is about the expected effect size of
      sets of the same number of words from the same concepts; sets of few words give
      effect sizes nearer 0 than large sets would. It is cautious: with 8 words a set
      and 10 contexts a word, 95 % intervals covered that expectation in 99 % of 750
      simulated tests.
    - Sampling is with replacement by default, as in the authors' code.
    - The word is found by character offsets, not by the first equal sub-token.
    """

    tests: str = ""
    draws: int = 1000
    min_contexts: int = 8
    max_missing: float = 0.2
    layer: int = -1
    pool: Piece = "last"
    sampling: Sampling = "with"
    level: float = 0.95

    name: ClassVar[str] = "ceat"
    family: ClassVar[Family] = "intrinsic"
    accepts: ClassVar[type[Contexts]] = Contexts
    quantities: ClassVar[tuple[Quantity, ...]] = (COMBINED_EFFECT_SIZE,)
    summary: ClassVar[str] = "Association of target words with attributes in context."
    formula: ClassVar[str] = "CES = sum(v_i ES_i) / sum(v_i), v_i = 1 / (V_i + tau^2)"
    limits: ClassVar[str] = (
        "Says how words are represented, not how a model treats people; depends on the "
        "sentences and on the few words that stand for a concept."
    )
    source: ClassVar[str] = "https://doi.org/10.1145/3461702.3462536"
    asks: ClassVar[tuple[str, ...]] = ("embed",)

    @classmethod
    def stimuli(cls, names: str) -> tuple[str, ...]:
        """Return the words of the named tests, each once; of all where none is named.

        >>> len(CEAT.stimuli("C6"))
        32
        """
        chosen = named(names) or tuple(tests().values())
        return tuple(dict.fromkeys(word for test in chosen for word in test.words))

    def __post_init__(self) -> None:
        _require(self.draws >= 1, "draws", "at least 1")
        _require(self.min_contexts >= 1, "min_contexts", "at least 1")
        _require(0 <= self.max_missing < 1, "max_missing", "at least 0, below 1")
        _require(0 < self.level < 1, "level", "between 0 and 1")
        named(self.tests)

    def needs(self, data: Contexts, card: ModelCard) -> Mapping[str, Embed]:
        """Ask once for the vector of each context of the tests that can run."""
        coverage = self._coverage(data)
        if not coverage.runnable:
            raise Unmeasurable(" ".join(f"{t.name}: {r}" for t, r in coverage.refused))
        rows = coverage.rows
        texts = tuple(text for text, _, _ in rows)
        spans = tuple((start, end) for _, start, end in rows)
        return {"vectors": Embed(texts, spans, self.layer, self.pool)}

    def score(
        self,
        data: Contexts,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterable[Finding]:
        """Return one finding a test, with the reason where a test cannot run."""
        coverage = self._coverage(data)
        vectors = readings["vectors"]["vectors"]
        base = int(rng.integers(2**63))
        found = []
        for test, sample in _samples(coverage, vectors, self.draws):
            seeds = np.random.SeedSequence([base, *test.name.encode()])
            missing: Mapping[str, Json] = {
                "missing_words": {
                    k: list(v) for k, v in coverage.missing[test.name].items()
                },
                "contexts": sum(len(coverage.contexts[w]) for w in test.words),
            }
            found.append(self._finding(test, sample, seeds, missing))
        return found + [_refusal(test, reason) for test, reason in coverage.refused]

    def _coverage(self, data: Contexts) -> Coverage:
        chosen = named(self.tests) or touched(data)
        if not chosen:
            raise Unmeasurable(
                "No association test has a word of each of its four sets in the data. "
                f"Tests: {'; '.join(test.subject for test in tests().values())}."
            )
        return cover(data, chosen, self.min_contexts, self.max_missing)

    def _finding(
        self,
        test: AssociationTest,
        sample: WordContexts | str,
        seeds: np.random.SeedSequence,
        missing: Mapping[str, Json],
    ) -> Finding:
        if isinstance(sample, str):
            return _refusal(test, sample)
        for_draws, for_words, for_interval = seeds.spawn(3)
        rng = np.random.default_rng(for_draws)
        drawn = sample.draw(self.draws, rng, self.sampling)
        if not np.isfinite(drawn.effects).all():
            return _refusal(test, _NO_SPREAD)
        pooled = random_effects(drawn.effects, drawn.variances)
        found = interval(sample, self.level, np.random.default_rng(for_interval))
        p_value, tested = permutation(drawn, sample.sizes[0], for_words)
        return Finding(
            quantity=COMBINED_EFFECT_SIZE,
            subject=test.subject,
            value=float(pooled.effect),
            n=len(test.words),
            interval=found,
            p_value=p_value,
            null=NULL,
            detail={
                **draws_detail(drawn, pooled),
                **tested,
                **words_detail(test, sample),
                **missing,
                **({} if found else {"no_interval": _NO_INTERVAL}),
            },
        )


def _require(holds: bool, name: str, condition: str) -> None:
    if not holds:
        raise AuditError(f"ceat: {name} must be {condition}. Change the parameter.")


def _refusal(test: AssociationTest, reason: str) -> Finding:
    return Finding(quantity=COMBINED_EFFECT_SIZE, subject=test.subject, reason=reason)


def _samples(
    coverage: Coverage, vectors: AnyArray, draws: int
) -> Iterator[tuple[AssociationTest, WordContexts | str]]:
    """Yield each test that can run with its vectors, or why it has none."""
    numbers, expected = coverage.rows, draws + REPLICATES * REPLICATE_DRAWS
    for test in coverage.runnable:
        rows = [
            _readable(
                vectors, [numbers[context] for context in coverage.contexts[word]]
            )
            for word in test.words
        ]
        if not all(map(len, rows)):
            lost = [
                w for w, kept in zip(test.words, rows, strict=True) if not len(kept)
            ]
            yield (
                test,
                f"No context with a finite vector is left for {', '.join(lost)}.",
            )
            continue
        x, y, a, b = (len(words.words) for words in test.sets)
        try:
            yield test, WordContexts.of(vectors, rows, (x, y, a, b), expected)
        except ValueError as error:
            yield test, f"The effect size is undefined: {error}."


def _readable(vectors: AnyArray, rows: list[int]) -> AnyArray:
    """Leave out contexts whose word the model did not see: their vector is NaN."""
    found = np.array(rows)
    kept: AnyArray = found[np.isfinite(vectors[found]).all(axis=1)]
    return kept
