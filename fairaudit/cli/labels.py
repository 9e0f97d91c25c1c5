"""Labels of the data and of the models: mapped where told, never guessed."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from fairaudit.errors import AuditError, suggest

if TYPE_CHECKING:
    from fairaudit.data import Data, Examples
    from fairaudit.model import ModelCard
    from fairaudit.planning import AnyMetric


def relabel(
    datasets: "Sequence[Data]", mapping: Mapping[str, str]
) -> "tuple[Data, ...]":
    """Rename classes of labelled datasets.

    A key of the mapping is a label, of whichever datasets have it, or ``NAME:label``
    for the dataset NAME alone; that one wins.

    Raises
    ------
    AuditError
        Where no dataset has the label.
    """
    from fairaudit.data import Examples

    labelled = [data for data in datasets if isinstance(data, Examples)]
    new: dict[str, dict[str, str]] = {data.card.name: {} for data in labelled}
    places = [(_place(key, labelled), to) for key, to in mapping.items()]
    for (name, label), to in sorted(places, key=lambda pair: pair[0][0]):
        for data in labelled:
            if name in {"", data.card.name}:
                new[data.card.name][label] = to
    return tuple(
        data.relabelled(new[data.card.name])
        if isinstance(data, Examples) and new[data.card.name]
        else data
        for data in datasets
    )


def require_labels(
    cards: "Sequence[ModelCard]",
    metrics: "Sequence[AnyMetric]",
    datasets: "Sequence[Data]",
) -> None:
    """Refuse labels that a classifier does not have, before anything is read."""
    if not any(metric.asks == ("predict",) for metric in metrics):
        return
    for card in cards:
        if "predict" in card.entry.reads:
            for data in _answerable(card, datasets):
                refuse_labels(data, card.labels, card.name)


def refuse_labels(data: "Examples", known: Collection[str], model: str) -> None:
    """Refuse data with labels that are not known."""
    unknown = sorted(set(data.label_names) - set(known))
    if unknown:
        name, first = data.card.name, next(iter(known), "LABEL")
        raise AuditError(
            f"{name} has labels that {model} does not have ({', '.join(unknown)}; the "
            f"model: {', '.join(known)}). Say which is which with --labels "
            f"{unknown[0]}={first},... or, for this dataset alone, --labels "
            f"{name}:{unknown[0]}={first},..."
        )


def _place(key: str, labelled: "Sequence[Examples]") -> tuple[str, str]:
    """Return dataset and label of a key; no dataset where the key is a label."""
    every = {name for data in labelled for name in data.label_names}
    if key in every:
        return "", key
    name, _, label = key.partition(":")
    for data in labelled:
        if data.card.name == name and label in data.label_names:
            return name, label
    qualified = {f"{d.card.name}:{n}" for d in labelled for n in d.label_names}
    known = qualified if ":" in key else every
    raise AuditError(f"--labels: the data has no label {key!r}. {suggest(key, known)}")


def _answerable(card: "ModelCard", datasets: "Sequence[Data]") -> "Iterator[Examples]":
    """Yield the labelled datasets whose texts the model can answer about."""
    from fairaudit.data import Examples

    for data in datasets:
        if isinstance(data, Examples) and (
            card.texts is None or not card.texts.isdisjoint(data.texts)
        ):
            yield data
