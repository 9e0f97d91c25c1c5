"""What an audit is about: models opened or trained first, and the data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fairaudit.cli.labels import refuse_labels, relabel
from fairaudit.cli.scorers import scorer
from fairaudit.cli.specs import parse_options, read_data
from fairaudit.errors import AuditError
from fairaudit.registry import open_model

if TYPE_CHECKING:
    from fairaudit.data import Data, Examples
    from fairaudit.engine import Scorer, Watch
    from fairaudit.model import Model
    from fairaudit.models import ModelOptions
    from fairaudit.models.continuations import ContinuationsModel
    from fairaudit.models.predictions import PredictionsModel
    from fairaudit.recipe import Recipe
    from fairaudit.result import Scalar


EPOCHS, PATIENCE, BATCH = 10.0, 3, 16
"""Of models that an audit trains; `fairaudit train` lets all settings be chosen."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line names, and how it is to be opened.

    Parameters
    ----------
    model_dirs, vectors, predictions, psm, scorers
        References of models.
    data, train_data
        Datasets to audit, and the one to train on.
    train, train_psm
        Whether to train a classifier; the axis of a protected-status model to train.
    labels, limit, seed
        As the options say.
    options
        How models are opened.
    """

    model_dirs: Sequence[str]
    vectors: Sequence[str]
    predictions: Sequence[str]
    psm: str | None
    scorers: Sequence[str]
    data: Sequence[str]
    train: bool
    train_psm: str | None
    train_data: str | None
    labels: str
    limit: int | None
    seed: int
    options: "ModelOptions"


@dataclass(frozen=True)
class Subjects:
    """Models and data to audit; `notes` say in the report how they came about."""

    models: "Sequence[Model]"
    datasets: "Sequence[Data]"
    notes: "Mapping[str, Scalar]"
    scorers: "Mapping[str, Scorer]"


def subjects(asked: Asked, cache: Path, watch: "Watch") -> Subjects:
    """Read the data, train what is to be trained, and open the models.

    Parameters
    ----------
    asked
        What the command line says.
    cache
        Where models that are trained are kept.
    watch
        Called as training proceeds.

    Raises
    ------
    AuditError
        Where options contradict one another, or something cannot be used.
    """
    _refuse_contradictions(asked)
    scorers = dict(scorer(spec, asked.options) for spec in asked.scorers)
    lesson = _lesson(asked)
    models: list[Model] = []
    notes: dict[str, Scalar] = {}
    for reference in asked.model_dirs:
        task, psm = reference, asked.psm
        if asked.train:
            task = lesson.train(reference, _recipe(asked), cache, watch, notes)
        if asked.train_psm:
            recipe = _recipe(asked, asked.train_psm)
            psm = lesson.train(reference, recipe, cache, watch, notes)
        models.append(open_model(task, asked.options, psm))
    models += [open_model(name, asked.options) for name in asked.vectors]
    for model in _predictions(asked.predictions, lesson.audited):
        models.append(model)
        notes[f"rows of {model.card.name} about no text of the data"] = model.unmatched
    return Subjects(models, lesson.audited, notes, scorers)


def _refuse_contradictions(asked: Asked) -> None:
    trains = asked.train or bool(asked.train_psm)
    if not (asked.model_dirs or asked.vectors or asked.predictions):
        raise AuditError(
            "Nothing to audit: give MODEL_DIR, --vectors FILE or --predictions FILE."
        )
    if trains and not asked.model_dirs:
        raise AuditError("--train and --train-psm need MODEL_DIR, the encoder.")
    if asked.train_data and not trains:
        raise AuditError("--train-data is for --train or --train-psm; pass one.")
    if asked.psm and asked.train_psm:
        raise AuditError("--psm and --train-psm both name a model; pass one of them.")


@dataclass(frozen=True)
class _Lesson:
    """What is learnt from, and what is audited then; `note` says how they differ."""

    audited: "Sequence[Data]"
    learning: "Examples | None" = None
    note: str = ""

    def train(
        self,
        reference: str,
        recipe: "Recipe",
        cache: Path,
        watch: "Watch",
        notes: "dict[str, Scalar]",
    ) -> str:
        """Train, or find in the cache, a model; note what it is."""
        from fairaudit.training import load_card, trained

        if self.learning is None:
            raise AuditError("There is nothing to train on. Give --train-data.")
        path = trained(reference, self.learning, recipe, cache, watch)
        told = f"{load_card(path).summary()} {self.note}"
        notes[f"training of {path.name}"] = told
        return str(path)


def _lesson(asked: Asked) -> _Lesson:
    from fairaudit.data import Examples

    found = read_data(asked.data, asked.limit, asked.seed)
    apart = [asked.train_data] if asked.train_data else []
    others = read_data(apart, asked.limit, asked.seed)
    every = relabel((*found, *others), parse_options(asked.labels, "--labels"))
    datasets, others = every[: len(found)], every[len(found) :]
    if not (asked.train or asked.train_psm):
        return _Lesson(datasets)
    lesson = _apart(datasets, others[0]) if others else _parted(datasets, asked.seed)
    if asked.train and lesson.learning is not None:
        known, name = lesson.learning.label_names, lesson.learning.card.name
        for data in lesson.audited:
            if isinstance(data, Examples):
                refuse_labels(data, known, f"the training data {name}")
    return lesson


def _apart(datasets: "Sequence[Data]", learning: "Data") -> _Lesson:
    """Learn from a dataset of its own."""
    from fairaudit.data import Examples

    if not isinstance(learning, Examples):
        raise AuditError(f"{learning.card.name} holds no labelled texts to train on.")
    known = set(learning.texts)
    audited = [data for data in datasets if isinstance(data, Examples)]
    shared = sum(text in known for data in audited for text in data.texts)
    n = sum(len(data.texts) for data in audited)
    return _Lesson(
        datasets,
        learning,
        f"Learnt from {learning.card.name}; {shared:,} of {n:,} audited rows have a "
        "text that it has too.",
    )


def _parted(datasets: "Sequence[Data]", seed: int) -> _Lesson:
    """Learn from one part of the only labelled dataset, and audit the other."""
    from fairaudit.data import Examples
    from fairaudit.recipe import Recipe, part

    labelled = [data for data in datasets if isinstance(data, Examples)]
    if len(labelled) != 1:
        names = ", ".join(data.card.name for data in labelled) or "none"
        raise AuditError(
            f"Training needs one labelled dataset (--data gives {names}). Say what to "
            "train on with --train-data."
        )
    (data,) = labelled
    learning, held = part(data, Recipe.held_out, seed)
    audited = held.named(f"{data.card.name}@held-out")
    return _Lesson(
        [audited if other is data else other for other in datasets],
        learning,
        f"Learnt from {len(learning.texts):,} of {len(data.texts):,} rows of "
        f"{data.card.name}; the other {len(held.texts):,} are audited and no model "
        "was trained on them, nor on rows with an equal text or of their cluster.",
    )


def _recipe(asked: Asked, psm: str = "") -> "Recipe":
    """Return the recipe of a classifier, or of the protected-status model named."""
    from fairaudit.recipe import Recipe

    axis, _, groups = psm.partition("=")
    return Recipe(
        task="group" if axis else "label",
        axis=axis or None,
        groups=tuple(name.strip() for name in groups.split("+") if name.strip()),
        epochs=EPOCHS,
        patience=PATIENCE,
        batch_size=BATCH,
        seed=asked.seed,
        device=asked.options.device,
        dtype=asked.options.dtype,
    )


def _predictions(
    specs: Sequence[str], datasets: "Sequence[Data]"
) -> "list[PredictionsModel | ContinuationsModel]":
    """Open files of predictions or continuations, each under a name of its own."""
    named = [_named_file(spec) for spec in specs]
    names = [path.name for _, path in named]
    twice = {name for name in names if names.count(name) > 1}
    models = [
        replace(
            _opened(path, datasets, positive),
            name=f"{path.resolve().parent.name}/{path.name}" * (path.name in twice),
        )
        for positive, path in named
    ]
    if len({model.card.name for model in models}) < len(models):
        raise AuditError("--predictions names a file twice; give each once.")
    return models


def _opened(
    path: Path, datasets: "Sequence[Data]", positive: str
) -> "PredictionsModel | ContinuationsModel":
    from fairaudit.continuations import holds_continuations, open_continuations
    from fairaudit.predictions import open_predictions

    if positive or not holds_continuations(path):
        return open_predictions(path, datasets, positive)
    return open_continuations(path, datasets)


def _named_file(spec: str) -> tuple[str, Path]:
    """Split ``[LABEL=]FILE``."""
    positive, equals, path = spec.partition("=")
    if not equals or Path(spec).exists():
        return "", Path(spec)
    return positive, Path(path)
