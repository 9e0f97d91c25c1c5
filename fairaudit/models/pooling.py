"""Vectors of spans from the hidden states of their sub-tokens."""

from collections.abc import Sequence

import numpy as np
import torch

from fairaudit.arrays import AnyArray, BoolArray, IntArray
from fairaudit.errors import AuditError
from fairaudit.model import Embed
from fairaudit.models.encoded import Encoded


def pooled(
    request: Embed, where: IntArray, batch: Encoded, hidden: Sequence[torch.Tensor]
) -> AnyArray:
    """Pool the sub-tokens that overlap each span; NaN where there are none."""
    state = _layer(request, hidden)
    spans = np.array(request.spans, dtype=np.int64).reshape(-1, 1, 2)
    offsets = batch.offsets[where]
    inside = (offsets[..., 0] < spans[..., 1]) & (offsets[..., 1] > spans[..., 0])
    usable = _first(inside) if request.pool == "cls" else inside & batch.text[where]
    weights = _weights(usable, request.pool)
    picked = torch.from_numpy(weights).to(state.device)
    rows = torch.from_numpy(where).to(state.device)
    vectors = torch.einsum("nt,ntd->nd", picked, state[rows].float())
    values: AnyArray = vectors.cpu().numpy()
    values[weights.sum(1) == 0] = np.nan
    return values


def _layer(request: Embed, hidden: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the hidden states of the layer that is asked for."""
    layers = len(hidden)
    if not -layers <= request.layer < layers:
        raise AuditError(
            f"The model has no layer {request.layer}; its layers are 0 (embedding "
            f"output) to {layers - 1} (last, also -1)."
        )
    return hidden[request.layer]


def _first(inside: BoolArray) -> BoolArray:
    first = np.zeros_like(inside)
    first[:, 0] = True
    return first


def _weights(inside: BoolArray, pool: str) -> AnyArray:
    order = np.cumsum(inside, axis=1)
    nth = order[:, -1:] if pool == "last" else np.ones((len(inside), 1))
    kept = inside if pool == "mean" else inside & (order == nth)
    weights: AnyArray = kept / np.maximum(kept.sum(1, keepdims=True), 1)
    return weights.astype(np.float32)
