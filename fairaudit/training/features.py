"""A frozen encoder read once: what its head sees of each text."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import torch
from transformers.modeling_outputs import BaseModelOutputWithPoolingAndCrossAttentions

from fairaudit.arrays import AnyArray, IntArray
from fairaudit.reading import batches

View: TypeAlias = Literal["unpooled", "pooled", "first", "last"]
"""What a head reads: the pooler's output, or the state of the first or last token.

``"unpooled"`` is the state of the first token under a pooler that learns with the head.
"""
Encode: TypeAlias = Callable[[Sequence[int]], Mapping[str, torch.Tensor]]
"""From text numbers to padded inputs of the network."""

_BATCH_TOKENS = 4096
_PROBE = 8


@dataclass(frozen=True)
class Encoder:
    """The frozen base of a network, and how texts come to it.

    Parameters
    ----------
    network
        A classifier whose base has nothing to learn but a pooler.
    encode
        Gives the inputs of some of the texts.
    counts
        Length of each text in tokens.
    device
        Where the base runs.
    bfloat16
        Run under autocast.
    """

    network: Any
    encode: Encode
    counts: IntArray
    device: torch.device
    bfloat16: bool

    def view(self) -> View | None:
        """Return the view that gives the network's own logits; None where none does.

        It is tried on texts of all lengths, so an architecture need not be known.
        """
        spread = np.linspace(0, len(self.counts) - 1, min(_PROBE, len(self.counts)))
        probe = np.argsort(self.counts, kind="stable")[spread.astype(int)].tolist()
        self.network.eval().to(self.device)
        wanted = self._logits(self._inputs(probe))
        for view in self._views:
            try:
                states = torch.from_numpy(self._states(probe, view)).to(self.device)
                with stand_in(self.network, view):
                    found = self._logits({"inputs_embeds": states[:, None]})
            except (AttributeError, IndexError, TypeError, ValueError, RuntimeError):
                continue  # this head wants something else of its base
            if torch.allclose(found, wanted, rtol=1e-4, atol=1e-5):
                return view
        return None

    def read(self, view: View, watch: Callable[[int, int], None]) -> AnyArray:
        """Return the states of all texts, shape (texts, width)."""
        self.network.eval().to(self.device)
        rows: AnyArray | None = None
        done = 0
        for batch in batches(self.counts, _BATCH_TOKENS):
            states = self._states(batch, view)
            if rows is None:
                rows = np.empty((len(self.counts), states.shape[1]), states.dtype)
            rows[batch] = states
            done += len(batch)
            watch(done, len(self.counts))
        return np.empty((0, 0)) if rows is None else rows

    @property
    def _views(self) -> tuple[View, ...]:
        pooler = getattr(self.network.base_model, "pooler", None)
        parameters = () if pooler is None else pooler.parameters()
        learns = any(tensor.requires_grad for tensor in parameters)
        return tuple(view for view in get_args(View) if (view == "unpooled") == learns)

    def _inputs(self, texts: Sequence[int]) -> Mapping[str, torch.Tensor]:
        return {k: x.to(self.device) for k, x in self.encode(texts).items()}

    def _logits(self, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        with torch.inference_mode():
            logits: torch.Tensor = self.network(**inputs).logits
        return logits.float()

    def _states(self, texts: Sequence[int], view: View) -> AnyArray:
        inputs = self._inputs(texts)
        arithmetic = torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.bfloat16
        )
        with torch.inference_mode(), arithmetic:
            out = self.network.base_model(**inputs)
        if view == "pooled":
            states = out.pooler_output
        else:
            last = inputs["attention_mask"].sum(1) - 1
            at = last if view == "last" else torch.zeros_like(last)
            states = out.last_hidden_state[torch.arange(len(at), device=at.device), at]
        found: AnyArray = states.float().cpu().numpy()
        return found


def cached_states(
    encoder: Encoder, place: Path, watch: Callable[[int, int], None]
) -> tuple[View, AnyArray] | None:
    """Return the view and the states of all texts, from the disk where they are there.

    None where the head reads more of its base than one state.
    """
    for view in get_args(View):
        if (kept := place / f"{view}.npy").is_file():
            return view, np.load(kept, allow_pickle=False)
    found = encoder.view()
    if found is None:
        return None
    states = encoder.read(found, watch)
    place.mkdir(exist_ok=True)
    half = place / "half"
    with half.open("wb") as file:
        np.save(file, states)
    half.replace(place / f"{found}.npy")
    return found, states


class _StandIn(torch.nn.Module):
    """Gives back the states that were cached in place of a base network's output."""

    def __init__(self, view: View, base: Any) -> None:  # noqa: ANN401
        super().__init__()
        self._view = view
        self.pooler = base.pooler if view == "unpooled" else None

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        *,
        inputs_embeds: torch.Tensor,
        **_: object,
    ) -> BaseModelOutputWithPoolingAndCrossAttentions:
        """Return states handed in as `inputs_embeds`, shape (b, 1, width)."""
        pooled = inputs_embeds[:, 0] if self._view == "pooled" else None
        if self.pooler is not None:
            pooled = self.pooler(inputs_embeds)
        return BaseModelOutputWithPoolingAndCrossAttentions(
            last_hidden_state=inputs_embeds,
            pooler_output=pooled,
        )


@contextmanager
def stand_in(network: Any, view: View) -> Iterator[None]:  # noqa: ANN401
    """Put cached states in the place of the network's base for a while."""
    name = network.base_model_prefix
    base = getattr(network, name)
    setattr(network, name, _StandIn(view, base))
    try:
        yield
    finally:
        setattr(network, name, base)
