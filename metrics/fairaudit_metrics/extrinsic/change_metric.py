"""What the metrics of counterfactual change have in common."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np

from fairaudit.arrays import Array
from fairaudit.data import Data
from fairaudit.errors import AuditError
from fairaudit.metric import Metric, Unmeasurable
from fairaudit.model import ModelCard, Predict, Reading, Request
from fairaudit.result import Family, Finding, Quantity
from fairaudit_metrics.extrinsic.change_quantities import CHANGES
from fairaudit_metrics.extrinsic.changes import Changes, Rules
from fairaudit_metrics.extrinsic.scale import Operator, Scale, scale_of
from fairaudit_metrics.extrinsic.versions import Versions

D = TypeVar("D", bound=Data)
FEWEST_DRAWS = 100
MOST_EVIDENCE = 100


@dataclass(frozen=True)
class ChangeMetric(Metric[D]):
    """Compare predictions for texts that differ in the group they speak of.

    Parameters
    ----------
    label
        Class whose probability is the score; by default the second of two. With more
        classes and none named, absolute changes are total variation distances.
    per_class
        With more classes and none named: signed changes of every class.
    threshold, operator
        The class is chosen where its score is > or >= the threshold; by default the
        most probable class is, the first of equal ones.
    tolerance
        Changes of the decision with a smaller change of the probability do not make a
        text inconsistent.
    min_count
        Least number of texts of a mean.
    draws
        Sign patterns of the test, where not all are enumerated.
    level
        Of the intervals.
    evidence
        How many of the pairs that differ most are kept in the detail.

    Notes
    -----
    A signed change below 1e-5 counts as 0, for the batch that a text is read in may
    change its probability by that much; without this, tests found directions in
    rounding where a classifier does not depend on the group at all.
    """

    label: str | None = None
    per_class: bool = False
    threshold: float | None = None
    operator: Operator = ">="
    tolerance: float = 0.0
    min_count: int = 10
    draws: int = 10_000
    level: float = 0.95
    evidence: int = 5

    family: ClassVar[Family] = "extrinsic"
    quantities: ClassVar[tuple[Quantity, ...]] = CHANGES
    asks: ClassVar[tuple[str, ...]] = ("predict",)
    traits: ClassVar[Mapping[str, str]] = {"task": "classification"}

    def __post_init__(self) -> None:
        """Refuse parameters that have no meaning."""
        checks = (
            ("threshold", self.threshold is None or 0 <= self.threshold <= 1),
            ("tolerance", 0 <= self.tolerance <= 1),
            ("min_count", self.min_count >= 1),
            ("draws", self.draws >= FEWEST_DRAWS),
            ("level", 0 < self.level < 1),
            ("evidence", 0 <= self.evidence <= MOST_EVIDENCE),
        )
        for name, fits in checks:
            if not fits:
                raise AuditError(
                    f"Parameter {name} of {self.name} is {getattr(self, name)!r}; "
                    f"give {_WANTED[name]}."
                )

    def _scale(self, card: ModelCard) -> Scale:
        return scale_of(card, self.label, self.threshold, self.operator)

    def _findings(
        self, versions: Versions, scale: Scale, rng: np.random.Generator, *, pairs: bool
    ) -> Iterator[Finding]:
        rules = Rules(
            tolerance=self.tolerance,
            min_count=self.min_count,
            draws=self.draws,
            level=self.level,
            evidence=self.evidence,
            per_class=self.per_class,
            pairs=pairs,
        )
        changes = Changes(versions=versions, scale=scale, rules=rules)
        yield from changes.findings(rng)


def asked(texts: tuple[str, ...]) -> Mapping[str, Request]:
    """Ask for predictions, each text once."""
    return {"predictions": Predict(tuple(dict.fromkeys(texts)))}


def answers(
    texts: tuple[str, ...], readings: Mapping[str, Reading]
) -> dict[str, Array]:
    """Return the class probabilities by text, all of them finite."""
    table = readings["predictions"]["probabilities"].astype(float)
    missing = int((~np.isfinite(table).all(axis=1)).sum())
    if missing:
        raise Unmeasurable(
            f"the model gave no finite probability for {missing} of {len(table)} texts"
        )
    return dict(zip(dict.fromkeys(texts), table, strict=True))


_WANTED: Mapping[str, str] = {
    "threshold": "a number from 0 to 1, or none",
    "tolerance": "a number from 0 to 1",
    "min_count": "at least 1",
    "draws": f"at least {FEWEST_DRAWS}",
    "level": "a number between 0 and 1",
    "evidence": f"a number from 0 to {MOST_EVIDENCE}",
}
