"""The transformers Trainer, made to go on where it stopped."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import safetensors.torch
import torch
import transformers
from transformers.trainer_pt_utils import LengthGroupedSampler


class Learner(transformers.Trainer):
    """A Trainer whose order of rows depends on seed and epoch alone."""

    def __init__(self, *, order: "Order", **settings: Any) -> None:  # noqa: ANN401
        self._order = order
        super().__init__(**settings)

    def _get_train_sampler(self, train_dataset: object = None) -> "Order":
        return self._order


class Order(LengthGroupedSampler):
    """Batches of texts of about one length, in another order each epoch."""

    def __init__(self, batch_size: int, lengths: list[int], seed: int) -> None:
        super().__init__(batch_size, lengths=lengths, generator=torch.Generator())
        self._seed = seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Make the order that of an epoch, whichever came before."""
        (state,) = np.random.SeedSequence([self._seed, epoch]).generate_state(1)
        self.generator.manual_seed(int(state))


@dataclass(frozen=True)
class Loss:
    """Cross-entropy, the mean over a batch weighted by class."""

    weights: torch.Tensor

    def __call__(
        self,
        outputs: Any,  # noqa: ANN401
        labels: torch.Tensor,
        num_items_in_batch: object = None,
    ) -> torch.Tensor:
        """Return the loss of a batch, in the form that the Trainer calls."""
        logits = outputs["logits"].float()
        return torch.nn.functional.cross_entropy(logits, labels, self.weights)


class Keeper(transformers.TrainerCallback):
    """Says how far it is, asks for checkpoints, keeps the best weights, stops early.

    It remembers nothing that a checkpoint does not hold: the losses on the validation
    rows are in the Trainer's log.

    Parameters
    ----------
    network
        Whose weights are kept.
    kept
        Where they are kept.
    patience
        As `Recipe` defines it.
    steps
        Steps of an epoch.
    seconds
        Time between checkpoints.
    watch
        Called with (steps done, steps in all).
    """

    def __init__(
        self,
        network: torch.nn.Module,
        kept: Path,
        *,
        patience: int,
        steps: int,
        seconds: float,
        watch: Callable[[int, int], None],
    ) -> None:
        self._network, self._kept = network, kept
        self._patience, self._steps, self._seconds = patience, steps, seconds
        self._watch = watch
        self._last = monotonic()

    def on_step_end(
        self,
        args: transformers.TrainingArguments,
        state: transformers.TrainerState,
        control: transformers.TrainerControl,
        **_: object,
    ) -> None:
        """Ask for a checkpoint, but not where the end of the epoch is still to come."""
        self._watch(state.global_step, state.max_steps)
        inside = state.global_step % self._steps > 0
        control.should_save = inside and self._due(state)

    def on_epoch_end(
        self,
        args: transformers.TrainingArguments,
        state: transformers.TrainerState,
        control: transformers.TrainerControl,
        **_: object,
    ) -> None:
        """Ask for a look at the validation rows, and for a checkpoint after it."""
        control.should_evaluate = self._patience > 0
        control.should_save = self._due(state)

    def on_evaluate(
        self,
        args: transformers.TrainingArguments,
        state: transformers.TrainerState,
        control: transformers.TrainerControl,
        **_: object,
    ) -> None:
        """Keep the weights of the lowest loss; stop where it has not been for long."""
        losses = [loss for _, loss in validated(state)]
        if losses[-1] < min(losses[:-1], default=np.inf):
            self._keep()
        if len(losses) - 1 - int(np.argmin(losses)) >= self._patience:
            control.should_training_stop = True
            control.should_save = False

    def on_save(
        self,
        args: transformers.TrainingArguments,
        state: transformers.TrainerState,
        control: transformers.TrainerControl,
        **_: object,
    ) -> None:
        """Count the time from here."""
        self._last = monotonic()

    def restore(self) -> None:
        """Give the network its best weights, where there is a best."""
        if self._kept.is_file():
            safetensors.torch.load_model(self._network, self._kept, strict=False)

    def _due(self, state: transformers.TrainerState) -> bool:
        late = monotonic() - self._last >= self._seconds
        return late and state.global_step < state.max_steps

    def _keep(self) -> None:
        self._kept.parent.mkdir(exist_ok=True)
        half = self._kept.with_suffix(".half")
        safetensors.torch.save_model(self._network, str(half))
        half.replace(self._kept)


def validated(state: transformers.TrainerState) -> list[tuple[float, float]]:
    """Return epoch and loss of each look at the validation rows."""
    return [
        (entry["epoch"], loss if np.isfinite(loss := entry["eval_loss"]) else np.inf)
        for entry in state.log_history
        if "eval_loss" in entry
    ]
