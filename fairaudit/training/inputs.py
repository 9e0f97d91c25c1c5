"""What a network is given to learn from: tokens, or the states of a frozen encoder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
import transformers

from fairaudit.arrays import IntArray
from fairaudit.recipe import Recipe, Rows
from fairaudit.training import Watch
from fairaudit.training.features import Encoder, cached_states, stand_in
from fairaudit.training.places import FEATURES

Item: TypeAlias = Mapping[str, Any]
Collate: TypeAlias = Callable[[list[Any]], Mapping[str, torch.Tensor]]


@dataclass(frozen=True)
class Texts:
    """The rows that are used, as the tokenizer cuts them.

    Parameters
    ----------
    rows, tokenizer
        What is cut by what.
    limit
        The longest input in tokens.
    accepted
        Names of the inputs that the network takes.
    """

    rows: Rows
    tokenizer: Any
    limit: int
    accepted: frozenset[str]

    @cached_property
    def numbers(self) -> IntArray:
        """Number of the unique text of each row, -1 where the row is not used."""
        found = np.full(len(self.rows.texts), -1)
        seen: dict[str, int] = {}
        parts = (self.rows.train, self.rows.validation, self.rows.held_out)
        for row in np.concatenate(parts).tolist():
            found[row] = seen.setdefault(self.rows.texts[row], len(seen))
        return found

    @cached_property
    def encoded(self) -> Sequence[Item]:
        """Return what the network takes, for each unique text."""
        used = np.flatnonzero(self.numbers >= 0)
        _, first = np.unique(self.numbers[used], return_index=True)
        texts = [self.rows.texts[row] for row in used[first]]
        found = self.tokenizer(texts, truncation=True, max_length=self.limit)
        names = [name for name in found if name in self.accepted]
        columns = zip(*(found[name] for name in names), strict=True)
        return [dict(zip(names, values, strict=True)) for values in columns]

    @cached_property
    def counts(self) -> IntArray:
        """Return the length of each unique text in tokens."""
        return np.array([len(item["input_ids"]) for item in self.encoded])

    def padded(self, chosen: Sequence[int]) -> Mapping[str, torch.Tensor]:
        """Return some of the unique texts as one batch."""
        found = self.tokenizer.pad(
            [self.encoded[number] for number in chosen], return_tensors="pt"
        )
        return dict(found)


@dataclass(frozen=True)
class Inputs:
    """What the network is given for each row: tokens, or cached states."""

    items: Sequence[Item]
    numbers: IntArray
    lengths: IntArray
    collate: Collate
    cached: bool

    def dataset(self, rows: Rows, chosen: IntArray) -> list[Item]:
        """Return the chosen rows in the order given, with their classes."""
        return [
            {**self.items[self.numbers[row]], "labels": int(rows.classes[row])}
            for row in chosen
        ]

    def length(self, chosen: IntArray) -> IntArray:
        """Return the lengths of the chosen rows."""
        found: IntArray = self.lengths[self.numbers[chosen]]
        return found


@contextmanager
def network_inputs(
    network: Any,  # noqa: ANN401
    texts: Texts,
    recipe: Recipe,
    device: torch.device,
    work: Path,
    watch: Watch,
) -> Iterator[Inputs]:
    """Give the inputs; while they are cached states, the base is out of the network."""
    learning = [n for n, x in network.base_model.named_parameters() if x.requires_grad]
    frozen = all(name.startswith("pooler.") for name in learning)
    found = None
    if frozen:
        bfloat16 = recipe.dtype == "bfloat16"
        encoder = Encoder(network, texts.padded, texts.counts, device, bfloat16)
        found = cached_states(
            encoder, work / FEATURES, lambda a, b: watch("reading texts", a, b)
        )
    if found is None:
        collate = transformers.DataCollatorWithPadding(texts.tokenizer)
        yield Inputs(texts.encoded, texts.numbers, texts.counts, collate, cached=False)
        return
    view, states = found
    items = [{"inputs_embeds": state} for state in torch.from_numpy(states)[:, None]]
    with stand_in(network, view):
        yield Inputs(
            items, texts.numbers, np.ones_like(texts.counts), _stack, cached=True
        )


def _stack(items: list[Any]) -> Mapping[str, torch.Tensor]:
    return {
        "inputs_embeds": torch.stack([item["inputs_embeds"] for item in items]),
        "labels": torch.tensor([item["labels"] for item in items]),
    }
