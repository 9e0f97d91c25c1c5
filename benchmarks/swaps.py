"""Measure how fast terms are swapped.

    python benchmarks/swaps.py [--texts 100000] [--terms 500] [--share 0.5]

The texts are made of made-up words with terms at random places; `--share` of them hold
one to three terms. Time of the processor is counted, on one core.
"""

import argparse
import time

import numpy as np

from fairaudit.perturbation import Perturber, Term, TermList, term_list

LONGEST = 40


def vocabulary(rng: np.random.Generator, size: int) -> list[str]:
    onsets, vowels = list("bcdfghlmnprstvw"), list("aeiou")
    found: dict[str, None] = {}
    while len(found) < size:
        n = int(rng.integers(2, 5))
        syllables = zip(rng.choice(onsets, n), rng.choice(vowels, n), strict=True)
        found["".join(c + v for c, v in syllables)] = None
    return list(found)


def pairs(words: list[str]) -> TermList:
    """Return a list of as many nouns as words, every two of them counterparts."""
    terms = tuple(
        Term(word, ("first", "second")[at % 2], "noun", "singular", at // 2)
        for at, word in enumerate(words)
    )
    return TermList("made-up", ("first", "second"), terms)


def texts(
    rng: np.random.Generator, plain: list[str], terms: list[str], n: int, share: float
) -> list[str]:
    made = []
    lengths = rng.integers(8, LONGEST, size=n)
    drawn = rng.choice(plain, lengths.sum()).tolist()
    counts = np.where(rng.random(n) < share, rng.integers(1, 4, size=n), 0)
    at = 0
    for length, count in zip(lengths.tolist(), counts.tolist(), strict=True):
        words = drawn[at : at + length]
        at += length
        for place in rng.integers(0, length, size=count).tolist():
            words[place] = terms[int(rng.integers(len(terms)))]
        made.append(" ".join(words).capitalize() + ".")
    return made


def measure(what: str, perturber: Perturber, given: list[str]) -> None:
    begin = time.process_time()
    swapped = perturber.swap(given)
    seconds = time.process_time() - begin
    counts = ", ".join(f"{n:,} {state}" for state, n in swapped.counts.items())
    print(f"{what:<46} {seconds:6.2f} s  ({counts})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--terms", type=int, default=500)
    parser.add_argument("--share", type=float, default=0.5)
    said = parser.parse_args()
    rng = np.random.default_rng(0)
    words = vocabulary(rng, 20_000 + said.terms)
    plain, listed = words[said.terms :], words[: said.terms]
    one_group = listed[::2]
    print(f"{said.texts:,} texts of 8 to {LONGEST - 1} words, one core")
    for share in (said.share, 1.0):
        given = texts(rng, plain, one_group, said.texts, share)
        what = f"{said.terms} terms, {share:.0%} of the texts have some"
        measure(what, Perturber(pairs(listed)), given)
    gender = term_list("gender")
    women = [t.text for t in gender.terms if t.group == "women" and t.part == "noun"]
    given = texts(rng, plain, women, said.texts, said.share)
    what = f"gender ({len(gender.terms)} terms), {said.share:.0%} of the texts"
    measure(what, Perturber("gender"), given)


if __name__ == "__main__":
    main()
