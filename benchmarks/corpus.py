"""Measure how fast `fairaudit contexts` samples a corpus, with the words of all tests.

    python benchmarks/corpus.py [--megabytes 100] [--corpus FILE.txt]

The text has the word frequencies of a language (Zipf's law over 30,000 made-up words);
in a given share of its sentences one word is a stimulus, frequent ones more often. A
corpus of one's own is measured instead with --corpus. Time of the processor is counted,
and the best of three runs, so that other work on the machine does not matter much.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from fairaudit.cli.contexts import stimuli_from
from fairaudit.corpus.matching import Finder, Stimulus
from fairaudit.corpus.opening import Lenience, find_corpora
from fairaudit.corpus.pool import Settings, describe, sample, write
from fairaudit.corpus.reading import BLOCK

VOCABULARY, PIECE, RUNS, BOUND = 30_000, 10_000_000, 3, 50
T = TypeVar("T")


def vocabulary(rng: np.random.Generator, without: set[str]) -> list[str]:
    onsets, vowels = list("bcdfghlmnprstvw"), list("aeiou")
    found: dict[str, None] = {}
    while len(found) < VOCABULARY:
        n = int(rng.integers(1, 5))
        syllables = zip(rng.choice(onsets, n), rng.choice(vowels, n), strict=True)
        word = "".join(c + v for c, v in syllables)
        if word not in without:
            found[word] = None
    return list(found)


def zipf(rng: np.random.Generator, words: list[str], n: int) -> list[str]:
    weights = 1 / (np.arange(len(words)) + 2.7)
    return [words[at] for at in rng.choice(len(words), n, p=weights / weights.sum())]


def documents(
    rng: np.random.Generator, words: list[str], stimuli: list[str], rate: float
) -> list[str]:
    """Return about `PIECE` characters: lines of 3 to 11 sentences of 5 to 29 words."""
    drawn, at, made = zipf(rng, words, PIECE // 6), 0, []
    while at < len(drawn):
        lengths = rng.integers(5, 30, size=rng.integers(3, 12))
        has = rng.random(len(lengths)) < rate
        sentences = []
        for length, stimulus in zip(lengths.tolist(), has.tolist(), strict=True):
            sentence = drawn[at : at + length]
            if stimulus and sentence:
                sentence[len(sentence) // 2] = zipf(rng, stimuli, 1)[0]
            sentence[:1] = [word.capitalize() for word in sentence[:1]]
            sentences.append(" ".join(sentence) + ".")
            at += length
        made.append(" ".join(sentences) + " It’s so.")
    return made


def best(action: Callable[[], T]) -> tuple[float, T]:
    found = []
    for _ in range(RUNS):
        begin = time.process_time()
        answer = action()
        found.append((time.process_time() - begin, answer))
    return min(found, key=lambda pair: pair[0])


def show(what: str, size: int, seconds: float, bound: float | None = None) -> None:
    speed = size / 1e6 / seconds
    verdict = ""
    if bound is not None:
        verdict = f"  (at least {bound:g}: {'ok' if speed >= bound else 'BELOW'})"
    print(f"{what:<58} {speed:7.1f} MB/s{verdict}", flush=True)


def measure(what: str, path: Path, stimuli: list[str]) -> None:
    """Time the search of plain text alone, and all that the command does."""
    size, settings = path.stat().st_size, Settings()
    if path.suffix == ".txt":
        seconds, candidates = best(lambda: searched(path, stimuli))
        show(f"{what}: search alone, {candidates} found", size, seconds)

    def command() -> int:
        corpora = find_corpora([path])
        pool = sample(corpora, stimuli, settings, Lenience())
        write(
            pool,
            Path(tempfile.gettempdir(), f"pool-{path.stem}.jsonl"),
            describe(corpora, stimuli, settings),
        )
        return sum(map(len, pool.contexts.values()))

    seconds, rows = best(command)
    show(f"{what}: whole command, {rows} contexts", size, seconds, BOUND)


def searched(path: Path, stimuli: list[str]) -> int:
    finder = Finder([Stimulus(word) for word in stimuli])
    with path.open("rb") as file:
        blocks = iter(lambda: file.read(BLOCK), b"")
        return sum(len(at) for block in blocks for _, at in finder.find(block))


def synthetic(folder: Path, megabytes: int, stimuli: list[str]) -> None:
    rng = np.random.default_rng(0)
    words = vocabulary(rng, {word.lower() for word in stimuli})
    for rate in (0.03, 0.3):
        text, lines = folder / "corpus.txt", folder / "corpus.jsonl"
        with text.open("w", encoding="utf-8") as file, lines.open("w") as other:
            for _ in range(max(1, megabytes * 1_000_000 // PIECE)):
                made = documents(rng, words, stimuli, rate)
                file.writelines(line + "\n" for line in made)
                other.writelines(json.dumps({"text": line}) + "\n" for line in made)
        said = f"stimuli in {rate:.0%} of sentences"
        measure(f"text, {said}", text, stimuli)
        measure(f"JSONL, {said}", lines, stimuli)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--corpus", type=Path)
    said = parser.parse_args()
    stimuli = list(stimuli_from(None, None, "ceat"))
    print(f"{len(stimuli)} stimuli")
    if said.corpus:
        measure(said.corpus.name, said.corpus, stimuli)
        return
    with tempfile.TemporaryDirectory() as folder:
        synthetic(Path(folder), said.megabytes, stimuli)


if __name__ == "__main__":
    main()
