"""What is known of a model before its weights are loaded."""

from collections.abc import Mapping
from dataclasses import dataclass

from fairaudit.result import ModelEntry


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What is known of a model before its weights are loaded.

    Parameters
    ----------
    entry
        As the report names it; `entry.reads` lists the kinds of request it answers.
    labels
        Class names in the order of the output.
    why_not
        For each kind of request it cannot answer, the reason.
    psm
        The protected-status model it is paired with.
    layers
        Number of hidden states, the embedding output included; 0 where not known.
    shared_embedding
        Whether model and PSM have equal word embeddings, so that element-wise
        products of their gradients have a meaning.
    """

    entry: ModelEntry
    labels: tuple[str, ...] = ()
    why_not: Mapping[str, str] | None = None
    psm: "ModelCard | None" = None
    shared_embedding: bool = False
    layers: int = 0

    @property
    def name(self) -> str:
        """Name in the report."""
        return self.entry.name
