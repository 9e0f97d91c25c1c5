"""A model directory from a model directory: task classifiers and PSMs."""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from fairaudit import __version__
from fairaudit.arrays import Array, IntArray
from fairaudit.data import Data, Examples
from fairaudit.errors import AuditError
from fairaudit.models import ModelOptions
from fairaudit.models.checkpoint import TRAINING_CARD, Checkpoint, open_checkpoint
from fairaudit.recipe import Recipe, Rows, select
from fairaudit.result import Json
from fairaudit.stats.auc import auc


@dataclass(frozen=True, kw_only=True)
class TrainingCard:
    """What was trained, on what, and how good it is on rows it has not seen."""

    fairaudit_version: str
    task: str
    labels: tuple[str, ...]
    recipe: Mapping[str, Json]
    encoder: Mapping[str, Json]
    data: Mapping[str, Json]
    n_train: int
    n_held_out: int
    n_left_out: int
    held_out_accuracy: float
    held_out_auc: float | None
    held_out_counts: Mapping[str, int]

    def summary(self) -> str:
        """Return one line for the terminal."""
        area = "" if self.held_out_auc is None else f", AUC {self.held_out_auc:.3f}"
        return (
            f"Trained on {self.n_train} rows ({', '.join(self.labels)}); on "
            f"{self.n_held_out} held-out rows: accuracy "
            f"{self.held_out_accuracy:.3f}{area}."
        )


def fine_tune(
    model_dir: str,
    data: Data,
    recipe: Recipe,
    out: Path,
    *,
    overwrite: bool = False,
    quiet: bool = False,
) -> TrainingCard:
    """Fine-tune a classifier and save it as an ordinary model directory.

    The directory appears whole or not at all.

    Raises
    ------
    AuditError
        Where the data has nothing to learn, or `out` exists.
    """
    _refuse_existing(out, overwrite=overwrite)
    if find_spec("accelerate") is None:
        raise AuditError(
            "Training needs accelerate: pip install 'fairaudit-nlp[train]'."
        )
    if not isinstance(data, Examples):
        raise AuditError(f"{data.card.name} holds no labelled texts to train on.")
    checkpoint = open_checkpoint(Path(model_dir), ModelOptions(recipe.device))
    rows = select(data, recipe)
    with _directory(out) as place:
        logits, truth = _train(checkpoint, rows, recipe, place, quiet=quiet)
        card = _card(checkpoint, data, recipe, rows, logits, truth)
        text = json.dumps(asdict(card), indent=1, allow_nan=False)
        (place / TRAINING_CARD).write_text(text, encoding="utf-8")
    return card


def _train(
    checkpoint: Checkpoint, rows: Rows, recipe: Recipe, place: Path, *, quiet: bool
) -> tuple[Array, IntArray]:
    """Train, save into `place`, and return the held-out logits and classes."""
    import transformers

    from fairaudit.models.network import load_tokenizer, max_tokens, pick_device

    transformers.set_seed(recipe.seed)
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    tokenizer = load_tokenizer(checkpoint, ModelOptions(recipe.device))
    network = _network(checkpoint, rows.labels, recipe, tokenizer)
    limit = min(recipe.max_tokens, max_tokens(network, tokenizer))
    device = pick_device(recipe.device)
    trainer = transformers.Trainer(
        model=network,
        args=_arguments(recipe, place, device.type, quiet=quiet),
        train_dataset=_dataset(rows, rows.train, tokenizer, limit),
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
    )
    if not sys.stderr.isatty() or quiet:
        trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()
    network.save_pretrained(place)
    tokenizer.save_pretrained(place)
    held_out = _dataset(rows, rows.held_out, tokenizer, limit)
    # The trainer's order is by length, so the classes come from it too.
    found = trainer.predict(held_out)
    logits = np.asarray(found.predictions, float)
    if not np.isfinite(logits).all():
        raise AuditError(
            "Training diverged: the outputs are not finite. Lower --learning-rate "
            f"(now {recipe.learning_rate:g})."
        )
    return logits, np.asarray(found.label_ids)


