"""Labelled texts with groups, scored, for the metrics of classifiers."""

import json
from pathlib import Path

import numpy as np
import pytest

from fairaudit.data import Examples, Group
from fairaudit.model import ModelCard, Predict
from fairaudit.result import DatasetEntry, ModelEntry

ORACLES = Path(__file__).parent / "oracles"
LABELS = ("fine", "toxic")


def oracle(name):
    return json.loads((ORACLES / name).read_text(encoding="utf-8"))


def cases(name):
    return [pytest.param(case, id=case["name"]) for case in oracle(name)["cases"]]


def card(labels=LABELS):
    entry = ModelEntry(name="m", path="m", fingerprint="0", architecture="x")
    return ModelCard(entry=entry, labels=labels)


def examples(
    labels, groups, axis="axis", known=None, label_names=LABELS, clusters=None
):
    """Make examples: `groups` maps a name, or (axis, name), to the members."""
    n = len(labels)
    everyone = np.ones(n, dtype=bool)
    found = []
    for name, member in groups.items():
        where, what = name if isinstance(name, tuple) else (axis, name)
        certain = (known or {}).get(name, everyone)
        found.append(Group(where, what, np.asarray(member, dtype=bool), certain))
    return Examples(
        card=DatasetEntry(name="d", kind="examples", n=n, sha256="0"),
        texts=tuple(f"text {row}" for row in range(n)),
        labels=np.asarray(labels, dtype=np.int64),
        label_names=label_names,
        groups=tuple(found),
        clusters=None if clusters is None else np.asarray(clusters),
    )


def split(values):
    values = np.asarray(values)
    return {str(name): values == name for name in dict.fromkeys(values.tolist())}


def run(metric, data, probabilities, model=None, seed=0):
    """Score and return all findings; a vector of scores is that of the second class."""
    model = model or card()
    table = np.asarray(probabilities, dtype=float)
    if table.ndim == 1:
        table = np.column_stack([1 - table, table])
    assert metric.needs(data, model)["predictions"] == Predict(data.texts)
    readings = {"predictions": {"probabilities": table}}
    found = list(metric.score(data, readings, model, np.random.default_rng(seed)))
    for finding in found:
        json.dumps(finding.detail, allow_nan=False)
    return found


def only(findings, quantity, subject=""):
    found = [
        f
        for f in findings
        if f.quantity.name == quantity and f.subject.startswith(subject)
    ]
    assert len(found) == 1, [f.subject for f in found]
    return found[0]


def random_case(n=300, groups=3, seed=0):
    rng = np.random.default_rng(seed)
    names = rng.choice([f"g{i}" for i in range(groups)], n)
    return rng.integers(0, 2, n), rng.random(n).round(2), names
