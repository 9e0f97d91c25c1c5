"""Texts as a tokenizer cut them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch

from fairaudit.arrays import BoolArray, IntArray

Inputs: TypeAlias = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Encoded:
    """Texts as the tokenizer cut them.

    Parameters
    ----------
    inputs
        What the network takes, shape (b, t), padded on the right.
    offsets
        Shape (b, t, 2): characters of each token.
    text
        Shape (b, t): whether the token stands for characters of the text.
    truncated
        Shape (b,).
    """

    inputs: Inputs
    offsets: IntArray
    text: BoolArray
    truncated: BoolArray

    def take(self, rows: IntArray) -> "Encoded":
        """Return some rows, cut to the longest of them."""
        at = torch.from_numpy(rows).to(self.inputs["input_ids"].device)
        inputs = cut({name: x[at] for name, x in self.inputs.items()})
        wide = slice(0, inputs["input_ids"].shape[1])
        return Encoded(
            inputs,
            self.offsets[rows][:, wide],
            self.text[rows][:, wide],
            self.truncated[rows],
        )


def started(batch: Encoded, start: int, limit: int) -> Encoded:
    """Put the start token before texts whose tokenizer added none."""
    ids = batch.inputs["input_ids"]
    if not batch.text[:, 0].any():
        return batch
    begin = {
        "input_ids": ids.new_full((len(ids), 1), start),
        "attention_mask": batch.inputs["attention_mask"].new_ones((len(ids), 1)),
    }
    wide = slice(0, limit)
    text = np.pad(batch.text, ((0, 0), (1, 0)))
    return Encoded(
        {n: torch.cat([x, batch.inputs[n]], 1)[:, wide] for n, x in begin.items()},
        np.pad(batch.offsets, ((0, 0), (1, 0), (0, 0)))[:, wide],
        text[:, wide],
        batch.truncated | text[:, limit:].any(axis=1),
    )


def cut(inputs: Inputs) -> Inputs:
    """Drop columns that are padding in every row."""
    length = int(inputs["attention_mask"].sum(1).amax())
    return {name: x[:, :length] for name, x in inputs.items()}
