"""What training noted of a classifier, beside its weights."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from fairaudit.data.passages import DIGEST
from fairaudit.model import HeldOut, TrainingTexts

TRAINING_TEXTS: Final = "fairaudit_training_texts.npy"
"""File of the digests of the texts that a fine-tuning used, sorted, each once."""


def held_out(card: Mapping[str, object]) -> HeldOut | None:
    """Return how the classifier did on held-out rows; None for a card without it.

    >>> held_out({"task": "group", "n_held_out": 40, "held_out_accuracy": 0.9})
    HeldOut(task='group', n=40, accuracy=0.9, auc=None)
    """
    task, n = card.get("task"), card.get("n_held_out")
    accuracy = _share(card.get("held_out_accuracy"))
    if not isinstance(task, str) or not isinstance(n, int) or accuracy is None:
        return None
    return HeldOut(task, n, accuracy, _share(card.get("held_out_auc")))


def training_texts(path: Path, card: Mapping[str, object]) -> TrainingTexts | None:
    """Return the digests beside a training card, or why they cannot be used.

    The file may hold anything: it is read without pickle, mapped so that a header
    cannot ask for more memory than the file has, and must have the hash in the card.
    """
    if not card:
        return None
    said, file = card.get("texts"), path / TRAINING_TEXTS
    if not isinstance(said, Mapping) or not said:
        return _unknown("its training card has no digests of texts (an older one)")
    if not file.is_file():
        return _unknown(f"{TRAINING_TEXTS} is missing")
    if file_hash(file) != said.get("sha256"):
        return _unknown(f"{TRAINING_TEXTS} has not the hash that its card names")
    return _read(file)


def _read(file: Path) -> TrainingTexts:
    try:
        found = np.array(np.load(file, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError, OverflowError, MemoryError) as error:
        return _unknown(f"{TRAINING_TEXTS} cannot be read ({error})")
    if found.dtype != np.dtype(DIGEST) or found.ndim != 1:
        return _unknown(f"{TRAINING_TEXTS} holds no digests")
    return TrainingTexts(digests=found)


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unknown(why: str) -> TrainingTexts:
    return TrainingTexts(
        reason=f"what the model was trained on is not known: {why}; train it again"
    )


def _share(value: object) -> float | None:
    """Return a number from 0 to 1; the file may hold anything."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else None
