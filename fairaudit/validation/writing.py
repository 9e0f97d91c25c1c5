"""A validation as a JSON file, a CSV file and a table for the terminal."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from fairaudit import __version__
from fairaudit.engine import environment
from fairaudit.report import wording
from fairaudit.report.tabular import neutral
from fairaudit.result import Json, Scalar
from fairaudit.training import TrainingCard
from fairaudit.validation.outcomes import Cell, Outcome, outcome
from fairaudit.validation.planting import whole
from fairaudit.validation.series import series
from fairaudit.validation.trials import Plan, Trial, tallied

if TYPE_CHECKING:
    from rich.table import Table

RULES: Mapping[str, str] = {
    "planted": "P(positive | deed, group) = (1 - s) [deed speaks for] + s [group = "
    "men]; audited texts have labels by deed alone, the same in both groups.",
    "value": "Mean over runs; each run has other texts and another training. Interval: "
    "Student's t over runs.",
    "slope": "Least squares over (s, value) of all runs; interval by Student's t over "
    "the slopes of the runs.",
    "flagged": "The interval excludes the ideal and the p-value, corrected over the "
    "audit of that model, is below 0.05.",
    "detects from": "The smallest s flagged in more than half of the runs, as is each "
    "greater one. In brackets, for quantities that have no test: the smallest s whose "
    "intervals lie apart from those at s = 0.",
    "orders": "Means over runs lie farther from the ideal at each greater s.",
    "proxy": "Control at the greatest s: no text names a group, a place of work "
    "carries it. Metrics that rest on terms for groups cannot see it.",
    "at s = 0": "A classifier can depend on the group without planted bias; a "
    "metric that compares the same text in both wordings may find that.",
    "over runs": "Whether Student's interval over runs excludes the ideal at s = 0, "
    "and the smallest s from which on it does. What training on few texts leaves "
    "differs from run to run; what all runs share is a lean of the encoder or of the "
    "texts. Only for quantities that can lie on either side of the ideal; not "
    "corrected for their number.",
}
_NAMES = 36
FROZEN = (
    "Intrinsic metrics are not measured: the encoder stays frozen, so its vectors are "
    "the same at every s. --fine-tune measures them."
)


@dataclass(frozen=True, kw_only=True)
class Validation:
    """All that is told of a validation.

    Parameters
    ----------
    encoder, command, version
        What was validated, how, by which fairaudit.
    strengths, seeds, texts, audited, fine_tune
        As asked for, numbers of texts as they were.
    recipe
        How classifiers were trained.
    accuracies
        Of the classifiers on held-out texts labelled like those learnt from, a number
        a run.
    protected
        How good the protected-status model is.
    outcomes
        One a quantity and subject.
    """

    encoder: str
    command: str
    version: str
    strengths: tuple[float, ...]
    seeds: tuple[int, ...]
    texts: int
    audited: int
    fine_tune: bool
    recipe: Mapping[str, Json]
    accuracies: Mapping[str, tuple[float, ...]]
    protected: str
    outcomes: tuple[Outcome, ...]
    environment: Mapping[str, Scalar]

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know of the numbers."""
        return () if self.fine_tune else (FROZEN,)


def as_json(found: Validation) -> str:
    """Return the whole of it."""
    content = {**asdict(found), "notes": list(found.notes), "rules": dict(RULES)}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def as_csv(found: Validation) -> str:
    """Return a row a quantity and subject."""
    rows = [_row(outcome) for outcome in found.outcomes]
    text = StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(rows[0] if rows else ())
    writer.writerows([neutral(cell) for cell in row.values()] for row in rows)
    return text.getvalue()


