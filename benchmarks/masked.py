"""Measure how fast a masked language model scores CrowS-Pairs.

    python benchmarks/masked.py MODEL_DIR CROWS_PAIRS_CSV [--pairs 60] [--repeats 3]

The plain loop does what the published code does: one sentence with one masked token at
a time through the whole model, vocabulary projection at every position included. Both
sides run in this process, in turn on ten pairs at a time, with as many threads as torch
takes; of each ten the best time of all repeats counts. The time of the processor is
shown too: on a busy machine it is the steadier one, with OMP_NUM_THREADS=1. Scores are
compared as well.
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
STEP = 10


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
        order = (0, 1) if data.directions[row] == "stereo" else (1, 0)
        for side, places in zip(order, shared(*(ids[k] for k in order)), strict=True):
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


def timed(action: Callable[[], Any]) -> tuple[Any, tuple[float, float]]:
    wall, processor = time.perf_counter(), time.process_time()
    found = action()
    return found, (time.perf_counter() - wall, time.process_time() - processor)


def part(data: Pairs, at: slice) -> Pairs:
    return Pairs(
        card=data.card,
        first=data.first[at],
        second=data.second[at],
        categories=data.categories[at],
        directions=data.directions[at],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("pairs_csv", type=Path)
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    said = parser.parse_args()
    data = CrowsPairsReader().read(said.pairs_csv, None, np.random.default_rng(0))
    network = transformers.AutoModelForMaskedLM.from_pretrained(
        said.model, dtype=torch.float32
    ).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(said.model)
    model = HuggingFaceLoader().open(
        said.model, ModelOptions(device="cpu", dtype=said.dtype)
    )
    ours(model, part(data, slice(1)))
    starts = range(0, min(said.pairs, len(data.first)), STEP)
    ends = [min(start + STEP, said.pairs) for start in starts]
    times = np.empty((said.repeats, len(starts), 2, 2))
    passes, apart = 0, 0.0
    with torch.inference_mode():
        for repeat in range(said.repeats):
            for at, (start, end) in enumerate(zip(starts, ends, strict=True)):
                some = part(data, slice(start, end))
                plain, first = timed(lambda s=some: loop(network, tokenizer, s))
                fast, second = timed(lambda s=some: ours(model, s))
                times[repeat, at] = first, second
                apart = max(apart, float(np.abs(plain[0] - fast).max()))
                passes += plain[1] if not repeat else 0
    plain_times, fast_times = times.min(axis=0).sum(axis=0)
    print(f"{ends[-1]} pairs, {passes} masked sentences, {said.dtype},")
    print(f"{torch.get_num_threads()} threads; scores differ by {apart:.1e} at most")
    for name, a, b in zip(
        ("wall clock", "processor"), plain_times, fast_times, strict=True
    ):
        print(f"{name:<12} loop {a:7.2f} s, fairaudit {b:6.2f} s: {a / b:5.2f} times")


if __name__ == "__main__":
    main()
