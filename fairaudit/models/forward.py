"""The forward pass: all that is asked about a batch comes from one run."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fairaudit.arrays import AnyArray, IntArray
from fairaudit.errors import AuditError
from fairaudit.model import (
    Ask,
    Embed,
    Predict,
    Reading,
    Sensitivity,
    SpanLogProb,
    TokenLogProb,
)
from fairaudit.models import ModelOptions
from fairaudit.models.checkpoint import Checkpoint
from fairaudit.models.encoded import Encoded
from fairaudit.models.gradients import accumulate, embedding_gradient
from fairaudit.models.likelihood import Scorer
from fairaudit.models.network import load_network, load_tokenizer, max_tokens


@dataclass(frozen=True)
class Batch:
    """Tokenised texts: `offsets` (b, t, 2) and `text` (b, t), True at text tokens."""

    inputs: Mapping[str, torch.Tensor]
    offsets: IntArray
    text: AnyArray
    truncated: AnyArray


@dataclass(frozen=True)
class Outputs:
    """What one pass leaves: hidden states on demand, probabilities of a classifier."""

    hidden: tuple[torch.Tensor, ...]
    probabilities: torch.Tensor | None
    gradient: torch.Tensor | None


@dataclass(frozen=True)
class Runner:
    """A loaded network with its tokenizer."""

    network: torch.nn.Module
    tokenizer: Any
    limit: int
    bfloat16: bool
    multi_label: bool
    psm: "Runner | None" = None

    @classmethod
    def load(
        cls, checkpoint: Checkpoint, options: ModelOptions, psm: "Runner | None"
    ) -> "Runner":
        """Load the weights and the tokenizer."""
        network = load_network(checkpoint, options)
        tokenizer = load_tokenizer(checkpoint, options)
        if not tokenizer.is_fast:
            raise AuditError(
                f"{checkpoint.path}: the tokenizer gives no character offsets; save a "
                "fast tokenizer (tokenizer.json)."
            )
        config: Any = network.config
        if config.pad_token_id is None:
            config.pad_token_id = tokenizer.pad_token_id
        multi = getattr(config, "problem_type", None) == "multi_label_classification"
        limit = max_tokens(network, tokenizer)
        return cls(network, tokenizer, limit, options.dtype == "bfloat16", multi, psm)

    def token_counts(self, texts: Sequence[str]) -> IntArray:
        """Return token counts, special tokens included, cut at the model's limit."""
        encoded = self.tokenizer(list(texts), truncation=True, max_length=self.limit)
        return np.array([len(ids) for ids in encoded["input_ids"]], dtype=np.int64)

    def read(self, texts: Sequence[str], asks: Sequence[Ask]) -> list[Reading]:
        """Answer all asks with one forward pass, and a backward one where asked."""
        batch = self.encode(texts)
        requests = [ask.request for ask in asks]
        if all(isinstance(r, TokenLogProb | SpanLogProb) for r in requests):
            return [self._likelihood(ask, batch) for ask in asks]
        outputs = self.run(
            batch,
            hidden=any(isinstance(r, Embed) for r in requests),
            gradient=any(isinstance(r, Sensitivity) for r in requests),
        )
        return [self._answer(ask, batch, outputs) for ask in asks]

    def encode(self, texts: Sequence[str]) -> Batch:
        """Tokenise and pad a batch."""
        encoded = self.tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self.limit,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            return_overflowing_tokens=False,
            return_tensors="pt",
        )
        offsets = encoded.pop("offset_mapping").numpy()
        special = encoded.pop("special_tokens_mask").numpy().astype(bool)
        inside = encoded["attention_mask"].numpy().astype(bool)
        text = inside & ~special & (offsets[..., 1] > offsets[..., 0])
        device = next(self.network.parameters()).device
        inputs = {name: tensor.to(device) for name, tensor in encoded.items()}
        stop = np.where(text, offsets[..., 1], 0).max(axis=1, initial=0)
        ends = np.array([len(t.rstrip()) for t in texts])
        full = inside.sum(1) >= self.limit
        return Batch(inputs, offsets, text, full & (stop < ends))

    def run(self, batch: Batch, *, hidden: bool, gradient: bool) -> Outputs:
        """Run the network once over the batch."""
        with self._arithmetic(gradient=gradient), self._leaf(wanted=gradient) as leaves:
            out = self.network(**batch.inputs, output_hidden_states=hidden)
            probabilities = self._probabilities(getattr(out, "logits", None))
            slope = None
            if probabilities is not None and leaves:
                slope = embedding_gradient(probabilities, leaves[0])
        states = tuple(s.detach() for s in out.hidden_states) if hidden else ()
        probs = None if probabilities is None else probabilities.detach()
        return Outputs(states, probs, slope)

    @contextmanager
    def _leaf(self, *, wanted: bool) -> Iterator[list[torch.Tensor]]:
        """Make the word embeddings a leaf of the graph while the network runs.

        A hook keeps the token ids in the call, on which position numbers and the choice
        of the classified token depend; passing ``inputs_embeds`` would lose both.
        """
        leaves: list[torch.Tensor] = []

        def tap(
            _module: torch.nn.Module, _args: object, out: torch.Tensor
        ) -> torch.Tensor:
            leaves.append(out.detach().requires_grad_())
            return leaves[-1]

        if not wanted:
            yield leaves
            return
        lookup: Any = self.network.get_input_embeddings()  # type: ignore[operator]
        handle = lookup.register_forward_hook(tap)
        try:
            yield leaves
        finally:
            handle.remove()

    def _probabilities(self, logits: torch.Tensor | None) -> torch.Tensor | None:
        if logits is None or logits.dim() != 2:
            return None
        # In single precision, 1 - p and with it the direction of the gradient is lost
        # where a model is sure; not every accelerator has doubles, the CPU has.
        logits = logits.cpu().double()
        return logits.sigmoid() if self.multi_label else logits.softmax(-1)

    @contextmanager
    def _arithmetic(self, *, gradient: bool) -> Iterator[None]:
        device = next(self.network.parameters()).device.type
        mode = torch.enable_grad() if gradient else torch.inference_mode()
        with mode, torch.autocast(device, torch.bfloat16, enabled=self.bfloat16):
            yield

    def _answer(self, ask: Ask, batch: Batch, outputs: Outputs) -> Reading:
        request, where = ask.request, ask.where
        if isinstance(request, TokenLogProb | SpanLogProb):
            return self._likelihood(ask, batch)
        if isinstance(request, Embed):
            return _vectors(request, where, batch, _layer(request, outputs))
        if outputs.probabilities is None:
            raise AuditError("the model gave no class probabilities")
        probabilities = outputs.probabilities.numpy()[where]
        if isinstance(request, Predict):
            truncated = batch.truncated[where]
            return {"probabilities": probabilities, "truncated": truncated}
        return {
            "probabilities": probabilities,
            **self._sensitivity(where, batch, outputs),
        }

    def _likelihood(self, ask: Ask, batch: Batch) -> Reading:
        if not isinstance(ask.request, TokenLogProb | SpanLogProb):
            raise TypeError(f"{ask.request.kind} is no question of likelihood")
        texts = Encoded(batch.inputs, batch.offsets, batch.text, batch.truncated)
        scorer = Scorer(self.network, self.tokenizer, self.limit)
        with self._arithmetic(gradient=False):
            return scorer.answer(ask.request, ask.where, texts)

    def _sensitivity(self, where: IntArray, batch: Batch, outputs: Outputs) -> Reading:
        if self.psm is None or outputs.gradient is None:
            raise AuditError("no protected-status model was given (--psm DIR)")
        other = self.psm.run(batch, hidden=False, gradient=True)
        if other.gradient is None or other.probabilities is None:
            raise AuditError("the protected-status model gave no probabilities")
        mask = torch.from_numpy(batch.text).to(outputs.gradient.device)
        same = outputs.gradient.shape == other.gradient.shape
        parts = accumulate(
            outputs.gradient, other.gradient if same else _norms(other, outputs), mask
        )
        columns = {
            name: getattr(parts, name).cpu().numpy().astype(np.float64)[where]
            for name in ("absolute", "uniform", "token", "uniform_token")
        }
        psm = other.probabilities.numpy()[where]
        tokens = _tokens(parts.contribution.cpu().numpy(), where, batch)
        return {**columns, "psm": psm, "truncated": batch.truncated[where], **tokens}


