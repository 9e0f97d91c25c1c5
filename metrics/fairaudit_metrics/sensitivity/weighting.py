"""Which classes are differentiated: the weights w."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairaudit.data import Examples
from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit.model import ModelCard

FLAT = 1e-12


@dataclass(frozen=True)
class Weighting:
    """The weights w of the classes.

    Parameters
    ----------
    told
        In words.
    classes
        One class a text, -1 where there is none; empty: the predicted one.
    weights
        One weight a class; empty: one class a text.
    """

    told: str
    classes: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()

    @property
    def uniform(self) -> bool:
        """Whether all classes have the same weight."""
        return bool(self.weights) and max(self.weights) - min(self.weights) <= FLAT

    @property
    def mixed(self) -> bool:
        """Whether some class counts against another."""
        return any(weight < 0 for weight in self.weights)

    @property
    def passes(self) -> int:
        """Backward passes that |J| takes."""
        return sum(1 for weight in self.weights if weight) or 1


def weighting(w: str, data: Examples, card: ModelCard) -> Weighting:
    """Read the parameter `w` for a dataset and a classifier.

    Raises
    ------
    Unmeasurable
        Where the classifier has no such class, or the data no such labels.
    """
    if w == "predicted":
        return Weighting("the predicted class")
    if w == "true":
        return Weighting("the true class", classes=_true(data, card))
    kind, _, value = w.partition(":")
    if kind == "class":
        number = _number(value, card)
        return Weighting(f"the class {value}", classes=(number,) * len(data.texts))
    count = len(card.labels)
    weights = (1 / count,) * count if w == "uniform" else _weights(value, card)
    terms = zip(weights, card.labels, strict=True)
    told = " + ".join(f"{weight:g} {label}" for weight, label in terms)
    return Weighting(told, weights=weights)


def check_w(w: str) -> None:
    """Refuse what `weighting` cannot read, before anything is run."""
    kind, colon, value = w.partition(":")
    if w in {"predicted", "true", "uniform"} or (kind == "class" and value):
        return
    if kind == "weights" and colon and _numbers(value):
        return
    raise AuditError(
        f"Parameter w of sensitivity is {w!r}; give predicted, true, uniform, "
        "class:NAME or weights:W1+W2+... (one a class, in the model's order)."
    )


def _true(data: Examples, card: ModelCard) -> tuple[int, ...]:
    unknown = sorted(set(data.label_names) - set(card.labels))
    if unknown or not data.label_names:
        raise Unmeasurable(
            f"w=true needs the true class, but the labels of the data "
            f"({', '.join(data.label_names) or 'none'}) are not those of the model "
            f"({', '.join(card.labels)})"
        )
    numbers = [card.labels.index(name) for name in data.label_names]
    return tuple(np.array([*numbers, -1])[data.labels].tolist())


def _number(name: str, card: ModelCard) -> int:
    if name not in card.labels:
        raise Unmeasurable(
            f"the model has no class {name!r}; its classes: {', '.join(card.labels)}"
        )
    return card.labels.index(name)


def _weights(value: str, card: ModelCard) -> tuple[float, ...]:
    weights = tuple(_numbers(value))
    if len(weights) != len(card.labels):
        raise Unmeasurable(
            f"w has {len(weights)} weights, but the model has {len(card.labels)} "
            f"classes ({', '.join(card.labels)})"
        )
    return weights


def _numbers(value: str) -> Sequence[float]:
    """Return weights, or none where they cannot be used."""
    try:
        found = [float(part) for part in value.split("+")]
    except ValueError:
        return ()
    return found if np.isfinite(found).all() and any(found) else ()
