"""Effect sizes of single words between two sets of attributes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array
from fairaudit.result import Json
from fairaudit.stats.association import effect_size
from fairaudit.stats.permutation import joint_permutation_test
from fairaudit.stats.wordbootstrap import resample, weighted_effect_size
from fairaudit_metrics.intrinsic.vectortable import TextVectors
from fairaudit_metrics.intrinsic.wordmetric import REPLICATES
from fairaudit_metrics.intrinsic.wordpermutation import PERMUTATIONS
from fairaudit_metrics.intrinsic.wordsets import WordSet


@dataclass(frozen=True)
class WordEffects:
    """Effect sizes of the words of a set, and what is inferred from them.

    Parameters
    ----------
    words, values
        The words that have an effect size, and the effect sizes.
    attributes
        Number of attribute words.
    replicates, replicated_mean
        Bootstrap replicates of each effect size, shape (words, replicates), and of
        their mean, for which target words are drawn anew too.
    p_mean, p_words, p_within
        Two-sided p-values of the mean, of each word, and of each word corrected for
        the others by the largest effect of each partition.
    partitions
        How the partitions were had, for the detail.
    """

    words: tuple[str, ...]
    values: Array
    attributes: int
    replicates: Array
    replicated_mean: Array
    p_mean: float
    p_words: Array
    p_within: Array
    partitions: Mapping[str, Json]


def word_effects(
    vectors: TextVectors,
    targets: WordSet,
    a: WordSet,
    b: WordSet,
    seeds: np.random.SeedSequence,
) -> WordEffects:
    """Compute the effect sizes of the target words that have vectors."""
    known = targets.within(vectors.rows)
    first, second = len(a.words), len(b.words)
    cosines = vectors.units(known) @ vectors.units(a, b).T
    values = effect_size(cosines, first)[0]
    kept = np.isfinite(values)
    words = tuple(w for w, found in zip(known.words, kept, strict=True) if found)
    for_partitions, for_interval = map(np.random.default_rng, seeds.spawn(2))
    replicates, means = _replicates(cosines[kept], first, for_interval)
    p_values, partitions = _p_values(cosines[kept], first, for_partitions)
    return WordEffects(
        words,
        values[kept],
        first + second,
        replicates,
        means,
        float(p_values[0]),
        p_values[1 : len(words) + 1],
        p_values[len(words) + 1 :],
        partitions,
    )


def _replicates(
    cosines: Array, first: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    words, attributes = cosines.shape
    sizes = (first, attributes - first)
    weights = np.hstack([resample(size, REPLICATES, rng) for size in sizes])
    replicates = weighted_effect_size(cosines[:, None], weights, first)[0]
    if not words:
        return replicates, np.full(REPLICATES, np.nan)
    shares = resample(words, REPLICATES, rng).T / words
    # A word that a replicate does not draw adds nothing, defined or not.
    return replicates, np.where(shares > 0, shares * replicates, 0.0).sum(axis=0)


def _p_values(
    cosines: Array, first: int, rng: np.random.Generator
) -> tuple[Array, Mapping[str, Json]]:
    """Test the mean, each word, and each word against the largest of all."""
    words = len(cosines)
    if not words:
        return np.ones(1), {}
    scores = (cosines / cosines.std(axis=1, ddof=1, keepdims=True)).T
    found = joint_permutation_test(
        scores,
        first,
        rng,
        _mean_each_and_largest,
        observed=_observed(scores, first),
        draws=PERMUTATIONS,
    )
    return found.p_values, {
        "permutation_method": found.method,
        "permutation_partitions": found.partitions,
    }


def _mean_each_and_largest(sums: Array) -> Array:
    each = np.abs(sums)
    largest = np.broadcast_to(each.max(axis=0), each.shape)
    return np.vstack([np.abs(sums.mean(axis=0)), each, largest])


def _observed(scores: Array, first: int) -> Array:
    sums = (scores - scores.mean(axis=0))[:first].sum(axis=0)
    return np.concatenate([[abs(sums.mean())], np.abs(sums), np.abs(sums)])
