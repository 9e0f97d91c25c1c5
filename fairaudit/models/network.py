"""Load the weights of a checkpoint, strictly: no tensor is ever made up."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import transformers

from fairaudit.errors import AuditError
from fairaudit.models import ModelOptions
from fairaudit.models.checkpoint import Checkpoint, Kind

_CLASSES: dict[Kind, Any] = {
    "encoder": transformers.AutoModel,
    "masked_lm": transformers.AutoModelForMaskedLM,
    "causal_lm": transformers.AutoModelForCausalLM,
    "classifier": transformers.AutoModelForSequenceClassification,
    "next_sentence": transformers.AutoModelForNextSentencePrediction,
}


def pick_device(wanted: str) -> torch.device:
    """Return the device; ``"auto"`` takes a GPU where there is one.

    Raises
    ------
    AuditError
        Where the wanted device does not exist here.
    """
    if wanted == "auto":
        mps = torch.backends.mps.is_available()
        wanted = "cuda" if torch.cuda.is_available() else "mps" if mps else "cpu"
    try:
        torch.empty(1, device=wanted)
    except (RuntimeError, AssertionError) as error:
        raise AuditError(
            f"--device {wanted} cannot be used here ({str(error).splitlines()[0]}). "
            "Use --device cpu or auto."
        ) from error
    return torch.device(wanted)


def load_network(
    checkpoint: Checkpoint, options: ModelOptions, kind: Kind | None = None
) -> torch.nn.Module:
    """Load, check and freeze the network; with the head of another kind if named.

    Raises
    ------
    AuditError
        Where tensors are missing, of the wrong shape, or not finite.
    """
    with _quiet():
        network, info = _load(checkpoint, kind or checkpoint.kind, options)
    # Only a pooler may be missing, and only where nothing reads it.
    reads_it = {"classifier", "next_sentence"}
    spared = "\0" if (kind or checkpoint.kind) in reads_it else "pooler"
    _refuse_made_up(info, checkpoint, spared)
    _refuse_not_finite(network, checkpoint)
    network.requires_grad_(requires_grad=False)
    placed: torch.nn.Module = network.eval().to(pick_device(options.device))
    return placed


def load_trainable(checkpoint: Checkpoint, labels: Sequence[str]) -> Any:  # noqa: ANN401
    """Load the body of a network under a fresh classification head.

    Raises
    ------
    AuditError
        Where tensors of the body are missing, of the wrong shape, or not finite.
    """
    with _quiet():
        network, info = _load(
            checkpoint,
            "classifier",
            ModelOptions(),
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={name: number for number, name in enumerate(labels)},
            problem_type="single_label_classification",
            ignore_mismatched_sizes=True,
        )
    body = f"{network.base_model_prefix}."
    mismatched = [
        found for found in info["mismatched_keys"] if found[0].startswith(body)
    ]
    missing = [name for name in info["missing_keys"] if name.startswith(body)]
    made_up = {"missing_keys": missing, "mismatched_keys": mismatched}
    _refuse_made_up(made_up, checkpoint, spared="pooler")
    _refuse_not_finite(network, checkpoint)
    return network


def load_tokenizer(checkpoint: Checkpoint, options: ModelOptions) -> Any:  # noqa: ANN401
    """Load the tokenizer of a checkpoint, ready for padding on the right."""
    try:
        with _quiet():
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                checkpoint.path,
                local_files_only=True,
                trust_remote_code=options.trust_remote_code,
            )
    except Exception as error:
        raise AuditError(
            f"{checkpoint.path}: the tokenizer cannot be loaded "
            f"({type(error).__name__}: {str(error).splitlines()[0]})."
        ) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    tokenizer.padding_side = "right"
    tokenizer.truncation_side = "right"
    return tokenizer


def max_tokens(network: torch.nn.Module, tokenizer: Any) -> int:  # noqa: ANN401
    """Return the longest input in tokens, special tokens included."""
    config: Any = network.config
    positions = getattr(config, "max_position_embeddings", None) or 10**9
    # RoBERTa-like models number positions from the padding index on.
    if config.model_type in {"roberta", "xlm-roberta", "camembert", "mpnet"}:
        positions -= (config.pad_token_id or 0) + 1
    return int(min(positions, tokenizer.model_max_length))


def _load(
    checkpoint: Checkpoint,
    kind: Kind,
    options: ModelOptions,
    **config: object,
) -> tuple[Any, dict[str, Any]]:
    try:
        network, info = _CLASSES[kind].from_pretrained(
            checkpoint.path,
            local_files_only=True,
            output_loading_info=True,
            weights_only=True,
            use_safetensors=not checkpoint.pickled,
            trust_remote_code=options.trust_remote_code,
            dtype=torch.float32,
            **config,
        )
    except Exception as error:
        raise AuditError(
            f"{checkpoint.path}: the model cannot be loaded "
            f"({type(error).__name__}: {str(error).splitlines()[0]})."
        ) from error
    return network, info


def _refuse_made_up(info: dict[str, Any], checkpoint: Checkpoint, spared: str) -> None:
    missing = sorted(n for n in info["missing_keys"] if spared not in n)
    bad = [*missing, *map(str, info["mismatched_keys"])]
    if bad:
        raise AuditError(
            f"{checkpoint.path}: weights are missing or of another shape "
            f"({', '.join(bad[:3])}); they would be random numbers. "
            "Save the whole model again."
        )


def _refuse_not_finite(network: torch.nn.Module, checkpoint: Checkpoint) -> None:
    for name, tensor in network.named_parameters():
        if not bool(torch.isfinite(tensor).all()):
            raise AuditError(
                f"{checkpoint.path}: tensor {name} holds NaN or infinity; the model "
                "cannot be assessed. Save it again from a sound state."
            )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep loading messages off the terminal; what matters is checked and raised."""
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)
