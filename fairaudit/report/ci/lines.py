"""What the writers for continuous integration say of a gate."""

from fairaudit.report import wording
from fairaudit.result import GateOutcome


def title(outcome: GateOutcome) -> str:
    """Return the gate and what it is about."""
    parts = (outcome.metric, outcome.quantity, outcome.subject)
    about = " ".join(part for part in parts if part)
    place = " on ".join(part for part in (outcome.model, outcome.dataset) if part)
    return wording.visible(" - ".join(filter(None, (outcome.gate, about, place))))


def verdict(outcome: GateOutcome) -> str:
    """Return the verdict with its figures, in one sentence."""
    figures = [f"limit: {outcome.limit}"]
    if outcome.value is not None:
        figures = [f"value {wording.number(outcome.value)}", *figures]
    if outcome.interval is not None:
        figures.append(f"interval {wording.interval(outcome.interval)}")
    if outcome.p_adjusted is not None:
        figures.append(f"adjusted p {wording.number(outcome.p_adjusted)}")
    if outcome.n:
        figures.append(f"n = {outcome.n:,}")
    told = f"{outcome.verdict}: {outcome.reason} ({'; '.join(figures)})"
    return wording.visible(told)
