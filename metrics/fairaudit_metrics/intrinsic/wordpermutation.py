"""Permutation p-values of association tests."""

from collections.abc import Mapping

import numpy as np

from fairaudit.arrays import Array
from fairaudit.result import Json
from fairaudit.stats.permutation import JointResult, Statistics, joint_permutation_test

PERMUTATIONS = 100_000
NULL = (
    "A target word's association with A rather than B does not depend on whether the "
    "word belongs to X or to Y."
)


def word_p(
    scores: Array, first: int, seed: np.random.SeedSequence
) -> tuple[float, Mapping[str, Json]]:
    """Permute words between X and Y: the two-sided p-value, and the one-sided."""
    found = _test(scores, first, seed, lambda sums: np.vstack([np.abs(sums), sums]))
    two_sided, greater = found.p_values.tolist()
    return two_sided, {
        "p_one_sided": greater,
        "permutation_method": found.method,
        "permutation_partitions": found.partitions,
    }


def published_p(
    scores: Array, first: int, seed: np.random.SeedSequence
) -> Mapping[str, Json]:
    """Return the one-sided p-values as published, of texts permuted one by one.

    Caliskan et al. count partitions whose statistic is greater than the observed one,
    May et al. those that are at least as great. Both take X and Y of equal size.
    """
    if 2 * first != scores.size:
        reason = "the published test takes X and Y of equal size"
        return {"published_p": None, "no_published_p_because": reason}
    found = _test(scores, first, seed, lambda sums: np.vstack([sums, -sums]))
    at_least, at_most = found.p_values.tolist()
    strict = max(0.0, 1 - at_most)
    return {"published_p": {"ties_count": at_least, "ties_do_not_count": strict}}


def _test(
    scores: Array, first: int, seed: np.random.SeedSequence, statistics: Statistics
) -> JointResult:
    rng = np.random.default_rng(seed)
    return joint_permutation_test(
        scores[:, None], first, rng, statistics, draws=PERMUTATIONS
    )
