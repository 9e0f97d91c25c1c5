"""``fairaudit train``: a task classifier or a protected-status model."""

from pathlib import Path
from typing import Annotated

import typer

from fairaudit.cli import options as opt


def train(
    model_dir: Annotated[str, typer.Argument(metavar="MODEL_DIR", help="The encoder.")],
    *,
    data: Annotated[
        str, typer.Option(metavar="[NAME=]PATH", help="Labelled texts with groups.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The new model directory.")],
    task: Annotated[
        opt.Task, typer.Option(help="label: a task classifier; group: a PSM.")
    ] = opt.Task.label,
    axis: Annotated[
        str | None, typer.Option(help="Group axis for --task group, such as gender.")
    ] = None,
    groups: Annotated[
        str, typer.Option(help="Comma-separated groups of the axis [default: all].")
    ] = "",
    freeze: Annotated[
        opt.Freeze,
        typer.Option(
            help="embeddings: TC and PSM have one embedding space. encoder: only the "
            "head learns, and the encoder reads each text once."
        ),
    ] = opt.Freeze.embeddings,
    epochs: Annotated[
        float, typer.Option(min=0.01, help="Passes over the training rows, at most.")
    ] = 1.0,
    patience: Annotated[
        int,
        typer.Option(
            min=0,
            help="Stop after this many epochs without a lower loss on validation rows, "
            "and keep the weights of the lowest; 0: train all epochs.",
        ),
    ] = 0,
    validation: Annotated[
        float,
        typer.Option(min=0.01, max=0.5, help="Share of training rows for --patience."),
    ] = 0.1,
    held_out: Annotated[
        float, typer.Option(min=0.05, max=0.5, help="Share kept for measuring.")
    ] = 0.2,
    class_weights: Annotated[
        opt.ClassWeights,
        typer.Option(help="balanced: a class of few rows counts as much as others."),
    ] = opt.ClassWeights.none,
    learning_rate: Annotated[float, typer.Option(min=0.0)] = 1e-4,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    limit: opt.Limit = None,
    labels: opt.Labels = "",
    seed: opt.Seed = 0,
    device: opt.Device = "auto",
    dtype: Annotated[
        opt.Dtype,
        typer.Option(help="bfloat16 is quick only where there are units for it."),
    ] = opt.Dtype.float32,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing --out directory.")
    ] = False,
    restart: Annotated[
        bool,
        typer.Option("--restart", help="Begin anew where a run was interrupted."),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing.")] = False,
    debug: opt.Debug = False,
) -> None:
    """Fine-tune an encoder: a task classifier, or a PSM.

    A PSM (protected-status model) tells groups apart; `evaluate --psm` takes one.

    The result is an ordinary Hugging Face model directory with a card
    (fairaudit_training.json) that holds the data hash, the settings, and on held-out
    rows accuracy, AUC and rates by group. Rows with equal texts, and rows of one
    cluster, are never on both sides.

    An interrupted run goes on from its last checkpoint when it is called again.

    Examples: `fairaudit train encoder --data notes.csv --out classifier --epochs 10
    --patience 2`

    `fairaudit train encoder --data notes.csv --task group --axis gender --out psm`
    """
    from fairaudit.cli.labels import relabel
    from fairaudit.cli.progress import progress
    from fairaudit.cli.specs import parse_options, read_data
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
        patience=patience,
        validation=validation,
        class_weights=class_weights.value,
        freeze=freeze.value,
        seed=seed,
        device=device,
        dtype=dtype.value,
    )
    mapping = parse_options(labels, "--labels")
    (examples,) = relabel(read_data([data], limit, seed), mapping)
    with progress(quiet=quiet) as watch:
        card = fine_tune(
            model_dir,
            examples,
            recipe,
            out,
            overwrite=overwrite,
            restart=restart,
            watch=watch,
        )
    if not quiet:
        typer.echo(card.summary())