def _norms(other: Outputs, outputs: Outputs) -> torch.Tensor:
    """Spread token norms over the task classifier's dimensions: A3 needs no more."""
    if other.gradient is None or outputs.gradient is None:
        raise AuditError("gradients are missing")
    width = outputs.gradient.shape[-1]
    norms: torch.Tensor = torch.linalg.vector_norm(other.gradient, dim=-1, keepdim=True)
    return norms.expand(-1, -1, width)


def _layer(request: Embed, outputs: Outputs) -> torch.Tensor:
    """Return the hidden states of the layer that is asked for."""
    layers = len(outputs.hidden)
    if not -layers <= request.layer < layers:
        raise AuditError(
            f"The model has no layer {request.layer}; its layers are 0 (embedding "
            f"output) to {layers - 1} (last, also -1)."
        )
    return outputs.hidden[request.layer]


def _vectors(
    request: Embed, where: IntArray, batch: Batch, state: torch.Tensor
) -> Reading:
    """Pool the sub-tokens that overlap each span; NaN where none was kept."""
    spans = np.array(request.spans, dtype=np.int64).reshape(-1, 1, 2)
    offsets = batch.offsets[where]
    inside = (offsets[..., 0] < spans[..., 1]) & (offsets[..., 1] > spans[..., 0])
    usable = _first(inside) if request.pool == "cls" else inside & batch.text[where]
    weights = _weights(usable, request.pool)
    picked = torch.from_numpy(weights).to(state.device)
    rows = torch.from_numpy(where).to(state.device)
    vectors = torch.einsum("nt,ntd->nd", picked, state[rows].float())
    found = weights.sum(1) > 0
    values = vectors.cpu().numpy()
    values[~found] = np.nan
    return {"vectors": values}


def _first(inside: AnyArray) -> AnyArray:
    first = np.zeros_like(inside)
    first[:, 0] = True
    return first


def _weights(inside: AnyArray, pool: str) -> AnyArray:
    order = np.cumsum(inside, axis=1)
    nth = order[:, -1:] if pool == "last" else np.ones((len(inside), 1))
    kept = inside if pool == "mean" else inside & (order == nth)
    weights: AnyArray = kept / np.maximum(kept.sum(1, keepdims=True), 1)
    return weights.astype(np.float32)


def _tokens(contribution: AnyArray, where: IntArray, batch: Batch) -> Reading:
    text = batch.text[where]
    offsets = batch.offsets[where]
    return {
        "lengths": text.sum(1).astype(np.int64),
        "contribution": contribution[where][text].astype(np.float32),
        "start": offsets[..., 0][text].astype(np.int32),
        "end": offsets[..., 1][text].astype(np.int32),
    }
