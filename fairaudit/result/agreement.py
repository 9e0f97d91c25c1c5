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
class Alignment:
    """What the data behind two metrics share; None where it is not known.

    Parameters
    ----------
    groups
        Jaccard index of the canonical groups.
    notions, domains, languages, tasks
        What each side measures, on what texts, in which language, on which task.
    vocabulary
        Jensen-Shannon divergence of the vocabularies, in bits.
    embedding
        Discrepancy of the text embeddings, with `embedding_p` its permutation p-value.
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
