"""A model directory from a model directory: task classifiers and PSMs."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

from fairaudit import __version__
from fairaudit.data import Data, Examples
from fairaudit.errors import AuditError
from fairaudit.models import ModelOptions
from fairaudit.models.checkpoint import TRAINING_CARD, Checkpoint, open_checkpoint
from fairaudit.recipe import Recipe, Rows, select
from fairaudit.training.card import TrainingCard, load_card, make_card
from fairaudit.training.known import keep_texts
from fairaudit.training.places import refuse_existing, replace_directory, workplace

__all__ = ["TrainingCard", "fine_tune", "load_card", "trained"]

Watch: TypeAlias = Callable[[str, int, int], None]
"""Called with a description, steps done and steps in all."""
SECONDS = 300.0
_LIBRARIES = ("torch", "transformers", "accelerate")


def _ignore(_what: str, _done: int, _total: int) -> None:
    """Watch nothing."""


@dataclass(frozen=True)
class _Plan:
    """A training that can be done: what it starts from and what it learns."""

    checkpoint: Checkpoint
    data: Examples
    recipe: Recipe
    rows: Rows

    @property
    def key(self) -> str:
        """Digest of all that determines the result."""
        found = {
            "fairaudit": __version__,
            "encoder": self.checkpoint.fingerprint,
            "rows": self.rows.fingerprint,
            "recipe": asdict(self.recipe),
            "libraries": {name: version(name) for name in _LIBRARIES},
        }
        text = json.dumps(found, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def fine_tune(
    model_dir: str,
    data: Data,
    recipe: Recipe,
    out: Path,
    *,
    overwrite: bool = False,
    restart: bool = False,
    watch: Watch = _ignore,
    save_seconds: float = SECONDS,
) -> TrainingCard:
    """Fine-tune a classifier and save it as an ordinary model directory.

    The directory appears whole or not at all. While it is made, checkpoints lie in a
    hidden directory beside it, named by all that determines the result; the same call
    goes on from the last one, and gives the weights that a call without interruption
    gives: the same bytes on a CPU.

    Parameters
    ----------
    overwrite
        Replace a model directory that stands at `out`.
    restart
        Leave checkpoints of an interrupted training unused.
    watch
        Called as the training proceeds.
    save_seconds
        Time between checkpoints.

    Raises
    ------
    AuditError
        Where the data has nothing to learn, or `out` exists.
    """
    refuse_existing(out, overwrite=overwrite)
    plan = _plan(model_dir, data, recipe)
    with workplace(out, plan.key, restart=restart) as work:
        return _train(plan, out, work, watch, save_seconds)


def trained(
    model_dir: str, data: Data, recipe: Recipe, cache: Path, watch: Watch = _ignore
) -> Path:
    """Return the directory of a model trained so, training it only if it is not there.

    Parameters
    ----------
    model_dir
        The encoder.
    data
        Labelled texts, or texts with groups for a protected-status model.
    recipe
        What to learn and how.
    cache
        Directory that keeps models by the fingerprint of encoder, rows, recipe and
        versions.
    watch
        Called as the training proceeds.

    Raises
    ------
    AuditError
        Where the data has nothing to learn.
    """
    plan = _plan(model_dir, data, recipe)
    name = f"{Path(model_dir).resolve().name}-{recipe.axis or recipe.task}"
    out = cache / "models" / plan.key[:32] / name
    if not (out / TRAINING_CARD).is_file():
        with workplace(out, plan.key) as work:
            _train(plan, out, work, watch, SECONDS)
    return out


def _train(
    plan: _Plan, out: Path, work: Path, watch: Watch, save_seconds: float
) -> TrainingCard:
    from fairaudit.training.loop import learn

    place, recipe, rows = work / "model", plan.recipe, plan.rows
    learnt = learn(plan.checkpoint, rows, recipe, work, watch, save_seconds)
    card = make_card(plan.data, recipe, rows, learnt, plan.checkpoint.fingerprint)
    card = replace(card, texts=keep_texts(rows, place))
    text = json.dumps(asdict(card), indent=1, allow_nan=False)
    (place / TRAINING_CARD).write_text(text, encoding="utf-8")
    replace_directory(place, out)
    return card


def _plan(model_dir: str, data: Data, recipe: Recipe) -> _Plan:
    if find_spec("accelerate") is None:
        raise AuditError(
            "Training needs accelerate: pip install 'fairaudit-nlp[train]'."
        )
    if not isinstance(data, Examples):
        raise AuditError(f"{data.card.name} holds no labelled texts to train on.")
    checkpoint = open_checkpoint(Path(model_dir), ModelOptions(recipe.device))
    return _Plan(checkpoint, data, recipe, select(data, recipe))
