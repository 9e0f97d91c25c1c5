"""Digests of the texts that a training used, kept beside the model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from fairaudit.data.passages import digests
from fairaudit.models.trained import TRAINING_TEXTS, file_hash
from fairaudit.recipe import Rows
from fairaudit.result import Json

RULE: Final = (
    "8 bytes of BLAKE2b of each different text of the training and validation rows, "
    "case folded and white space collapsed, sorted. Whoever has a text can tell "
    "whether it is among them; no text can be read from them."
)


def keep_texts(rows: Rows, place: Path) -> Mapping[str, Json]:
    """Write the digests into a model directory; return what the card says of them."""
    used = np.concatenate([rows.train, rows.validation])
    found = np.unique(digests(rows.texts[row] for row in used))
    file = place / TRAINING_TEXTS
    np.save(file, found, allow_pickle=False)
    return {
        "file": TRAINING_TEXTS,
        "sha256": file_hash(file),
        "n": len(found),
        "rule": RULE,
    }
