"""What is known of a model before its weights are loaded."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from fairaudit.arrays import AnyArray
from fairaudit.result import ModelEntry


@dataclass(frozen=True)
class HeldOut:
    """How a classifier did on rows that its training kept apart.

    Parameters
    ----------
    task
        What it was trained for: ``"label"`` or ``"group"``.
    n
        How many rows were kept apart.
    accuracy, auc
        On these rows; `auc` is None with more than two classes.
    """

    task: str
    n: int
    accuracy: float
    auc: float | None


@dataclass(frozen=True, kw_only=True)
class TrainingTexts:
    """What is known of the texts that a fine-tuning used.

    Parameters
    ----------
    digests
        One of each different text, as `fairaudit.data.passages` makes them; None where
        they are not known.
    reason
        Why they are not known.
    """

    digests: AnyArray | None = field(default=None, repr=False, compare=False)
    reason: str = ""


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
    held_out
        What its training noted, None where it noted nothing.
    training
        Which texts its fine-tuning used, None where nothing is noted.
    texts
        The only texts that it can answer about; None where it answers about any.
    samples
        How many continuations of a prompt it holds at most; None where it writes as
        many as are asked for.
    scorers
        Classifiers that score what it writes, by the name of the score.
    """

    entry: ModelEntry
    labels: tuple[str, ...] = ()
    why_not: Mapping[str, str] | None = None
    psm: "ModelCard | None" = None
    shared_embedding: bool = False
    layers: int = 0
    held_out: HeldOut | None = None
    training: TrainingTexts | None = None
    texts: Set[str] | None = None
    samples: int | None = None
    scorers: Mapping[str, "ScorerCard"] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name in the report."""
        return self.entry.name


@dataclass(frozen=True)
class ScorerCard:
    """A classifier that scores texts by the probability of one of its labels."""

    card: ModelCard
    label: str

    @property
    def column(self) -> int:
        """Number of the label among the classifier's outputs."""
        return self.card.labels.index(self.label)
