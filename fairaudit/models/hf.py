"""Hugging Face models behind the door ``fairaudit.models``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from fairaudit.arrays import IntArray
from fairaudit.errors import AuditError
from fairaudit.model import BACKWARD, Ask, ModelCard, Reading, Request
from fairaudit.models import ModelOptions
from fairaudit.models.checkpoint import Checkpoint, open_checkpoint
from fairaudit.models.depth import hidden_states
from fairaudit.models.trained import held_out, training_texts
from fairaudit.result import ModelEntry
from fairaudit.wordvectors import VECTOR_SUFFIXES

if TYPE_CHECKING:
    from fairaudit.models.forward import Runner

_KINDS = (
    *("embed", "predict", "gradient", "sensitivity"),
    *("token_logprob", "span_logprob", "fill", "joint_logprob"),
    *("next_sentence", "generate"),
)


class HuggingFaceLoader:
    """Opens model directories written by ``save_pretrained``."""

    name: ClassVar[str] = "hf"
    summary: ClassVar[str] = "Hugging Face model directories (safetensors)"

    def claims(self, reference: str) -> bool:
        """Tell whether the reference is a directory, or may be a hub id."""
        path = Path(reference)
        return path.is_dir() or path.suffix.lower() not in VECTOR_SUFFIXES

    def open(
        self, reference: str, options: ModelOptions, psm: str | None = None
    ) -> "HuggingFaceModel":
        """Open a model directory, with its protected-status model if one is named."""
        companion = self.open(psm, options) if psm else None
        path = _directory(reference, options)
        return HuggingFaceModel(open_checkpoint(path, options), options, companion)


@dataclass(frozen=True)
class HuggingFaceModel:
    """A model directory that loads its weights at the first `read`."""

    checkpoint: Checkpoint
    options: ModelOptions
    psm: "HuggingFaceModel | None" = None

    @cached_property
    def card(self) -> ModelCard:
        """What the files say."""
        why_not = self._why_not()
        reads = tuple(kind for kind in _KINDS if kind not in why_not)
        return ModelCard(
            entry=ModelEntry(
                name=self.checkpoint.path.resolve().name,
                path=str(self.checkpoint.path),
                fingerprint=self.checkpoint.fingerprint,
                architecture=self.checkpoint.architecture,
                reads=reads,
            ),
            labels=self.checkpoint.labels,
            why_not=why_not,
            psm=self.psm.card if self.psm else None,
            shared_embedding=self._shares_embedding(),
            layers=hidden_states(self.checkpoint.config),
            held_out=held_out(self.checkpoint.training_card()),
            training=training_texts(
                self.checkpoint.path, self.checkpoint.training_card()
            ),
        )

    def identity(self, request: Request) -> Mapping[str, str]:
        """Return model, companion, arithmetic and library versions."""
        known = {
            "model": self.card.entry.fingerprint,
            "dtype": self.options.dtype,
            "torch": version("torch"),
            "transformers": version("transformers"),
        }
        if request.kind == "sensitivity" and self.psm:
            known["psm"] = self.psm.card.entry.fingerprint
        return known

    def token_counts(self, texts: Sequence[str]) -> IntArray:
        """Return the length of each text in tokens, special tokens included."""
        return self._runner.token_counts(texts)

    def read(self, texts: Sequence[str], asks: Sequence[Ask]) -> list[Reading]:
        """Answer all asks about a batch of texts with one forward pass."""
        return self._runner.read(texts, asks)

    @cached_property
    def _runner(self) -> "Runner":
        from fairaudit.models.forward import Runner

        companion = self.psm._runner if self.psm else None
        return Runner.load(self.checkpoint, self.options, companion)

    def _why_not(self) -> Mapping[str, str]:
        found = dict(self._why_no_likelihood())
        if self.checkpoint.kind != "causal_lm":
            found["generate"] = (
                "the model is no causal language model with its head, so it cannot "
                "continue a prompt"
            )
        if not self.checkpoint.follows:
            found["next_sentence"] = (
                "the checkpoint holds no next-sentence head (safetensors, pooler "
                "included); a random head is never scored"
            )
        if self.checkpoint.kind != "classifier":
            claim = self.checkpoint.claimed_kind == "classifier"
            found["predict"] = (
                "the configuration names a classifier, but the checkpoint holds no "
                "classification head; a random head is never scored"
                if claim
                else "the model has no classification head; train one with "
                "`fairaudit train`"
            )
        elif len(self.checkpoint.labels) < 2:
            found["predict"] = "the model has one output (a regression head)"
        if "predict" in found:
            return {**found, **dict.fromkeys(sorted(BACKWARD), found["predict"])}
        reason = self._why_no_sensitivity()
        return {**found, "sensitivity": reason} if reason else found

    def _why_no_likelihood(self) -> Mapping[str, str]:
        kind, claimed = self.checkpoint.kind, self.checkpoint.claimed_kind
        if kind == "masked_lm":
            return {}
        if kind == "causal_lm":
            reason = (
                "the model is a causal language model: it reads from left to right and "
                "has no mask"
            )
            return dict.fromkeys(("span_logprob", "fill", "joint_logprob"), reason)
        reason = (
            "the configuration names a language model, but the checkpoint holds no "
            "language-model head; a random head is never scored"
            if claimed in {"masked_lm", "causal_lm"}
            else "the model has no language-model head; a random head is never scored"
        )
        kinds = ("token_logprob", "span_logprob", "fill", "joint_logprob")
        return dict.fromkeys(kinds, reason)

    def _why_no_sensitivity(self) -> str:
        if self.psm is None:
            return "no protected-status model was given (--psm DIR)"
        if self.psm.checkpoint.kind != "classifier":
            place = self.psm.checkpoint.path
            return f"the protected-status model {place} is no classifier"
        if len(self.psm.checkpoint.labels) < 2:
            return "the protected-status model has one output (a regression head)"
        return ""

    def _shares_embedding(self) -> bool:
        if self.psm is None:
            return False
        mine, other = self.checkpoint, self.psm.checkpoint
        same = mine.embedding_fingerprint == other.embedding_fingerprint
        cut = mine.tokenizer_fingerprint == other.tokenizer_fingerprint
        return bool(mine.embedding_fingerprint) and same and cut

    def __hash__(self) -> int:
        return hash(self.checkpoint.path)


def _directory(reference: str, options: ModelOptions) -> Path:
    path = Path(reference)
    if path.is_dir():
        return path
    if not options.allow_network:
        raise AuditError(
            f"{reference} is not a directory. Give the path of a model directory, or "
            "pass --allow-network if it is a hub id."
        )
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(reference))
    except Exception as error:
        raise AuditError(
            f"{reference} could not be had from the hub "
            f"({type(error).__name__}); check the id and the connection."
        ) from error
