"""Measure the speed figures that the project promises.

    python benchmarks/speed.py ENCODER_DIR [--texts 20000]

Ratios are taken within one run, against what has to be done anyway, so that they can be
compared between machines. Nothing else should run meanwhile.
"""

import argparse
import csv
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

WORDS = [
    "the",
    "a",
    "our",
    "their",
    "new",
    "old",
    "small",
    "large",
    "quiet",
    "busy",
    "team",
    "office",
    "report",
    "plan",
    "review",
    "meets",
    "writes",
    "reads",
    "checks",
    "keeps",
    "moves",
    "explains",
    "before",
    "after",
    "during",
    "without",
    "early",
    "late",
    "again",
    "together",
    "carefully",
    "quickly",
    "budget",
    "client",
    "letter",
    "garden",
    "station",
    "river",
]


def timed(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def command(*words: str) -> float:
    return timed(lambda: subprocess.run(words, check=True, capture_output=True))


def show(what: str, value: float, bound: float, unit: str = "") -> None:
    verdict = "ok" if value <= bound else "ABOVE"
    print(f"{what:<58} {value:8.3f}{unit}  (at most {bound:g}{unit}: {verdict})")


def startup() -> None:
    ratios = []
    for _ in range(7):
        bare = command(sys.executable, "-c", "import typer, rich")
        ratios.append(command(sys.executable, "-m", "fairaudit", "--help") / bare)
    show("fairaudit --help / import typer, rich", statistics.median(ratios), 1.5)


def write_texts(path: Path, count: int) -> list[str]:
    """Write unique texts of 5 to 60 words with labels and two groups."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 60, size=count)
    texts = [
        f"{i} " + " ".join(rng.choice(WORDS, size=n)) for i, n in enumerate(lengths)
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "group:side"])
        for i, text in enumerate(texts):
            writer.writerow(
                [text, "no" if i % 2 else "yes", "left" if i % 3 else "right"]
            )
    return texts


def write_classifiers(encoder: str, folder: Path) -> tuple[Path, Path]:
    """Save two classifiers on the encoder; a random head costs as much as any."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    made = []
    for seed, labels in enumerate((("no", "yes"), ("left", "right"))):
        torch.manual_seed(seed)
        network = AutoModelForSequenceClassification.from_pretrained(
            encoder, num_labels=2, id2label=dict(enumerate(labels))
        )
        made.append(folder / f"classifier-{labels[1]}")
        network.save_pretrained(made[-1])
        AutoTokenizer.from_pretrained(encoder).save_pretrained(made[-1])
    return made[0], made[1]


def bare_forward(model: Path, texts: list[str], batch: int) -> float:
    """Time the forward passes alone: tokenised before, sorted by length."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    network = AutoModelForSequenceClassification.from_pretrained(model).eval()
    tokenizer = AutoTokenizer.from_pretrained(model)
    ordered = sorted(texts, key=len)
    parts = [ordered[at : at + batch] for at in range(0, len(ordered), batch)]
    batches = [
        tokenizer(part, padding=True, truncation=True, return_tensors="pt")
        for part in parts
    ]
    with torch.inference_mode():
        network(**batches[0])
        return timed(lambda: [network(**part) for part in batches])


def whole_audit(encoder: str, count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = write_texts(folder / "texts.csv", count)
        model, psm = write_classifiers(encoder, folder)
        sample = texts[:: max(1, count // 600)]
        best = min((8, 16, 32, 64), key=lambda size: bare_forward(model, sample, size))
        bare = bare_forward(model, texts, best)
        audit = (sys.executable, "-m", "fairaudit", "evaluate", str(model))
        files = ("--data", str(folder / "texts.csv"), "--out", str(folder / "out"))
        full = command(*audit, *files, "--metric", "disparity", "--no-cache", "--quiet")
        print(f"forward passes alone, {count} texts, batch {best}: {bare:.1f} s")
        show("whole evaluate / bare forward passes", full / bare, 1.15)
        sensitivity(model, psm, texts[: count // 8])


def sensitivity(model: Path, psm: Path, texts: list[str]) -> None:
    from fairaudit.cache import Cache
    from fairaudit.model import Model, Predict, Request, Sensitivity
    from fairaudit.models import ModelOptions
    from fairaudit.models.hf import HuggingFaceLoader
    from fairaudit.reading import read

    loader, options, none = HuggingFaceLoader(), ModelOptions(), Cache(None)
    pair = loader.open(str(model), options, str(psm))
    alone = [loader.open(str(path), options) for path in (model, psm)]
    rows = tuple(texts)
    for each in (pair, *alone):
        read(each, [Predict(rows[:8])], none, 2048)
    read(pair, [Sensitivity(rows[:8])], none, 2048)

    def best(model: Model, request: Request) -> float:
        return min(timed(lambda: read(model, [request], none, 2048)) for _ in range(3))

    forward = sum(best(each, Predict(rows)) for each in alone)
    both = best(pair, Sensitivity(rows))
    show("sensitivity / forward passes of both models", both / forward, 2.2)


def group_metrics() -> None:
    from fairaudit.data import Examples, Group
    from fairaudit.model import ModelCard
    from fairaudit.registry import load
    from fairaudit.result import DatasetEntry, ModelEntry

    rng = np.random.default_rng(0)
    n = 100_000
    group = rng.integers(8, size=n)
    known = np.ones(n, dtype=bool)
    groups = tuple(Group("axis", f"g{i}", group == i, known) for i in range(8))
    labels = rng.integers(2, size=n)
    score = np.clip(0.3 * labels + 0.7 * rng.random(n), 0, 1)
    data = Examples(
        card=DatasetEntry(name="bench", kind="examples", n=n, sha256=""),
        texts=("",) * n,
        labels=labels,
        label_names=("no", "yes"),
        groups=groups,
    )
    entry = ModelEntry(name="m", path="", fingerprint="", architecture="")
    card = ModelCard(entry=entry, labels=("no", "yes"))
    metric = load("fairaudit.metrics", "disparity")()
    reading = {"predictions": {"probabilities": np.stack([1 - score, score], axis=1)}}
    list(metric.score(data, reading, card, np.random.default_rng(1)))
    seconds = timed(lambda: list(metric.score(data, reading, card, rng)))
    show("disparity, 100,000 rows, 8 groups, 10,000 draws", seconds, 1.0, " s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder")
    parser.add_argument("--texts", type=int, default=20_000)
    arguments = parser.parse_args()
    startup()
    group_metrics()
    whole_audit(arguments.encoder, arguments.texts)


if __name__ == "__main__":
    main()
