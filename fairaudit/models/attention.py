"""Attention that each token of a text receives."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from fairaudit.arrays import AnyArray
from fairaudit.errors import AuditError


def received(network: Any, inputs: Mapping[str, torch.Tensor]) -> AnyArray:  # noqa: ANN401
    """Average the attention weights on each position over layers, heads and queries.

    Queries are all positions that are not padding, special tokens included, so a row of
    the answer sums to 1 over its positions.

    Parameters
    ----------
    network
        A model of the transformers library.
    inputs
        Shape (b, t) each.

    Returns
    -------
    Array of shape (b, t).
    """
    with _eager(network):
        layers = network.base_model(**inputs, output_attentions=True).attentions
    if not layers or any(layer is None or layer.dim() != 4 for layer in layers):
        raise AuditError(
            f"{type(network).__name__} gives no attention weights; use a metric that "
            "needs none."
        )
    real = inputs["attention_mask"].float()
    total = sum(layer.float().mean(1).mul(real[..., None]).sum(1) for layer in layers)
    mean = total / len(layers) / real.sum(1, keepdim=True)
    weights: AnyArray = mean.cpu().numpy()
    return weights


@contextmanager
def _eager(network: Any) -> Iterator[None]:  # noqa: ANN401
    """Run attention in the form that keeps its weights, for one pass."""
    before = network.config._attn_implementation
    network.set_attn_implementation("eager")
    try:
        yield
    finally:
        network.set_attn_implementation(before)
