"""Civil Comments (Jigsaw Unintended Bias): comments with toxicity and identities."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from fairaudit.datasets.coding import Clusters, Ids, Scores
from fairaudit.datasets.labelled import LabelledReader
from fairaudit.datasets.layout import Layout, Unknown
from fairaudit.datasets.membership import GroupColumn, Member
from fairaudit.datasets.rows import require_column
from fairaudit.datasets.table import Source, read_header
from fairaudit.errors import AuditError, suggest

TEXTS = ("comment_text", "text")
SCORES = ("target", "toxicity")
SUBTYPE = "severe_toxicity"
CATEGORIES: Mapping[str, Sequence[str]] = {
    "gender": ("male", "female", "transgender", "other_gender"),
    "sexual_orientation": (
        "heterosexual",
        "homosexual_gay_or_lesbian",
        "bisexual",
        "other_sexual_orientation",
    ),
    "religion": (
        "christian",
        "jewish",
        "muslim",
        "hindu",
        "buddhist",
        "atheist",
        "other_religion",
    ),
    "race_or_ethnicity": (
        "black",
        "white",
        "asian",
        "latino",
        "other_race_or_ethnicity",
    ),
    "disability": (
        "physical_disability",
        "intellectual_or_learning_disability",
        "psychiatric_or_mental_illness",
        "other_disability",
    ),
}
AGGREGATES: Mapping[str, Sequence[str]] = {
    "LGBTQ": (
        "homosexual_gay_or_lesbian",
        "bisexual",
        "other_sexual_orientation",
        "transgender",
        "other_gender",
    ),
    "other_religions": ("jewish", "hindu", "buddhist", "atheist", "other_religion"),
}
KAGGLE = (
    "male",
    "female",
    "homosexual_gay_or_lesbian",
    "christian",
    "jewish",
    "muslim",
    "black",
    "white",
    "psychiatric_or_mental_illness",
)
WILDS = (
    "male",
    "female",
    "LGBTQ",
    "christian",
    "muslim",
    "other_religions",
    "black",
    "white",
)
LISTS: Mapping[str, Sequence[str]] = {"kaggle": KAGGLE, "wilds": WILDS}
IDENTITIES = tuple(name for names in CATEGORIES.values() for name in names)
LEAST = 3
"""Identity columns that tell the format where the toxicity subtypes are missing."""


@dataclass(frozen=True)
class CivilCommentsReader(LabelledReader):
    """Read Civil Comments in any of the layouts in which it is published.

    These are the table of the Kaggle competition (``train.csv`` with ``target``), the
    later tables (``all_data.csv`` and ``test_*_expanded.csv`` with ``toxicity``), the
    tables of floats of TensorFlow Datasets and the Hugging Face hub (``text``), and
    that of WILDS (``all_data_with_identities.csv``). The hub's ``civil_comments`` has
    no identities: it is read without groups.

    A comment whose identities nobody annotated is in no known group. The competition's
    own metric counts such comments as background (``unknown=background``);
    TensorFlow's selection with identities leaves them out (``unknown=leave_out``).

    Parameters
    ----------
    split
        Only this split, by the column ``split`` or of a folder of splits.
    where
        Only rows in which a column equals a value: ``column:value``, several joined by
        ``+``.
    threshold, identity_threshold
        A comment is toxic, or mentions an identity, from this fraction of the
        annotators on.
    identities
        ``kaggle`` (the nine of the competition's metric), ``wilds`` (the eight of that
        benchmark), names joined by ``+``, or empty for all 24 that the file has.
    axes
        ``one`` puts all identities on the axis ``identity``, as the published metrics
        do; ``category`` gives gender, religion and so on an axis each.
    unknown
        What happens with comments without identity annotation: ``keep``,
        ``background`` or ``leave_out``.
    id, cluster
        Columns of identifiers (where the file has it) and of rows that depend on one
        another, such as ``article_id``; empty for none.
    """

    name: ClassVar[str] = "civil_comments"
    summary: ClassVar[str] = "Civil Comments / Jigsaw Unintended Bias, all layouts"
    columns: ClassVar[Mapping[str, str]] = {
        "comment_text | text": "the comment; rows without one are left out and counted",
        "target | toxicity": "fraction of annotators who found it toxic",
        "male, female, ...": "fraction of annotators who saw this identity mentioned; "
        "empty where nobody was asked",
        "id, split, article_id": "optional",
    }
    licence: ClassVar[str] = "CC0-1.0"
    source: ClassVar[str] = (
        "https://www.kaggle.com/c/jigsaw-unintended-bias-in-toxicity-classification"
    )
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "toxicity",
        "domain": "news comments",
        "language": "en",
    }

    threshold: float = 0.5
    identity_threshold: float = 0.5
    identities: str = ""
    axes: Literal["one", "category"] = "one"
    unknown: Unknown = "keep"
    id: str = "id"
    cluster: str = ""

    def __post_init__(self) -> None:
        """Refuse thresholds that are no fraction above 0."""
        for name in ("threshold", "identity_threshold"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise AuditError(
                    f"The {name} of the civil_comments reader is {value}; give a "
                    "fraction above 0 and at most 1."
                )

    def claims(self, path: Path) -> bool:
        """Tell whether a table has comments, toxicity, and a subtype or identities."""
        header = set(read_header(path))
        scored = header & set(TEXTS) and header & set(SCORES)
        return bool(scored) and (
            SUBTYPE in header or len(header & set(IDENTITIES)) >= LEAST
        )

    def layout(self, source: Source) -> Layout:
        """Return where the layout at hand has its columns."""
        if self.cluster:
            source.require(self.cluster, "cluster")
        score = _first(source, SCORES)
        return Layout(
            text=_first(source, TEXTS),
            labels=Scores(score, self.threshold, "non-toxic", "toxic"),
            groups=list(self._groups(source)),
            ids=Ids(self.id) if self.id in source.columns else None,
            clusters=Clusters(self.cluster) if self.cluster else None,
            no_text="leave_out",
            no_label="leave_out",
            unknown=self.unknown,
        )

    def _groups(self, source: Source) -> Iterator[GroupColumn]:
        for name in self._names(source):
            parts = (name,) if name in source.columns else tuple(AGGREGATES[name])
            axis = "identity" if self.axes == "one" else _category(name)
            yield Member(axis, name, parts, self.identity_threshold)

    def _names(self, source: Source) -> Sequence[str]:
        if not self.identities:
            return [name for name in IDENTITIES if name in source.columns]
        asked = [name.strip() for name in self.identities.split("+")]
        names = LISTS.get(self.identities, asked)
        for name in names:
            _check_identity(source, name)
        return names


def _first(source: Source, names: Sequence[str]) -> str:
    for name in names:
        if name in source.columns:
            return name
    raise AuditError(
        f"{source.path}: there is none of the columns {' and '.join(names)}. "
        f"{suggest(names[0], source.columns)}"
    )


def _check_identity(source: Source, name: str) -> None:
    known = {*IDENTITIES, *AGGREGATES}
    if name not in known:
        raise AuditError(f"identities: {name!r} is none. {suggest(name, known)}")
    if name not in source.columns:
        for part in AGGREGATES.get(name, [name]):
            require_column(source.path, part, source.columns, "identities")


def _category(name: str) -> str:
    parts = AGGREGATES.get(name, [name])
    return next(c for c, names in CATEGORIES.items() if parts[0] in names)
