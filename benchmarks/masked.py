"""Measure how fast a masked language model scores CrowS-Pairs.

    python benchmarks/masked.py MODEL_DIR CROWS_PAIRS_CSV [--pairs 60] [--repeats 3]

The plain loop does what the published code does: one sentence with one masked token at
a time through the whole model, vocabulary projection at every position included. Both
sides run in this process on the same pairs in turn, with as many threads as torch
takes, and the best time of each counts. The time of the processor is shown too: on a
busy machine it is the steadier one. Scores are compared before anything is timed.
"""

import argparse
import time
from collections.abc import Callable
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from fairaudit.cache import Cache
from fairaudit.data import Pairs
from fairaudit.datasets.crows_pairs import CrowsPairsReader
from fairaudit.models import ModelOptions
from fairaudit.models.hf import HuggingFaceLoader
from fairaudit.reading import read
from fairaudit_metrics.intrinsic.crows_pairs import CrowsPairs

BATCH_TOKENS = 2048


def shared(first: list[int], second: list[int]) -> tuple[list[int], list[int]]:
    blocks = SequenceMatcher(None, first, second).get_matching_blocks()
    places = [(a + i, b + i) for a, b, size in blocks for i in range(size)][1:-1]
    return [a for a, _ in places], [b for _, b in places]


def one(network: Any, ids: list[int], at: int, mask: int) -> float:  # noqa: ANN401
    masked = torch.tensor([[*ids[:at], mask, *ids[at + 1 :]]])
    return float(network(masked).logits[0, at].log_softmax(-1)[ids[at]])


def loop(network: Any, tokenizer: Any, data: Pairs) -> tuple[np.ndarray, int]:  # noqa: ANN401
    """Score the pairs one masked sentence at a time."""
    scores, passes = np.zeros((2, len(data.first))), 0
    for row, pair in enumerate(zip(data.first, data.second, strict=True)):
        ids = [tokenizer(text)["input_ids"] for text in pair]
        for side, places in enumerate(shared(*ids)):
            values = [
                one(network, ids[side], at, tokenizer.mask_token_id) for at in places
            ]
            scores[side, row], passes = sum(values), passes + len(values)
    return scores, passes


def ours(model: Any, data: Pairs) -> np.ndarray:  # noqa: ANN401
    """Score the pairs as `fairaudit evaluate --metric crows_pairs` does."""
    requests = CrowsPairs().needs(data, model.card)
    answers, _ = read(model, list(requests.values()), Cache(None), BATCH_TOKENS)
    reading = answers[0]
    rows = np.repeat(np.arange(len(reading["lengths"])), reading["lengths"])
    return np.bincount(rows, reading["logprob"], len(reading["lengths"])).reshape(2, -1)


def timed(action: Callable[[], object]) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - wall, time.process_time() - processor


def best(times: list[tuple[float, float]]) -> tuple[float, float]:
    return min(wall for wall, _ in times), min(processor for _, processor in times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("pairs_csv", type=Path)
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    said = parser.parse_args()
    every = CrowsPairsReader().read(said.pairs_csv, None, np.random.default_rng(0))
    data = Pairs(
        card=every.card,
        first=every.first[: said.pairs],
        second=every.second[: said.pairs],
        categories=every.categories[: said.pairs],
        directions=every.directions[: said.pairs],
    )
    network = transformers.AutoModelForMaskedLM.from_pretrained(
        said.model, dtype=torch.float32
    ).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(said.model)
    model = HuggingFaceLoader().open(
        said.model, ModelOptions(device="cpu", dtype=said.dtype)
    )
    with torch.inference_mode():
        (expected, passes), found = loop(network, tokenizer, data), ours(model, data)
        apart = np.abs(found - expected).max()
        print(f"{len(data.first)} pairs, {passes} masked sentences, {said.dtype},")
        print(
            f"{torch.get_num_threads()} threads; scores differ by {apart:.1e} at most"
        )
        turns = [
            (
                timed(lambda: loop(network, tokenizer, data)),
                timed(lambda: ours(model, data)),
            )
            for _ in range(said.repeats)
        ]
    plain, fast = best([a for a, _ in turns]), best([b for _, b in turns])
    for name, at in (("wall clock", 0), ("processor", 1)):
        print(
            f"{name:<12} loop {plain[at]:7.2f} s, fairaudit {fast[at]:6.2f} s: "
            f"{plain[at] / fast[at]:5.2f} times"
        )


if __name__ == "__main__":
    main()
