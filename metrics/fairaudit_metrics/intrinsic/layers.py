"""Which hidden layers a metric reads."""

from collections.abc import Mapping

from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit.model import ModelCard

ALL = "all"


def check_layers(metric: str, layers: str) -> None:
    """Refuse a list of layers that is none.

    >>> check_layers("ceat", "0+3+6")
    """
    for part in _parts(layers):
        if part != ALL and not part.isdecimal():
            raise AuditError(
                f"{metric}: layers has {part!r}. Give numbers such as 0+3+6, counted "
                "from 0, the embedding output, or all."
            )


def main_layer(layer: int, card: ModelCard) -> int:
    """Return the number of the layer from 0, or as it is where that is not known."""
    if card.layers and not -card.layers <= layer < card.layers:
        raise Unmeasurable(_outside(layer, card))
    return layer + card.layers if layer < 0 else layer


def further_layers(layer: int, layers: str, card: ModelCard) -> Mapping[str, int]:
    """Return the layers of the curve beside the main one, by name of the reading."""
    parts = _parts(layers)
    if ALL in parts and not card.layers:
        raise Unmeasurable(
            "the number of layers of the model is not known; name them, such as "
            "layers=0+3+6"
        )
    wanted = range(card.layers) if ALL in parts else sorted(set(map(int, parts)))
    outside = [number for number in wanted if card.layers and number >= card.layers]
    if outside:
        raise Unmeasurable(_outside(outside[0], card))
    main = main_layer(layer, card)
    return {f"layer {number}": number for number in wanted if number != main}


def _parts(layers: str) -> list[str]:
    return layers.replace("+", " ").split()


def _outside(layer: int, card: ModelCard) -> str:
    return (
        f"the model has no layer {layer}; its layers are 0 (embedding output) to "
        f"{card.layers - 1} (last, also -1)"
    )
