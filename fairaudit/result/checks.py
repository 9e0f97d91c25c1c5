"""What was counted in the texts of a dataset."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

CheckName: TypeAlias = Literal["repeated", "contradictory", "seen in training"]


@dataclass(frozen=True, kw_only=True)
class DataCheck:
    """One count of rows of a dataset, or the reason why there is none.

    Texts are compared with case folded and white space collapsed.

    Parameters
    ----------
    name
        ``"repeated"``: rows whose text another row has too. ``"contradictory"``: those
        among them whose text bears different labels. ``"seen in training"``: rows of
        which a text was among those that the model learnt from.
    dataset, model
        What it is of; `model` is empty where no model plays a part.
    count
        Rows found; None exactly when `reason` is given.
    n
        Rows looked at.
    note
        What else is to be known of the count.
    """

    name: CheckName
    dataset: str
    model: str = ""
    count: int | None = None
    n: int = 0
    note: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.count is None) == (not self.reason):
            raise ValueError(f"{self.dataset}: give either a count or a reason")
