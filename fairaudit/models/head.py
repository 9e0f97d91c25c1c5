"""Logits at single positions.

The vocabulary projection runs at the wanted positions only: a hook on the base model
hands the head just those rows of the last hidden state.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from fairaudit.errors import AuditError
from fairaudit.models.encoded import Inputs

LOGITS = 1 << 26
"""Upper bound of the logits of one pass."""


@dataclass(frozen=True)
class Head:
    """A language model, of which some positions are asked for."""

    network: Any

    @property
    def vocabulary(self) -> int:
        """Number of tokens that have a logit."""
        return int(self.network.config.vocab_size)

    @property
    def rows(self) -> int:
        """How many positions one pass may ask for."""
        return max(1, LOGITS // self.vocabulary)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        place: torch.device = next(self.network.parameters()).device
        return place

    def logits(
        self, inputs: Inputs, rows: torch.Tensor, cols: torch.Tensor
    ) -> torch.Tensor:
        """Return the logits at (rows, cols), shape (n, vocabulary)."""
        with _only(self.network, rows, cols):
            logits: torch.Tensor = self.network(**inputs).logits
        if logits.shape[:2] != (1, len(rows)):
            raise AuditError(
                f"{type(self.network).__name__} gives its logits in a way that cannot "
                "be read at single positions; its likelihood is not measured."
            )
        return logits[0].float()


@contextmanager
def _only(network: Any, rows: torch.Tensor, cols: torch.Tensor) -> Iterator[None]:  # noqa: ANN401
    """Let the head see the hidden states at (rows, cols) alone, as one sequence."""

    def gather(_module: object, _args: object, out: Any) -> Any:  # noqa: ANN401
        out.last_hidden_state = out.last_hidden_state[rows, cols].unsqueeze(0)
        return out

    handle = network.base_model.register_forward_hook(gather)
    try:
        yield
    finally:
        handle.remove()
