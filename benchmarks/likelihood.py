"""Measure what scoring sentence pairs costs beside lm-evaluation-harness.

    python benchmarks/likelihood.py MODEL_DIR CROWS_PAIRS_CSV [--harness PYTHON]
        [--pairs 200] [--batch-sizes 1 8] [--repeats 2]

Both score both sentences of each pair with log P(sentence) under a causal language
model, as whole commands, start of the interpreter and loading included, in single
precision on one thread: `fairaudit evaluate --metric crows_pairs:variant=sentence_sum`
with an empty cache, and `lm_eval run` with a task on the same sentences, which asks for
what its task crows_pairs asks for. PYTHON is the interpreter of an environment with
`lm_eval`; where it has none, only fairaudit is measured. Of all repeats the least
processor time counts (on a busy machine the wall clock says little), and the sums of
log-probabilities are compared sentence by sentence.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fairaudit.cache import Cache
from fairaudit.datasets.crows_pairs import CrowsPairsReader
from fairaudit.models import ModelOptions
from fairaudit.models.hf import HuggingFaceLoader
from fairaudit.reading import read
from fairaudit_metrics.intrinsic.crows_pairs import CrowsPairs

TASK = """task: sentence_pairs
dataset_path: json
dataset_kwargs:
  data_files: {{test: {path}}}
test_split: test
output_type: multiple_choice
doc_to_text: ""
doc_to_target: 0
doc_to_choice: "{{{{[sent_more, sent_less]}}}}"
target_delimiter: ""
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: false}}
"""
ALONE = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    **dict.fromkeys(("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"), "1"),
}


def part(source: Path, pairs: int, folder: Path) -> Path:
    """Write the first pairs as CSV, and for the harness as JSON Lines with a task."""
    with source.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:pairs]
    kept = folder / "pairs.csv"
    with kept.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    lines = folder / "pairs.jsonl"
    names = ("sent_more", "sent_less")
    lines.write_text(
        "".join(json.dumps({name: row[name] for name in names}) + "\n" for row in rows)
    )
    (folder / "task").mkdir()
    (folder / "task" / "pairs.yaml").write_text(TASK.format(path=lines))
    return kept


def timed(words: Sequence[str], folder: Path) -> tuple[float, float]:
    """Run a command; return wall and processor time in seconds."""
    environment = {**os.environ, **ALONE, "HF_DATASETS_CACHE": str(folder / "hf")}
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ran = subprocess.run(
        words, env=environment, capture_output=True, text=True, check=False
    )
    wall = time.perf_counter() - wall
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode:
        raise SystemExit(f"{' '.join(words[:4])} failed:\n{ran.stderr[-2000:]}")
    spent = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
    return wall, spent


def ours(model: str, pairs: Path, folder: Path) -> list[str]:
    metric = "crows_pairs:variant=sentence_sum"
    words = [sys.executable, "-m", "fairaudit", "evaluate", model, "--metric", metric]
    words += ["--data", f"crows_pairs={pairs}", "--device", "cpu", "--format", "csv"]
    return [*words, "--cache", str(folder), "--out", str(folder / "report")]


def harness(python: str, model: str, batch: int, folder: Path) -> list[str]:
    words = [python, "-m", "lm_eval", "run", "--model", "hf", "--device", "cpu"]
    words += ["--model_args", f"pretrained={model},dtype=float32"]
    words += ["--batch_size", str(batch), "--tasks", "sentence_pairs"]
    words += ["--include_path", str(folder / "task"), "--log_samples"]
    return [*words, "--output_path", str(folder / f"harness-{batch}")]


def our_sums(model: str, pairs: Path, cache: Path) -> np.ndarray:
    """Return the sums of the timed run from its cache, shape (pairs, 2)."""
    data = CrowsPairsReader().read(pairs, None, np.random.default_rng(0))
    opened = HuggingFaceLoader().open(
        model, ModelOptions(device="cpu", dtype="float32")
    )
    asked = list(CrowsPairs(variant="sentence_sum").needs(data, opened.card).values())
    answers, cost = read(opened, asked, Cache(cache), 2048)
    if cost.forward_passes:
        print(f"({cost.forward_passes} sentences were not in the cache)")
    lengths = answers[0]["lengths"]
    rows = np.repeat(np.arange(len(lengths)), lengths)
    logprob = answers[0]["logprob"].astype(float)
    return np.bincount(rows, logprob, len(lengths)).reshape(2, -1).T


def harness_sums(folder: Path) -> np.ndarray:
    """Return the sums that the harness logged, shape (pairs, 2)."""
    (path, *_) = sorted(folder.rglob("samples_*.jsonl"), reverse=True)
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    rows.sort(key=lambda row: row["doc_id"])
    return np.array([[float(one[0][0]) for one in row["resps"]] for row in rows])


def has_harness(python: str) -> bool:
    probe = "import importlib.util as u, sys; sys.exit(u.find_spec('lm_eval') is None)"
    return not subprocess.run([python, "-c", probe], check=False).returncode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("pairs_csv", type=Path)
    parser.add_argument("--harness", metavar="PYTHON", default=sys.executable)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--repeats", type=int, default=2)
    said = parser.parse_args()
    sizes = said.batch_sizes if has_harness(said.harness) else []
    if not sizes:
        print(f"skipped: {said.harness} has no lm_eval; only fairaudit is measured")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        pairs = part(said.pairs_csv, said.pairs, folder)
        times: dict[str, list[tuple[float, float]]] = {}
        for repeat in range(said.repeats):
            cache = folder / f"cache-{repeat}"
            words = ours(said.model, pairs, cache)
            times.setdefault("fairaudit", []).append(timed(words, folder))
            for size in sizes:
                words = harness(said.harness, said.model, size, folder)
                name = f"harness, batches of {size}"
                times.setdefault(name, []).append(timed(words, folder))
        least = min(spent for _, spent in times["fairaudit"])
        for name, runs in times.items():
            wall, spent = min(w for w, _ in runs), min(s for _, s in runs)
            print(f"{name:<24} wall {wall:7.1f} s, processor {spent:7.1f} s: ", end="")
            print(f"fairaudit takes {least / spent:.2f} of it")
        found = our_sums(said.model, pairs, folder / "cache-0")
        for size in sizes:
            other = harness_sums(folder / f"harness-{size}")
            apart = np.abs(found - other) / np.abs(other)
            same = (found[:, 0] > found[:, 1]) == (other[:, 0] > other[:, 1])
            print(f"batches of {size}: {same.sum()} of {len(same)} pairs ", end="")
            print(f"decided alike; sums differ by {apart.max():.1e} (relative) at most")


if __name__ == "__main__":
    main()
