"""What CEAT infers from its draws: permutation test, interval and detail."""

from collections.abc import Mapping

import numpy as np

from fairaudit.result import Interval, Json
from fairaudit.stats.association import Draws, WordContexts
from fairaudit.stats.permutation import Alternative, permutation_test
from fairaudit.stats.pooling import Pooled, random_effects
from fairaudit_metrics.intrinsic.stimuli import AssociationTest

REPLICATES = 1000
REPLICATE_DRAWS = 10
PERMUTATIONS = 100_000
ALTERNATIVES: tuple[Alternative, Alternative] = ("two-sided", "greater")
_TENTHS = tuple(tenth / 10 for tenth in range(1, 10))


def permutation(
    drawn: Draws, first: int, seed: np.random.SeedSequence
) -> tuple[float, Mapping[str, Json]]:
    """Test two-sided and one-sided on the same partitions."""
    result, greater = (
        permutation_test(
            drawn.word_scores,
            first,
            np.random.default_rng(seed),
            alternative=alternative,
            draws=PERMUTATIONS,
        )
        for alternative in ALTERNATIVES
    )
    return result.p_value, {
        "p_one_sided": greater.p_value,
        "permutation_method": result.method,
        "permutation_partitions": result.partitions,
    }


def interval(
    sample: WordContexts, level: float, rng: np.random.Generator
) -> Interval | None:
    """Resample words within sets and contexts within words; None if undefined."""
    draws = min(REPLICATE_DRAWS, int(sample.counts.min()))
    effects, variances = sample.replicates(REPLICATES, draws, rng)
    defined = np.isfinite(effects).all(axis=1)
    if defined.sum() < REPLICATES / 2:
        return None
    pooled = random_effects(effects[defined], variances[defined]).effect
    low, high = np.quantile(pooled, [(1 - level) / 2, (1 + level) / 2])
    method = (
        f"percentile bootstrap of words within sets and contexts within words, "
        f"{defined.sum()} replicates of {draws} draws"
    )
    return Interval(float(low), float(high), level, method)


def draws_detail(drawn: Draws, pooled: Pooled) -> Mapping[str, Json]:
    """Describe the draws, with the paper's p under a name that says what it is."""
    return {
        "draws": drawn.effects.size,
        "tau2": float(pooled.tau2),
        "paper_se": float(pooled.se),
        "paper_p_depends_on_draws": float(pooled.p_two_sided),
        "effect_size_deciles": np.quantile(drawn.effects, _TENTHS).tolist(),
    }


def words_detail(test: AssociationTest, sample: WordContexts) -> Mapping[str, Json]:
    """Count words and contexts."""
    spread = np.quantile(sample.counts, [0.0, 0.5, 1.0]).tolist()
    return {
        "words": {words.name: len(words.words) for words in test.sets},
        "contexts_with_a_vector": int(sample.counts.sum()),
        "contexts_per_stimulus": dict(
            zip(("min", "median", "max"), spread, strict=True)
        ),
    }
