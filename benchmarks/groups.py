"""Measure how fast the group metrics of classifiers are, and how much memory they take.

    python benchmarks/groups.py

Everything beyond reading the data and predicting is counted: rates, calibration, score
distances, AUCs, intervals and tests. Seconds are those of the processor, the best of a
few runs, so that other work on the machine matters little; set OMP_NUM_THREADS=1.
"""

import subprocess
import sys
import time
from collections.abc import Mapping

import numpy as np

from fairaudit.data import Examples, Group
from fairaudit.metric import Metric
from fairaudit.model import ModelCard
from fairaudit.result import DatasetEntry, ModelEntry
from fairaudit_metrics.extrinsic.bias_aucs import BiasAucs
from fairaudit_metrics.extrinsic.bias_in_bios import BiasInBios
from fairaudit_metrics.extrinsic.disparity import Disparity

SHARE = 0.05
Case = tuple[Examples, ModelCard, Mapping[str, Mapping[str, np.ndarray]]]


def case(rows: int, groups: int, *, overlap: bool = False, classes: int = 2) -> Case:
    """Make scored rows in groups; with `overlap` each is in any with a chance."""
    rng = np.random.default_rng(0)
    member = rng.integers(groups, size=rows)[:, None] == np.arange(groups)
    if overlap:
        member = rng.random((rows, groups)) < SHARE
    known = np.ones(rows, dtype=bool)
    labels = rng.integers(classes, size=rows)
    table = rng.random((rows, classes))
    table[np.arange(rows), labels] += 0.4
    table /= table.sum(axis=1, keepdims=True)
    names = tuple(f"class {at:02}" for at in range(classes))
    data = Examples(
        card=DatasetEntry(name="bench", kind="examples", n=rows, sha256=""),
        texts=("",) * rows,
        labels=labels,
        label_names=names,
        groups=tuple(
            Group("axis", f"group {g}", member[:, g].copy(), known)
            for g in range(groups)
        ),
    )
    entry = ModelEntry(name="m", path="", fingerprint="", architecture="")
    card = ModelCard(entry=entry, labels=names)
    return data, card, {"predictions": {"probabilities": table}}


def seconds(metric: Metric[Examples], given: Case, repeats: int = 3) -> float:
    data, card, readings = given
    found = []
    for _ in range(repeats):
        rng = np.random.default_rng(1)
        begin = time.process_time()
        list(metric.score(data, readings, card, rng))
        found.append(time.process_time() - begin)
    return min(found)


def show(what: str, value: float, bound: float, unit: str) -> None:
    verdict = "ok" if value <= bound else "ABOVE"
    print(f"{what:<58} {value:9.2f} {unit:<3} (at most {bound:g} {unit}: {verdict})")


def largest(rows: int, groups: int) -> None:
    """Print the most memory that a process of its own takes, data included."""
    code = (
        "import resource; from groups import *;"
        f"seconds(Disparity(), case({rows}, {groups}), repeats=1);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=__file__.rpartition("/")[0] or ".",
    )
    unit = 1 << 10 if sys.platform == "darwin" else 1
    size = float(run.stdout) / unit / 1024
    show(f"disparity, {rows:,} rows, {groups} groups", size, 1536, "MiB")


def main() -> None:
    seconds(Disparity(draws=100), case(500, 2), repeats=1)
    small = "10,000 draws, all figures"
    show(
        f"disparity, 100,000 rows, 8 groups, {small}",
        seconds(Disparity(), case(100_000, 8)),
        1.0,
        "s",
    )
    overlapping = case(100_000, 8, overlap=True)
    show("the same, groups that overlap", seconds(Disparity(), overlapping), 2.0, "s")
    bios = case(100_000, 2, classes=28)
    show(
        "bias_in_bios, 100,000 rows, 28 classes", seconds(BiasInBios(), bios), 2.0, "s"
    )
    show(
        "bias_aucs, 1,000,000 rows, 24 groups, intervals included",
        seconds(BiasAucs(), case(1_000_000, 24, overlap=True), repeats=2),
        10.0,
        "s",
    )
    largest(1_000_000, 40)


if __name__ == "__main__":
    main()
