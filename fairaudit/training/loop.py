"""A training from beginning to end."""

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from fairaudit.arrays import Array, IntArray
from fairaudit.errors import AuditError
from fairaudit.models import ModelOptions
from fairaudit.models.checkpoint import Checkpoint
from fairaudit.models.network import (
    load_tokenizer,
    load_trainable,
    max_tokens,
    pick_device,
)
from fairaudit.recipe import Recipe, Rows
from fairaudit.training import Watch
from fairaudit.training.card import Learnt
from fairaudit.training.inputs import Inputs, Item, Texts, network_inputs
from fairaudit.training.places import CHECKPOINTS, clear, last_checkpoint
from fairaudit.training.trainer import Keeper, Learner, Loss, Order, validated


def learn(
    checkpoint: Checkpoint,
    rows: Rows,
    recipe: Recipe,
    work: Path,
    watch: Watch,
    save_seconds: float,
) -> Learnt:
    """Train, save the model into ``work/model``, and read the held-out rows.

    Raises
    ------
    AuditError
        Where the training diverges, or the device cannot be used.
    """
    device = _device(recipe)
    transformers.set_seed(recipe.seed)
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    tokenizer = load_tokenizer(checkpoint, ModelOptions(recipe.device))
    network = _network(checkpoint, rows.labels, recipe, tokenizer)
    limit = min(recipe.max_tokens, max_tokens(network, tokenizer))
    accepted = frozenset(signature(network.forward).parameters)
    texts = Texts(rows, tokenizer, limit, accepted)
    with network_inputs(network, texts, recipe, device, work, watch) as inputs:
        lesson = _Lesson(network, rows, recipe, work, inputs, device)
        learnt = lesson.run(watch, save_seconds)
    network.save_pretrained(work / "model")
    tokenizer.save_pretrained(work / "model")
    return learnt


@dataclass(frozen=True)
class _Lesson:
    """A network and what it is to learn."""

    network: Any
    rows: Rows
    recipe: Recipe
    work: Path
    inputs: Inputs
    device: torch.device

    def run(self, watch: Watch, save_seconds: float) -> Learnt:
        """Train, keep the best weights, and read the held-out rows."""
        weights = class_weights(self.rows, self.recipe)
        keeper = self._keeper(watch, save_seconds)
        trainer = self._trainer(weights, keeper)
        last = last_checkpoint(self.work)
        trainer.train(resume_from_checkpoint=str(last) if last else None)
        keeper.restore()
        looks = [look for look in validated(trainer.state) if np.isfinite(look[1])]
        best = min(looks, key=lambda look: look[1], default=(None, None))
        return Learnt(
            logits=self._held_out(trainer),
            class_weights=weights,
            epochs=float(trainer.state.epoch or 0.0),
            best_epoch=best[0],
            best_loss=best[1],
            features_cached=self.inputs.cached,
        )

    def _keeper(self, watch: Watch, save_seconds: float) -> Keeper:
        what = f"training on {len(self.rows.train):,} rows"
        return Keeper(
            self.network,
            self.work / CHECKPOINTS / "best.safetensors",
            patience=self.recipe.patience,
            steps=-(-len(self.rows.train) // self.recipe.batch_size),
            seconds=save_seconds,
            watch=lambda done, total: watch(what, done, total),
        )

    def _trainer(self, weights: Sequence[float], keeper: Keeper) -> Learner:
        lengths = self.inputs.length(self.rows.train).tolist()
        trainer = Learner(
            order=Order(self.recipe.batch_size, lengths, self.recipe.seed),
            model=self.network,
            args=self._arguments(),
            train_dataset=self.inputs.dataset(self.rows, self.rows.train),
            eval_dataset=self._by_length(self.rows.validation)[1],
            data_collator=self.inputs.collate,
            compute_loss_func=Loss(torch.tensor(weights, device=self.device)),
            callbacks=[keeper],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        return trainer

    def _held_out(self, trainer: Learner) -> Array:
        """Return the logits of the held-out rows."""
        order, dataset = self._by_length(self.rows.held_out)
        found = np.asarray(trainer.predict(dataset).predictions)  # type: ignore[arg-type]
        logits = np.empty(found.shape)
        logits[order] = found
        if not np.isfinite(logits).all():
            clear(self.work)
            raise AuditError(
                "Training diverged: the outputs are not finite. Lower --learning-rate "
                f"(now {self.recipe.learning_rate:g})."
            )
        return logits

    def _by_length(self, rows: IntArray) -> tuple[IntArray, list[Item]]:
        """Return rows in order of length, longest first, and that order."""
        order = np.argsort(-self.inputs.length(rows), kind="stable")
        return order, self.inputs.dataset(self.rows, rows[order])

    def _arguments(self) -> transformers.TrainingArguments:
        recipe = self.recipe
        arguments = transformers.TrainingArguments(
            output_dir=str(self.work / CHECKPOINTS),
            num_train_epochs=recipe.epochs,
            learning_rate=recipe.learning_rate,
            per_device_train_batch_size=recipe.batch_size,
            per_device_eval_batch_size=recipe.batch_size,
            warmup_steps=0.1,
            seed=recipe.seed,
            data_seed=recipe.seed,
            eval_strategy="no",
            save_strategy="no",
            save_total_limit=1,
            logging_strategy="no",
            report_to=[],
            dataloader_pin_memory=False,
            use_cpu=self.device.type == "cpu",
            bf16=recipe.dtype == "bfloat16",
            disable_tqdm=True,
        )
        # Several GPUs would share a batch, which the recipe does not say.
        arguments._n_gpu = min(arguments.n_gpu, 1)
        return arguments


def class_weights(rows: Rows, recipe: Recipe) -> tuple[float, ...]:
    """Return the weight of each class in the loss, as `Recipe` defines it."""
    sizes = np.bincount(rows.classes[rows.train], minlength=len(rows.labels))
    balanced = recipe.class_weights == "balanced"
    weights = sizes.sum() / (len(sizes) * sizes) if balanced else np.ones(len(sizes))
    return tuple(weights.tolist())


def _device(recipe: Recipe) -> torch.device:
    device = pick_device(recipe.device)
    if device.index:
        raise AuditError(
            f"--device {recipe.device}: training runs on the first GPU. Make another "
            f"the first with CUDA_VISIBLE_DEVICES={device.index}, and pass "
            f"--device {device.type}."
        )
    return device


def _network(
    checkpoint: Checkpoint,
    labels: Sequence[str],
    recipe: Recipe,
    tokenizer: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
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
    for name, tensor in network.base_model.named_parameters():
        if _made_up(name, checkpoint):
            tensor.requires_grad_(requires_grad=True)
    return network


def _made_up(name: str, checkpoint: Checkpoint) -> bool:
    """Tell whether a pooler is new: then it belongs to the head, and learns with it."""
    known = checkpoint.pickled or any("pooler" in n for n in checkpoint.tensors)
    return "pooler" in name and not known
