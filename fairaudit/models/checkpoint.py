"""A Hugging Face model directory, read without loading weights or importing torch."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

from fairaudit.errors import AuditError
from fairaudit.models import ModelOptions

Kind: TypeAlias = Literal[
    "encoder", "masked_lm", "causal_lm", "classifier", "next_sentence"
]

_HEADS: Mapping[Kind, tuple[str, ...]] = {
    "classifier": ("classifier", "score", "classification_head", "logits_proj"),
    "masked_lm": (
        "cls.predictions",
        "lm_head",
        "generator_predictions",
        "predictions",
        "vocab_transform",
        "lm_predictions",
    ),
    "causal_lm": ("lm_head", "embed_out", "output"),
    "next_sentence": ("cls.seq_relationship",),
}
_NEXT_SENTENCE = ("bert", "ernie", "fnet", "megatron-bert", "mobilebert")
_EMBEDDINGS = ("word_embeddings", "wte", "embed_tokens", "word_embedding", "shared")
_TOKENIZER = ("token", "vocab", "merges", "spiece", "sentencepiece", "special", "added")
_CALL_SETTINGS = ("padding", "truncation")
_VOCABULARIES = ("vocab.txt", "vocab.json", "merges.txt", "spiece.model")
_IDENTITY_SUFFIXES = {".json", ".txt", ".model", ".safetensors", ".bin", ".py"}
TRAINING_CARD = "fairaudit_training.json"


@dataclass(frozen=True)
class Checkpoint:
    """Files of a model directory and what they say.

    Parameters
    ----------
    path
        The directory.
    config
        Content of ``config.json``.
    tensors
        Names of the tensors in the safetensors files; empty for pickled weights.
    pickled
        Whether the weights are a pickle.
    """

    path: Path
    config: Mapping[str, object]
    tensors: frozenset[str]
    pickled: bool = False

    @property
    def architecture(self) -> str:
        """Class named by the configuration."""
        named = self.config.get("architectures")
        if isinstance(named, list) and named:
            return str(named[0])
        return str(self.config.get("model_type", "unknown"))

    @cached_property
    def kind(self) -> Kind:
        """What the weights can do: a head that is not in the checkpoint is no head."""
        claimed = self.claimed_kind
        return claimed if self._has_head(claimed) else "encoder"

    @property
    def claimed_kind(self) -> Kind:
        """What the configuration says."""
        name = self.architecture
        if name.endswith("ForSequenceClassification"):
            return "classifier"
        if name.endswith(("ForMaskedLM", "ForPreTraining")):
            return "masked_lm"
        if name.endswith(("ForCausalLM", "LMHeadModel")):
            return "causal_lm"
        return "encoder"

    @cached_property
    def follows(self) -> bool:
        """Whether it holds a next-sentence head, with the pooler that this reads."""
        known = self.config.get("model_type") in _NEXT_SENTENCE and not self.pickled
        pools = any("pooler." in name for name in self.tensors)
        return known and pools and self._has_head("next_sentence")

    def _has_head(self, kind: Kind) -> bool:
        if kind == "encoder" or self.pickled:
            return True
        tied = kind == "causal_lm" and self.config.get("tie_word_embeddings", True)
        heads = _HEADS[kind]
        begins = tuple(f"{head}." for head in heads)
        return bool(tied) or any(name.startswith(begins) for name in self.tensors)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Class names in the order of the output; empty without a classifier."""
        if self.kind != "classifier":
            return ()
        named = self.config.get("id2label")
        if isinstance(named, dict) and named:
            return tuple(str(named[key]) for key in sorted(named, key=int))
        return ("LABEL_0", "LABEL_1")

    @property
    def positions(self) -> int:
        """Length of the position table; 0 where the configuration names none."""
        names = ("max_position_embeddings", "n_positions")
        found = (self.config.get(name) for name in names)
        return next((size for size in found if isinstance(size, int)), 0)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over weights, tokenizer and configuration."""
        files = (p for p in sorted(self.path.iterdir()) if _matters(p))
        return _digest(files)

    @cached_property
    def tokenizer_fingerprint(self) -> str:
        """SHA-256 over what determines the tokens of a text.

        Padding and truncation are settings of a call, so they do not count.
        """
        path = self.path / "tokenizer.json"
        if path.is_file() and isinstance(content := _json(path), dict):
            rest = {k: v for k, v in content.items() if k not in _CALL_SETTINGS}
            return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
        files = sorted(p for p in self.path.iterdir() if p.name in _VOCABULARIES)
        return _digest(iter(files))

    @cached_property
    def embedding_fingerprint(self) -> str:
        """SHA-256 over the word-embedding matrix; empty where it is not found."""
        for path in weight_files(self.path):
            header, start = read_header(path)
            for name, entry in header.items():
                if name.endswith(tuple(f"{e}.weight" for e in _EMBEDDINGS)):
                    return _tensor_digest(path, entry, start)
        return ""

    def training_card(self) -> Mapping[str, object]:
        """Return what `fairaudit train` noted, empty for other directories."""
        path = self.path / TRAINING_CARD
        card = _json(path) if path.is_file() else {}
        return card if isinstance(card, dict) else {}


def open_checkpoint(path: Path, options: ModelOptions) -> Checkpoint:
    """Check a model directory and read its configuration.

    Raises
    ------
    AuditError
        Where the directory is not a model directory, or asks for something that the
        options do not allow.
    """
    if not (path / "config.json").is_file():
        raise AuditError(
            f"{path} is not a model directory: it has no config.json. Give the "
            "directory that save_pretrained() wrote."
        )
    config = _config(path)
    if "auto_map" in config and not options.trust_remote_code:
        raise AuditError(
            f"{path}/config.json names its own Python code (auto_map). Read that code, "
            "then pass --trust-remote-code if you want to run it."
        )
    pickled = _refuse_bad_files(path, options)
    names = frozenset(n for p in weight_files(path) for n in read_header(p)[0])
    return Checkpoint(path, config, names, pickled)


def weight_files(path: Path) -> list[Path]:
    """Return the safetensors files of a directory."""
    return sorted(path.glob("*.safetensors"))


def read_header(path: Path) -> tuple[Mapping[str, Mapping[str, object]], int]:
    """Return the tensor table of a safetensors file and where its data starts."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(size, 100_000_000)))
        header.pop("__metadata__", None)
    except (OSError, ValueError, AttributeError) as error:
        raise AuditError(
            f"{path} is not a readable safetensors file ({error}); copy it again."
        ) from error
    return header, size + 8


