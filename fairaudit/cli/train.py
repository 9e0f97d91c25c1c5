"""``fairaudit train``: a task classifier or a protected-status model."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Task(StrEnum):
    """What the classifier learns."""

    label = "label"
    group = "group"


class Dtype(StrEnum):
    """Arithmetic of the training."""

    float32 = "float32"
    bfloat16 = "bfloat16"


class Freeze(StrEnum):
    """Which weights stay as they are."""

    nothing = "nothing"
    embeddings = "embeddings"
    encoder = "encoder"


def train(
    model_dir: Annotated[str, typer.Argument(metavar="MODEL_DIR", help="The encoder.")],
    *,
    data: Annotated[
        str, typer.Option(metavar="[NAME=]PATH", help="Labelled texts with groups.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The new model directory.")],
    task: Annotated[
        Task, typer.Option(help="label: a task classifier; group: a PSM.")
    ] = Task.label,
    axis: Annotated[
        str | None, typer.Option(help="Group axis for --task group, such as gender.")
    ] = None,
    groups: Annotated[
        str, typer.Option(help="Comma-separated groups of the axis [default: all].")
    ] = "",
    epochs: Annotated[float, typer.Option(min=0.01)] = 1.0,
    learning_rate: Annotated[float, typer.Option(min=0.0)] = 1e-4,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    held_out: Annotated[
        float, typer.Option(min=0.05, max=0.5, help="Share kept for measuring.")
    ] = 0.2,
    freeze: Annotated[
        Freeze,
        typer.Option(help="Frozen embeddings give TC and PSM one embedding space."),
    ] = Freeze.embeddings,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps.")] = "auto",
    dtype: Annotated[
        Dtype, typer.Option(help="bfloat16 is quick only where there are units for it.")
    ] = Dtype.float32,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Train on a seeded sample of the rows.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing --out directory.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks of errors.")
    ] = False,
) -> None:
    """Fine-tune an encoder: a task classifier, or a PSM.

    A PSM (protected-status model) tells groups apart; `--psm` takes one.

    The result is an ordinary Hugging Face model directory with a card
    (fairaudit_training.json) that holds the data hash, the settings and the held-out
    accuracy and AUC.

    Example: `fairaudit train encoder --data notes.csv --task group --axis gender
    --out psm`
    """
    from fairaudit.cli.specs import read_data
    from fairaudit.recipe import Recipe
    from fairaudit.training import fine_tune

    _ = debug  # read by the entry point
    recipe = Recipe(
        task=task.value,
        axis=axis,
        groups=tuple(name.strip() for name in groups.split(",") if name.strip()),
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        held_out=held_out,
        freeze=freeze.value,
        seed=seed,
        device=device,
        dtype=dtype.value,
    )
    (examples,) = read_data([data], limit, seed)
    card = fine_tune(model_dir, examples, recipe, out, overwrite=overwrite, quiet=quiet)
    if not quiet:
        typer.echo(card.summary())
