"""How far two metrics agree over models."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from fairaudit.result.finding import Family, Interval

Coefficient: TypeAlias = Literal["pearson", "spearman", "kendall"]

ALIGNED: Final = 0.5
"""Least Jaccard index of the groups of an aligned pair."""
RULE: Final = (
    f"Aligned: the groups overlap by a Jaccard index of at least {ALIGNED:g}, and "
    "notion, language and task are not known to differ."
)
DOMAIN_RULE: Final = (
    "How far the texts of two datasets are apart is stated beside a pair and is no "
    "part of that rule: no published threshold says how far is too far."
)


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """One coefficient over models with its test.

    `leave_one_out` is the range of the coefficient when each model is left out in turn.
    """

    coefficient: Coefficient
    value: float | None
    interval: Interval | None = None
    bootstrap: Interval | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    leave_one_out: tuple[float, float] | None = None
    method: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class DomainDistance:
    """How far the texts of two datasets are apart, by their words and their vectors.

    Parameters
    ----------
    first, second
        Names of the datasets, in alphabetical order.
    n, n_embedded
        Different texts of each that were compared by words, and by vectors.
    vocabulary
        Jensen-Shannon divergence of the word frequencies, in bits: 0 to 1.
    vocabulary_chance
        Its mean where the same texts are dealt to the two sides at random: what the
        divergence would be if both were drawn from one vocabulary.
    embedding
        Unbiased squared maximum mean discrepancy of the vectors; 0 is expected of one
        distribution, and a value below 0 can occur.
    embedding_p, embedding_p_adjusted
        Permutation p-value, and the same corrected over the pairs of datasets.
    encoder
        Name of the model that gave the vectors.
    method
        How both were had.
    reason
        Why one of them is missing.
    """

    first: str
    second: str
    n: tuple[int, int]
    vocabulary: float | None = None
    vocabulary_chance: float | None = None
    n_embedded: tuple[int, int] = (0, 0)
    embedding: float | None = None
    embedding_p: float | None = None
    embedding_p_adjusted: float | None = None
    encoder: str = ""
    method: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """What the data behind two metrics share; None where it is not known.

    Parameters
    ----------
    groups
        Jaccard index of the canonical groups.
    notions, domains, languages, tasks
        What each side measures, on what texts, in which language, on which task.
    vocabulary, embedding, embedding_p, embedding_p_adjusted
        As in the `DomainDistance` of the two datasets.
    domain_note
        How many texts those rest on, or why they are not there.
    aligned
        Whether the pair counts as aligned by the rule that the report states.
    """

    groups: float | None = None
    shared_groups: tuple[str, ...] = ()
    notions: tuple[str, str] = ("", "")
    domains: tuple[str, str] = ("", "")
    languages: tuple[str, str] = ("", "")
    tasks: tuple[str, str] = ("", "")
    vocabulary: float | None = None
    embedding: float | None = None
    embedding_p: float | None = None
    embedding_p_adjusted: float | None = None
    domain_note: str = ""
    aligned: bool = False


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Two quantities over the models that have both.

    Parameters
    ----------
    first, second
        What is compared, each as ``"metric quantity (subject) on dataset"``.
    models
        The n models with both numbers; `x` and `y` are their values.
    descriptive
        Whether the models are too few for inference.
    """

    first: str
    second: str
    families: tuple[Family, Family]
    models: tuple[str, ...] = ()
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    correlations: tuple[Correlation, ...] = ()
    alignment: Alignment | None = None
    descriptive: bool = True
    reason: str = ""
