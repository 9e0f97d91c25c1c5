"""Seeded sampling in batches with the key-value cache.

A row's tokens depend on its own random numbers alone: Gumbel noise is added to the
log-probabilities and the largest sum is taken, which draws from the distribution
(Gumbel 1954; Maddison et al. 2014, arXiv 1411.0030). So batches may be cut at will.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fairaudit.model import Reading
from fairaudit.model.generation import CUT, EMPTY, ENDED, FULL, Generate

TOKENS = 8192
"""Most tokens of a batch, prompts and continuations together."""


class Gumbel:
    """Adds each row's own noise to its log-probabilities."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, _ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities plus noise."""
        size = scores.shape[-1]
        drawn = [torch.rand(size, generator=g) for g in self._generators]
        uniform = torch.stack(drawn).clamp_min(torch.finfo(torch.float32).tiny)
        noise = -torch.log(-torch.log(uniform)).to(scores.device)
        return torch.log_softmax(scores.float(), dim=-1) + noise


@dataclass(frozen=True)
class Writer:
    """A causal language model that continues prompts.

    Parameters
    ----------
    network, tokenizer
        The loaded model.
    limit
        Longest input in tokens.
    start
        Token that begins a prompt whose tokenizer leaves it empty.
    """

    network: Any
    tokenizer: Any
    limit: int
    start: int

    def answer(self, request: Generate) -> Reading:
        """Continue each row's prompt."""
        prompts = [self._ids(text) for text in request.texts]
        written: list[list[int]] = [[] for _ in prompts]
        room = np.array(
            [min(request.max_new_tokens, self.limit - len(ids)) for ids in prompts]
        )
        for rows in batches([len(ids) for ids in prompts], room):
            found = self._continue(request, [prompts[r] for r in rows], rows, room)
            for row, tokens in zip(rows, found, strict=True):
                written[row] = tokens
        return self._reading(written, room)

    def _ids(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer(text)["input_ids"]
        return found or [self.start]

    def _continue(
        self,
        request: Generate,
        prompts: Sequence[list[int]],
        rows: Sequence[int],
        room: np.ndarray[Any, np.dtype[np.int64]],
    ) -> list[list[int]]:
        inputs = self._padded(prompts)
        seeds = [seed_of(request, row) for row in rows]
        with torch.inference_mode():
            out = self.network.generate(
                **inputs,
                max_new_tokens=int(room[rows[0]]),
                do_sample=False,
                num_beams=1,
                use_cache=True,
                logits_processor=_processors(request, seeds),
                pad_token_id=self._pad,
                temperature=None,
                top_p=None,
                top_k=None,
            )
        new = out[:, inputs["input_ids"].shape[1] :].tolist()
        return [self._until_end(tokens) for tokens in new]

    def _padded(self, prompts: Sequence[list[int]]) -> dict[str, torch.Tensor]:
        """Pad on the left, so that every row goes on at its end."""
        width = max(map(len, prompts))
        ids = [[self._pad] * (width - len(p)) + p for p in prompts]
        mask = [[0] * (width - len(p)) + [1] * len(p) for p in prompts]
        device = next(self.network.parameters()).device
        return {
            "input_ids": torch.tensor(ids, device=device),
            "attention_mask": torch.tensor(mask, device=device),
        }

    @property
    def _pad(self) -> int:
        known = (self.tokenizer.pad_token_id, self.start)
        return int(next(number for number in known if number is not None))

    @property
    def _ends(self) -> frozenset[int]:
        named = self.network.generation_config.eos_token_id
        numbers = named if isinstance(named, list) else [named]
        own = self.tokenizer.eos_token_id
        return frozenset(n for n in (*numbers, own) if n is not None)

    def _until_end(self, tokens: list[int]) -> list[int]:
        """Return tokens up to the first end token, which is kept."""
        at = next((i for i, t in enumerate(tokens) if t in self._ends), None)
        return tokens if at is None else tokens[: at + 1]

    def _reading(
        self, written: Sequence[list[int]], room: np.ndarray[Any, np.dtype[np.int64]]
    ) -> Reading:
        ended = [bool(tokens) and tokens[-1] in self._ends for tokens in written]
        bare = [t[:-1] if e else t for t, e in zip(written, ended, strict=True)]
        texts = self.tokenizer.batch_decode(bare, skip_special_tokens=True)
        encoded = [
            text.encode("utf-8", "replace") if tokens else b""
            for text, tokens in zip(texts, bare, strict=True)
        ]
        states = [
            FULL if space < 1 else EMPTY if not tokens else ENDED if end else CUT
            for space, tokens, end in zip(room.tolist(), bare, ended, strict=True)
        ]
        return {
            "lengths": np.array([len(text) for text in encoded], dtype=np.int64),
            "utf8": np.frombuffer(b"".join(encoded), dtype=np.uint8).copy(),
            "tokens": np.array([len(tokens) for tokens in bare], dtype=np.int32),
            "state": np.array(states, dtype=np.int8),
        }


def start_token(tokenizer: Any) -> int:  # noqa: ANN401
    """Return the token before the first: bos, else eos, else padding."""
    known = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    return int(next((number for number in known if number is not None), 0))


def seed_of(request: Generate, row: int) -> int:
    """Return the seed of a row's random numbers."""
    text = f"{request.seed}\0{request.samples[row]}\0{request.texts[row]}"
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big") >> 1


def batches(
    lengths: Sequence[int], room: np.ndarray[Any, np.dtype[np.int64]]
) -> Iterator[list[int]]:
    """Yield rows of equal room and like length; rows without room are left out."""
    order = sorted(range(len(lengths)), key=lambda row: (-room[row], -lengths[row]))
    batch: list[int] = []
    for row in order:
        if room[row] < 1:
            continue
        first = batch[0] if batch else row
        size = (lengths[first] + int(room[first])) * (len(batch) + 1)
        if batch and (room[row] != room[first] or size > TOKENS):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _processors(request: Generate, seeds: Sequence[int]) -> Any:  # noqa: ANN401
    from transformers import (
        LogitsProcessorList,
        TemperatureLogitsWarper,
        TopPLogitsWarper,
    )

    if request.temperature == 0:
        return LogitsProcessorList()
    found: list[Any] = []
    if request.temperature != 1:
        found.append(TemperatureLogitsWarper(request.temperature))
    if request.top_p < 1:
        found.append(TopPLogitsWarper(request.top_p))
    return LogitsProcessorList([*found, Gumbel(seeds)])