def _config(path: Path) -> Mapping[str, object]:
    config = _json(path / "config.json")
    if not isinstance(config, dict):
        raise AuditError(f"{path}/config.json holds no JSON object; copy it again.")
    return config


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AuditError(
            f"{path} is not valid JSON ({error}); copy it again."
        ) from error


def _refuse_bad_files(path: Path, options: ModelOptions) -> bool:
    pickled = not weight_files(path)
    if pickled and not list(path.glob("pytorch_model*.bin")):
        raise AuditError(
            f"{path} has a config.json but no weights; expected model.safetensors."
        )
    if pickled and not options.allow_pickle:
        raise AuditError(
            f"{path} has its weights only as a pickle, which can carry code. Convert "
            "them to safetensors, or pass --allow-pickle to load tensors only."
        )
    if not any(any(path.glob(f"{part}*")) for part in _TOKENIZER):
        raise AuditError(
            f"{path} has weights but no tokenizer; save the tokenizer into the same "
            "directory (tokenizer.save_pretrained)."
        )
    return pickled


def _matters(path: Path) -> bool:
    return (
        path.is_file()
        and path.suffix in _IDENTITY_SUFFIXES
        and path.name != TRAINING_CARD
    )


def _digest(files: Iterator[Path]) -> str:
    total = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.name} {digest}\n".encode())
    return total.hexdigest()


def _tensor_digest(path: Path, entry: Mapping[str, object], start: int) -> str:
    offsets = entry["data_offsets"]
    if not isinstance(offsets, list):
        return ""
    with path.open("rb") as file:
        file.seek(start + offsets[0])
        return hashlib.sha256(file.read(offsets[1] - offsets[0])).hexdigest()