def table(found: Validation) -> "Table":
    """Return the quantities over all texts, those with a test first."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(header(found)):
        made.add_column(name, overflow="fold", min_width=0 if number else _NAMES)
    for row in body(found):
        made.add_row(*(Text(wording.visible(cell)) for cell in row))
    return made


def header(found: Validation) -> tuple[str, ...]:
    """Return the names of the columns."""
    strengths = (f"s = {strength:g}" for strength in found.strengths)
    return (
        "metric: quantity",
        *strengths,
        *("slope [interval]", "orders", "false alarms", "detects from"),
        *("over runs", "proxy"),
    )


def body(found: Validation) -> list[tuple[str, ...]]:
    """Return the rows of the table: quantities about all texts that have a number."""
    shown = [o for o in found.outcomes if o.headline and any(c.runs for c in o.cells)]
    shown.sort(key=lambda o: not o.tested)
    return [_told(outcome) for outcome in shown]


def _told(outcome: Outcome) -> tuple[str, ...]:
    name = f"{outcome.metric}: {wording.words(outcome.quantity)} ({outcome.subject})"
    ideal = f", ideal {outcome.ideal:g}" * (outcome.ideal != 0)
    first = outcome.cells[0]
    return (
        f"{name}{ideal}",
        *(_figure(cell) for cell in outcome.cells),
        f"{wording.number(outcome.slope)} {wording.interval(outcome.slope_interval)}",
        {True: "yes", False: "no", None: "-"}[outcome.orders],
        f"{first.flagged}/{first.tested}" if first.tested else "no test",
        _detects(outcome),
        _over_runs(outcome),
        _figure(outcome.control),
    )


def _detects(outcome: Outcome) -> str:
    if outcome.tested:
        return "none" if outcome.detects_from is None else f"{outcome.detects_from:g}"
    return "(none)" if outcome.apart_from is None else f"({outcome.apart_from:g})"


def _over_runs(outcome: Outcome) -> str:
    if outcome.shared_lean is None:
        return "-"
    lean = "lean at 0" if outcome.shared_lean else "none at 0"
    smallest = outcome.runs_detect_from
    return f"{lean}, " + ("no s" if smallest is None else f"from {smallest:g}")


def _figure(cell: Cell) -> str:
    if not cell.runs:
        return "no number"
    flagged = f" ({cell.flagged}/{cell.tested})" if cell.tested else ""
    return f"{wording.number(cell.value)}{flagged}"


def _row(outcome: Outcome) -> dict[str, Scalar]:
    row: dict[str, Scalar] = {
        name: getattr(outcome, name)
        for name in ("family", "metric", "params", "quantity", "unit", "ideal")
    }
    row["subject"] = outcome.subject
    cells = {f"s{cell.strength:g}": cell for cell in outcome.cells}
    for name, cell in {**cells, "proxy": outcome.control}.items():
        row |= _cells(name, cell)
    low = outcome.slope_interval
    row |= {"slope": outcome.slope, "slope_runs": outcome.slope_runs}
    row |= {"slope_low": low.low if low else None}
    row |= {"slope_high": low.high if low else None}
    for name in ("rank_correlation", "orders", "false_alarm"):
        row[name] = getattr(outcome, name)
    for name in ("detects_from", "apart_from", "shared_lean", "runs_detect_from"):
        row[name] = getattr(outcome, name)
    return row


def _cells(name: str, cell: Cell) -> dict[str, Scalar]:
    return {
        f"{name}_value": cell.value,
        f"{name}_low": cell.interval.low if cell.interval else None,
        f"{name}_high": cell.interval.high if cell.interval else None,
        f"{name}_runs": cell.runs,
        f"{name}_flagged": cell.flagged,
        f"{name}_tested": cell.tested,
        f"{name}_reason": "; ".join(cell.reasons),
    }


def lines(found: Validation) -> Sequence[str]:
    """Return what stands under the table."""
    accuracy = "; ".join(
        f"s = {name}: {', '.join(wording.number(v) for v in values)}"
        for name, values in found.accuracies.items()
    )
    return (
        f"{found.texts} texts to learn from, {found.audited} audited, "
        f"{wording.count(len(found.seeds), 'run')}. (k/n): flagged in k of n runs.",
        f"Accuracy on held-out texts with planted labels: {accuracy}.",
        f"Protected-status model: {found.protected}",
        *found.notes,
        *(f"{name}: {rule}" for name, rule in RULES.items()),
    )


def summary(
    plan: Plan, trials: Sequence[Trial], card: TrainingCard, command: str
) -> Validation:
    """Sum up the trials of a plan."""
    found = [outcome(one, plan.strengths) for one in series(trials)]
    return Validation(
        encoder=Path(plan.encoder).resolve().name,
        command=command,
        version=__version__,
        strengths=plan.strengths,
        seeds=tuple(range(plan.seed, plan.seed + plan.seeds)),
        texts=whole(plan.texts),
        audited=whole(plan.audited),
        fine_tune=plan.fine_tune,
        recipe=asdict(plan.recipe),
        accuracies=tallied(trials),
        protected=card.summary(),
        outcomes=tuple(found),
        environment=environment(),
    )