def _arguments(recipe: Recipe, place: Path, device: str, *, quiet: bool) -> Any:  # noqa: ANN401
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=str(place / "trainer"),
        num_train_epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=recipe.batch_size,
        warmup_steps=0.1,
        seed=recipe.seed,
        data_seed=recipe.seed,
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        train_sampling_strategy="group_by_length",
        dataloader_pin_memory=False,
        use_cpu=device == "cpu",
        bf16=recipe.dtype == "bfloat16",
        disable_tqdm=quiet or not sys.stderr.isatty(),
    )


def _network(
    checkpoint: Checkpoint,
    labels: Sequence[str],
    recipe: Recipe,
    tokenizer: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    from fairaudit.models.network import load_trainable

    network = load_trainable(checkpoint, labels)
    if network.config.pad_token_id is None:
        network.config.pad_token_id = tokenizer.pad_token_id
    frozen = {
        "nothing": None,
        "embeddings": network.get_input_embeddings(),
        "encoder": network.base_model,
    }[recipe.freeze]
    if frozen is not None:
        frozen.requires_grad_(requires_grad=False)
    return network


def _dataset(
    rows: Rows,
    chosen: IntArray,
    tokenizer: Any,  # noqa: ANN401
    limit: int,
) -> Any:  # noqa: ANN401
    texts = [rows.texts[row] for row in chosen]
    encoded = tokenizer(texts, truncation=True, max_length=limit)
    columns = zip(*(encoded[name] for name in encoded), strict=True)
    return [
        {**dict(zip(encoded, values, strict=True)), "labels": int(rows.classes[row])}
        for row, values in zip(chosen, columns, strict=True)
    ]


def _card(
    checkpoint: Checkpoint,
    data: Examples,
    recipe: Recipe,
    rows: Rows,
    logits: Array,
    truth: IntArray,
) -> TrainingCard:
    margin = logits[:, -1] - logits[:, 0]
    two = len(rows.labels) == 2
    counts = np.bincount(truth, minlength=len(rows.labels)).tolist()
    return TrainingCard(
        fairaudit_version=__version__,
        task=recipe.task,
        labels=rows.labels,
        recipe=asdict(recipe),
        encoder={"fingerprint": checkpoint.fingerprint},
        data={"name": data.card.name, "sha256": data.card.sha256, "n": data.card.n},
        n_train=len(rows.train),
        n_held_out=len(rows.held_out),
        n_left_out=rows.left_out,
        held_out_accuracy=float((logits.argmax(1) == truth).mean()),
        held_out_auc=auc(margin[truth == 1], margin[truth == 0]) if two else None,
        held_out_counts=dict(zip(rows.labels, counts, strict=True)),
    )


def _refuse_existing(out: Path, *, overwrite: bool) -> None:
    if out.exists() and not overwrite:
        raise AuditError(f"{out} exists; pass --overwrite or choose another --out.")
    if out.exists() and not (out / "config.json").is_file():
        raise AuditError(
            f"{out} exists and is not a model directory, so --overwrite leaves it "
            "alone; choose another --out."
        )


@contextmanager
def _directory(out: Path) -> Iterator[Path]:
    """Give a directory to fill; it takes the name `out` when all went well."""
    out.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    try:
        yield place
        shutil.rmtree(place / "trainer", ignore_errors=True)
        place.chmod(0o755)
        _swap(place, out)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _swap(place: Path, out: Path) -> None:
    """Give `place` the name `out`; what stood there goes only when that is done."""
    old = place.with_name(f"{place.name}-old")
    if out.exists():
        out.replace(old)
    try:
        place.replace(out)
    except OSError:
        if old.exists():
            old.replace(out)
        raise
    shutil.rmtree(old, ignore_errors=True)
