"""Measure how fast association tests are.

    python benchmarks/association.py

On one core: set OMP_NUM_THREADS=1. Time of the processor is counted and the best of a
few runs taken, so that other work on the machine matters little.
"""

import time
import tracemalloc
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from fairaudit.stats.association import Sizes
from fairaudit.stats.contextdraws import WordContexts
from fairaudit.stats.permutation import permutation_test
from fairaudit.stats.pooling import random_effects
from fairaudit_metrics.intrinsic.inference import Drawing, Replicates
from fairaudit_metrics.intrinsic.stimuli import tests
from fairaudit_metrics.intrinsic.wordpermutation import word_p

CONTEXTS, WIDTH, DRAWS = 100, 768, 10_000
T = TypeVar("T")


def best(action: Callable[[], T], repeats: int = 3) -> tuple[float, T]:
    seconds = []
    for _ in range(repeats):
        begin = time.process_time()
        result = action()
        seconds.append(time.process_time() - begin)
    return min(seconds), result


def show(what: str, value: float, bound: float, unit: str) -> None:
    verdict = "ok" if value <= bound else "ABOVE"
    print(f"{what:<56} {value:9.3f} {unit:<3} (at most {bound:g} {unit}: {verdict})")


def vectors(words: int) -> tuple[np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(words * CONTEXTS, WIDTH)).astype(np.float32)
    return flat, list(np.arange(words * CONTEXTS).reshape(words, CONTEXTS))


def ceat(flat: np.ndarray, rows: list[np.ndarray], sizes: Sizes, draws: int) -> float:
    """Do all that CEAT does with the vectors of one test."""
    drawing = Drawing(draws, "with", 0.95)
    sample = WordContexts.of(flat, rows, sizes, drawing.expected)
    [drawn] = sample.draw(draws, np.random.default_rng(1))
    pooled = random_effects(drawn.effects, drawn.variances)
    Replicates.of(sample, np.random.default_rng(2)).interval(0, 0.95)
    word_p(drawn.word_scores, sample.first, np.random.SeedSequence(3))
    return float(pooled.effect)


def contextual() -> None:
    flat, rows = vectors(32)
    seconds, _ = best(lambda: ceat(flat, rows, (8, 8, 8, 8), DRAWS))
    show("CEAT, 8x4 words, 100 contexts, 768 d, 10,000 draws", seconds, 0.3, "s")
    total = 0.0
    for test in tests().values():
        x, y, a, b = (len(one.words) for one in test.sets)
        flat, rows = vectors(x + y + a + b)
        seconds, _ = best(
            lambda f=flat, r=rows, s=(x, y, a, b): ceat(f, r, s, DRAWS), 2
        )
        total += seconds
    show(f"CEAT, all {len(tests())} tests", total, 5, "s")


def memory() -> None:
    flat, rows = vectors(32)
    peaks = []
    for draws in (DRAWS, 20 * DRAWS):
        tracemalloc.start()
        ceat(flat, rows, (8, 8, 8, 8), draws)
        peaks.append(tracemalloc.get_traced_memory()[1] / 2**20)
        tracemalloc.stop()
    grown = (peaks[1] - peaks[0]) * 2**20 / (19 * DRAWS)
    few, many = peaks
    print(f"peak at {DRAWS:,} draws {few:.0f} MB, at {20 * DRAWS:,} {many:.0f} MB")
    show("CEAT, memory that grows with the draws, a draw", grown, 128, "B")


def shuffled(scores: np.ndarray, draws: int) -> float:
    """Draw partitions in the plain way: shuffle, sum, compare."""
    rng, centred = np.random.default_rng(0), scores - scores.mean()
    first, hits = len(scores) // 2, 0
    least = abs(centred[:first].sum())
    for _ in range(draws):
        rng.shuffle(centred)
        hits += abs(centred[:first].sum()) >= least
    return hits / draws


def permutations() -> None:
    rng = np.random.default_rng(0)
    few, many = rng.normal(size=16), rng.normal(size=200)
    seconds, _ = best(lambda: permutation_test(few, 8, rng), 20)
    show("WEAT, 8+8 words, all 12,870 partitions", 1000 * seconds, 10, "ms")
    drawn, _ = best(lambda: permutation_test(few, 8, rng, limit=0, draws=DRAWS), 20)
    show("WEAT, 8+8 words, 10,000 drawn partitions", 1000 * drawn, 10, "ms")
    ours, result = best(lambda: permutation_test(many, 100, rng, draws=100_000), 5)
    plain, share = best(lambda: shuffled(many, 100_000), 1)
    print(f"p {result.p_value:.3f}, by plain shuffling {share:.3f}")
    show("WEAT, 100+100 words, 100,000 draws / plain loop", ours / plain, 1, "")


if __name__ == "__main__":
    permutations()
    contextual()
    memory()
