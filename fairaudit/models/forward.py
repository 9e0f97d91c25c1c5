"""The forward pass: all that is asked about a batch comes from one run."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch

from fairaudit.arrays import IntArray
from fairaudit.errors import AuditError
from fairaudit.model import (
    BACKWARD,
    Ask,
    Directional,
    Embed,
    Generate,
    JointLogProb,
    Likelihood,
    NextSentence,
    Predict,
    Reading,
    Sensitivity,
)
from fairaudit.models import ModelOptions
from fairaudit.models.checkpoint import Checkpoint
from fairaudit.models.differentiated import Classifier, Differentiated
from fairaudit.models.directional import directed
from fairaudit.models.encoded import Encoded
from fairaudit.models.following import Follower
from fairaudit.models.generation import Writer, start_token
from fairaudit.models.gradients import Move, Point, point, tapped, word_embeddings
from fairaudit.models.head import Head
from fairaudit.models.joint import Joint
from fairaudit.models.likelihood import Scorer
from fairaudit.models.masked import Masks
from fairaudit.models.network import load_network, load_tokenizer, max_tokens
from fairaudit.models.parts import joined, parts
from fairaudit.models.pooling import pooled
from fairaudit.models.protected import Companion
from fairaudit.models.sensitivity import accumulated
from fairaudit.models.windows import windows

SHARED = (Predict, Embed, Sensitivity, Directional)
"""What one pass answers together."""


@dataclass(frozen=True)
class Outputs:
    """What one pass leaves: hidden states on demand, probabilities of a classifier.

    `point` is where it ran, None without gradients or where there can be none.
    """

    hidden: tuple[torch.Tensor, ...]
    probabilities: torch.Tensor | None
    point: Point | None


@dataclass(frozen=True)
class Slopes:
    """A batch that was run with gradients, and the protected-status model beside it."""

    task: Differentiated
    companion: Companion | None


@dataclass(frozen=True)
class Runner:
    """A loaded network with its tokenizer."""

    network: torch.nn.Module
    tokenizer: Any
    limit: int
    bfloat16: bool
    multi_label: bool
    psm: "Runner | None" = None
    follow: Callable[[], Follower] | None = None

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
        low = options.dtype == "bfloat16"
        follow = partial(Follower.load, checkpoint, options, tokenizer, limit)
        return cls(network, tokenizer, limit, low, multi, psm, follow)

    def token_counts(self, texts: Sequence[str]) -> IntArray:
        """Return token counts, special tokens included, cut at the model's limit."""
        encoded = self.tokenizer(list(texts), truncation=True, max_length=self.limit)
        return np.array([len(ids) for ids in encoded["input_ids"]], dtype=np.int64)

    def read(self, texts: Sequence[str], asks: Sequence[Ask]) -> list[Reading]:
        """Answer all asks with one forward pass, and a backward one where asked.

        Windows of texts that are longer than the model reads take further passes, and
        so does all that `_apart` answers.
        """
        batch = self.encode(texts)
        alike = [ask for ask in asks if isinstance(ask.request, SHARED)]
        shared = iter(self._together(alike, texts, batch))
        return [
            next(shared) if isinstance(ask.request, SHARED) else self._apart(ask, batch)
            for ask in asks
        ]

    def encode(self, texts: Sequence[str]) -> Encoded:
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
        return Encoded(inputs, offsets, text, full & (stop < ends))

    def run(
        self,
        batch: Encoded,
        *,
        hidden: bool,
        gradient: bool,
        head: bool = True,
        move: Move | None = None,
    ) -> Outputs:
        """Run the network once over the batch; without its head where none is asked.

        With `gradient`, at the word embeddings that `move` makes of the texts'.
        """
        network: Any = self.network if head else self.network.base_model
        tap = tapped(self.network, wanted=gradient, move=move)
        with self._arithmetic(gradient=gradient), tap as leaves:
            out = network(**batch.inputs, output_hidden_states=hidden)
            logits = self._logits(getattr(out, "logits", None))
        states = tuple(s.detach() for s in out.hidden_states) if hidden else ()
        at = point(leaves, logits, multi_label=self.multi_label)
        return Outputs(states, self._probabilities(logits), at)

    @cached_property
    def _follower(self) -> Follower | None:
        return self.follow() if self.follow else None

    @property
    def classifier(self) -> Classifier:
        """What this runner does for slopes to be measured."""

        def at(batch: Encoded, move: Move | None) -> Outputs:
            return self.run(batch, hidden=False, gradient=True, move=move)

        def embed(ids: torch.Tensor) -> torch.Tensor:
            lookup = word_embeddings(self.network)
            if lookup is None:
                return torch.zeros(*ids.shape, 1, device=ids.device)
            found: torch.Tensor = lookup(ids)
            return found

        return Classifier(self.encode, at, embed)

    def _logits(self, logits: torch.Tensor | None) -> torch.Tensor | None:
        if logits is None or logits.dim() != 2:
            return None
        # In single precision, 1 - p and with it the direction of the gradient is lost
        # where a model is sure; not every accelerator has doubles, the CPU has.
        return logits.cpu().double()

    def _probabilities(self, logits: torch.Tensor | None) -> torch.Tensor | None:
        if logits is None:
            return None
        logits = logits.detach()
        return logits.sigmoid() if self.multi_label else logits.softmax(-1)

    @contextmanager
    def _arithmetic(self, *, gradient: bool) -> Iterator[None]:
        device = next(self.network.parameters()).device.type
        mode = torch.enable_grad() if gradient else torch.inference_mode()
        with mode, torch.autocast(device, torch.bfloat16, enabled=self.bfloat16):
            yield

    def _together(
        self, asks: Sequence[Ask], texts: Sequence[str], batch: Encoded
    ) -> list[Reading]:
        """Answer what comes from hidden states, class probabilities and gradients."""
        if not asks:
            return []
        placed = windows(asks, texts, batch, self.tokenizer, self.limit)
        found: list[list[tuple[IntArray, Reading]]] = [[] for _ in asks]
        for part in parts(asks, batch, placed):
            kinds = {ask.request.kind for _, _, ask in part.asks}
            outputs = self.run(
                part.batch,
                hidden=part.hidden,
                gradient=bool(kinds & BACKWARD),
                head=part.head,
            )
            slopes = self._slopes([ask for _, _, ask in part.asks], part.batch, outputs)
            for number, rows, ask in part.asks:
                answer = self._answer(ask, part.batch, outputs, slopes)
                found[number].append((rows, answer))
        return [
            {**joined(pieces), **flags}
            for pieces, flags in zip(found, placed.flags(asks), strict=True)
        ]

    def _answer(
        self, ask: Ask, batch: Encoded, outputs: Outputs, slopes: Slopes
    ) -> Reading:
        request, where = ask.request, ask.where
        if isinstance(request, Embed):
            return {"vectors": pooled(request, where, batch, outputs.hidden)}
        if isinstance(request, Sensitivity):
            return accumulated(slopes.task, slopes.companion, ask)
        if isinstance(request, Directional):
            return directed(slopes.task, ask)
        if outputs.probabilities is None:
            raise AuditError("the model gave no class probabilities")
        return {"probabilities": outputs.probabilities.numpy()[where]}

    def _slopes(self, asks: Sequence[Ask], batch: Encoded, outputs: Outputs) -> Slopes:
        """Bring together what questions about slopes are answered from."""
        texts = [""] * len(batch.text)
        for ask in asks:
            for at, text in zip(ask.where, ask.request.texts, strict=True):
                texts[at] = text
        task = Differentiated(self.classifier, texts, batch, outputs)
        psm = self.psm
        return Slopes(task, Companion(psm.classifier, texts, batch) if psm else None)

    def _apart(self, ask: Ask, batch: Encoded) -> Reading:
        """Answer what takes passes of its own."""
        request, where = ask.request, ask.where
        with self._arithmetic(gradient=False):
            if isinstance(request, Likelihood):
                scorer = Scorer(self.network, self.tokenizer, self.limit)
                return scorer.answer(request, where, batch)
            if isinstance(request, JointLogProb):
                masks = Masks(Head(self.network), self.tokenizer, self.limit)
                return Joint(masks).answer(request, where, batch)
            if isinstance(request, NextSentence) and self._follower:
                return self._follower.answer(request)
            if isinstance(request, Generate):
                start = start_token(self.tokenizer)
                writer = Writer(self.network, self.tokenizer, self.limit, start)
                return writer.answer(request)
        raise TypeError(f"no answer is known to {request.kind!r}")
