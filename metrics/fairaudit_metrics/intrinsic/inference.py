"""What CEAT infers from its draws: replicates, intervals and detail."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.result import Interval, Json
from fairaudit.stats.contextdraws import Draws, Sampling, WordContexts
from fairaudit.stats.pooling import Pooled, random_effects
from fairaudit_metrics.intrinsic.wordsets import WordSet

REPLICATES = 1000
REPLICATE_DRAWS = 10
BOOTSTRAP = "bootstrap of words within sets and contexts within words"
NO_INTERVAL = (
    "In most bootstrap replicates all targets have the same association, so the "
    "effect size has no interval."
)
_TENTHS = tuple(tenth / 10 for tenth in range(1, 10))


@dataclass(frozen=True)
class Drawing:
    """How contexts are drawn, and the level of intervals."""

    draws: int
    sampling: Sampling
    level: float

    @property
    def expected(self) -> int:
        """How many draws will be asked for, those of the bootstrap included."""
        return self.draws + REPLICATES * REPLICATE_DRAWS


@dataclass(frozen=True)
class Replicates:
    """Combined effect sizes of bootstrap replicates.

    Parameters
    ----------
    values
        Shape (replicates, contrasts); NaN where a draw has no spread.
    draws
        Draws of each replicate.
    """

    values: Array
    draws: int

    @classmethod
    def of(cls, sample: WordContexts, rng: np.random.Generator) -> "Replicates":
        """Resample words within sets and contexts within words."""
        draws = min(REPLICATE_DRAWS, int(sample.picker.counts.min()))
        drawn = sample.replicates(REPLICATES, draws, rng)
        return cls(np.column_stack([_combined(*one) for one in drawn]), draws)

    def interval(self, contrast: int, level: float) -> Interval | None:
        """Return the percentile interval, None where most replicates are undefined."""
        values = self.values[:, contrast]
        defined = values[np.isfinite(values)]
        if defined.size < REPLICATES / 2:
            return None
        low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
        return Interval(float(low), float(high), level, self.method(defined.size))

    def method(self, defined: int) -> str:
        """Say how the replicates were made."""
        return f"percentile {BOOTSTRAP}, {defined} replicates of {self.draws} draws"


def _combined(effects: Array, variances: Array) -> Array:
    defined = np.isfinite(effects).all(axis=1)
    values = np.full(len(effects), np.nan)
    values[defined] = random_effects(effects[defined], variances[defined]).effect
    return values


def draws_detail(drawn: Draws, pooled: Pooled) -> Mapping[str, Json]:
    """Describe the draws, with the paper's p under a name that says what it is."""
    return {
        "draws": drawn.effects.size,
        "tau2": float(pooled.tau2),
        "paper_se": float(pooled.se),
        "paper_p_depends_on_draws": float(pooled.p_two_sided),
        "effect_size_deciles": np.quantile(drawn.effects, _TENTHS).tolist(),
    }


def words_detail(sets: Iterable[WordSet], counts: IntArray) -> Mapping[str, Json]:
    """Count words, and contexts by word."""
    spread = np.quantile(counts, [0.0, 0.5, 1.0]).tolist()
    return {
        "words": {one.name: len(one.words) for one in sets},
        "contexts_with_a_vector": int(counts.sum()),
        "contexts_per_stimulus": dict(
            zip(("min", "median", "max"), spread, strict=True)
        ),
    }
