"""Options that several commands take, and sets of options of one purpose."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer


class Dtype(StrEnum):
    """Arithmetic of the forward passes."""

    float32 = "float32"
    bfloat16 = "bfloat16"


class Correction(StrEnum):
    """Correction of the p-values over the whole audit."""

    holm = "holm"
    bh = "bh"


class Task(StrEnum):
    """What a classifier learns."""

    label = "label"
    group = "group"


class Freeze(StrEnum):
    """Which weights stay as they are."""

    nothing = "nothing"
    embeddings = "embeddings"
    encoder = "encoder"


class ClassWeights(StrEnum):
    """How much a row of each class counts in the loss."""

    none = "none"
    balanced = "balanced"


# What is audited
ModelDirs: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(metavar="MODEL_DIR...", help="Hugging Face directories."),
]
DataSpecs: TypeAlias = Annotated[
    list[str],
    typer.Option(
        "--data",
        metavar="[NAME=]PATH",
        help="A dataset; NAME is one of `fairaudit datasets`, else guessed. "
        "With a split and options: NAME@SPLIT:option=value,...=PATH. Repeatable.",
    ),
]
Vectors: TypeAlias = Annotated[
    list[str],
    typer.Option(
        metavar="FILE",
        help="Static word vectors (word2vec, GloVe) as a model. Repeatable.",
    ),
]
Predictions: TypeAlias = Annotated[
    list[str],
    typer.Option(
        metavar="[LABEL=]FILE",
        help="Predictions of any system as a model: a table with `text` or `id`, and a "
        "column of probabilities for each label, or `score`, the probability of LABEL; "
        "or JSON Lines with `prompt` and `generations`, texts with scores. Repeatable.",
    ),
]
Psm: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="Protected-status model, for sensitivity."),
]
Lexicon: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="List of terms by group, in place of the bundled ones, for every metric "
        "that takes one (parameter `terms`).",
    ),
]
Human: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Judgements of fairness by people, with `text` or `id` and a column an "
        "annotator, that sensitivity is compared with (parameter `human`).",
    ),
]
Labels: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="[NAME:]DATA=MODEL,...",
        help="Which label of the data is which of the model, where names differ; with "
        "NAME only in that dataset.",
    ),
]
Limit: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, help="Take a seeded sample of this many rows a dataset."),
]

Scorers: TypeAlias = Annotated[
    list[str],
    typer.Option(
        "--scorer",
        metavar="NAME:LABEL=DIR",
        help="A classifier that scores what a language model writes: the score NAME is "
        "the probability of LABEL. Repeatable. Default: a sentiment lexicon.",
    ),
]

# What is trained first
Train: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--train",
        help="Train a classifier from each MODEL_DIR first (at most 10 epochs, early "
        "stopping) and audit that; it is kept in the cache. For other settings: "
        "`fairaudit train`.",
    ),
]
TrainPsm: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="AXIS[=GROUP+...]",
        help="Train a protected-status model from each MODEL_DIR, likewise.",
    ),
]
TrainData: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="[NAME=]PATH",
        help="What to train on. Default: four fifths of the dataset; the other rows "
        "are audited, and no model is trained on them.",
    ),
]

# What is measured
Metrics: TypeAlias = Annotated[
    list[str],
    typer.Option(
        "--metric",
        metavar="NAME[:param=value,...]",
        help="A metric of `fairaudit metrics`. Repeatable. Default: every metric "
        "that models and data allow.",
    ),
]
Families: TypeAlias = Annotated[
    list[str],
    typer.Option(
        "--family", help="Only intrinsic, extrinsic or sensitivity. Repeatable."
    ),
]
CorrectionOf: TypeAlias = Annotated[
    Correction, typer.Option(help="Multiple-testing correction of the whole audit.")
]

# How it runs
Seed: TypeAlias = Annotated[int, typer.Option(min=0, help="Seed of every random draw.")]
Device: TypeAlias = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
DtypeOf: TypeAlias = Annotated[
    Dtype, typer.Option(help="bfloat16 is faster; numbers then change slightly.")
]
BatchTokens: TypeAlias = Annotated[
    int, typer.Option(min=1, help="Padded tokens in a batch, at most.")
]
CacheDir: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Cache of readings and models [default: user's cache]."
    ),
]
NoCache: TypeAlias = Annotated[
    bool, typer.Option("--no-cache", help="Neither read nor write the cache.")
]
Debug: TypeAlias = Annotated[
    bool, typer.Option("--debug", help="Show tracebacks of errors.")
]

# Where the report goes
Out: TypeAlias = Annotated[
    Path, typer.Option(metavar="DIR", help="Where the files go.")
]
Formats: TypeAlias = Annotated[
    str,
    typer.Option(
        "--format",
        help="Comma-separated: terminal, csv, json, html, charts, markdown, junit, "
        "sarif, github, agreement, mlflow.",
    ),
]
Quiet: TypeAlias = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress, no terminal report.")
]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print the JSON report instead of a table.")
]

# What fails the run
Config: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Limits [default: fairaudit.toml, else [tool.fairaudit] in "
        "pyproject.toml, else none].",
    ),
]
Baseline: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="AUDIT.json", help="Stored audit to compare with."),
]
Strict: TypeAlias = Annotated[
    bool, typer.Option("--strict", help="Exit 3 where a limit is inconclusive.")
]

# What a model directory may do
AllowNetwork: TypeAlias = Annotated[
    bool, typer.Option("--allow-network", help="MODEL_DIR may be a hub id.")
]
AllowPickle: TypeAlias = Annotated[
    bool, typer.Option("--allow-pickle", help="Load pickled weights (tensors only).")
]
TrustRemoteCode: TypeAlias = Annotated[
    bool,
    typer.Option("--trust-remote-code", help="Run code that a model brings along."),
]
