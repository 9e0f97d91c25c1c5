"""What training noted of a classifier, beside its weights."""

from collections.abc import Mapping

from fairaudit.model import HeldOut


def held_out(card: Mapping[str, object]) -> HeldOut | None:
    """Return how the classifier did on held-out rows; None for a card without it.

    >>> held_out({"task": "group", "n_held_out": 40, "held_out_accuracy": 0.9})
    HeldOut(task='group', n=40, accuracy=0.9, auc=None)
    """
    task, n = card.get("task"), card.get("n_held_out")
    accuracy = _share(card.get("held_out_accuracy"))
    if not isinstance(task, str) or not isinstance(n, int) or accuracy is None:
        return None
    return HeldOut(task, n, accuracy, _share(card.get("held_out_auc")))


def _share(value: object) -> float | None:
    """Return a number from 0 to 1; the file may hold anything."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else None
