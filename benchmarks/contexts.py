"""Measure how fast `fairaudit contexts` searches text.

    python benchmarks/contexts.py [--megabytes 100] [--words 300]

The text has the word frequencies of a language (Zipf's law over 30,000 made-up words)
and the stimuli stand at random ranks from 80 on. Time of the processor is counted, so
that other work on the machine does not matter much.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from fairaudit.corpus.matching import Finder, Stimulus
from fairaudit.corpus.opening import Lenience, find_corpora
from fairaudit.corpus.pool import Settings, describe, sample, write
from fairaudit.corpus.reading import BLOCK

VOCABULARY = 30_000
PIECE = 10_000_000


def vocabulary(rng: np.random.Generator) -> list[str]:
    onsets, vowels = list("bcdfghlmnprstvw"), list("aeiou")
    found: dict[str, None] = {}
    while len(found) < VOCABULARY:
        n = int(rng.integers(1, 5))
        syllables = zip(rng.choice(onsets, n), rng.choice(vowels, n), strict=True)
        found["".join(c + v for c, v in syllables)] = None
    return list(found)


def piece(rng: np.random.Generator, words: list[str]) -> str:
    weights = 1 / (np.arange(len(words)) + 2.7)
    drawn = rng.choice(words, PIECE // 6, p=weights / weights.sum()).tolist()
    lines, at = [], 0
    while at < len(drawn):
        sentences = []
        for length in rng.integers(5, 30, size=rng.integers(3, 12)).tolist():
            sentences.append(" ".join(drawn[at : at + length]).capitalize() + ".")
            at += length
        lines.append(" ".join(sentences) + " It’s so.")
    return "\n".join(lines) + "\n"


def show(what: str, size: int, begin: float) -> None:
    seconds = time.process_time() - begin
    print(f"{what:<48} {size / 1e6 / seconds:7.1f} MB/s  ({seconds:.2f} s)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--words", type=int, default=300)
    said = parser.parse_args()
    rng = np.random.default_rng(0)
    known = vocabulary(rng)
    ranks = rng.choice(np.arange(80, 20_000), said.words, replace=False)
    stimuli = [known[rank] for rank in ranks]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "corpus.txt")
        with path.open("w", encoding="utf-8") as file:
            for _ in range(max(1, said.megabytes * 1_000_000 // PIECE)):
                file.write(piece(rng, known))
        size = path.stat().st_size
        measure(path, size, stimuli)


def measure(path: Path, size: int, stimuli: list[str]) -> None:
    content = path.read_bytes()
    finder = Finder([Stimulus(word) for word in stimuli])
    begin = time.process_time()
    candidates = sum(
        len(found)
        for at in range(0, size, BLOCK)
        for _, found in finder.find(content[at : at + BLOCK])
    )
    show(f"search alone, {candidates} found", size, begin)
    for per_word in (100, 1000):
        settings = Settings(per_word=per_word)
        begin = time.process_time()
        corpora = find_corpora([path])
        pool = sample(corpora, stimuli, settings, Lenience())
        rows = sum(map(len, pool.contexts.values()))
        show(f"sample {per_word} a word, {rows} contexts", size, begin)
        write(pool, path.with_name("pool.jsonl"), describe(corpora, stimuli, settings))
        show("  with writing and hashing", size, begin)


if __name__ == "__main__":
    main()
