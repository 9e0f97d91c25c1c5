"""How many hidden states a network gives."""

from collections.abc import Mapping

_NAMES = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")


def hidden_states(config: Mapping[str, object]) -> int:
    """Return the number of hidden states, the embedding output included.

    0 where the configuration does not say, and for an encoder with a decoder, which has
    two stacks.

    Examples
    --------
    >>> hidden_states({"num_hidden_layers": 6}), hidden_states({"model_type": "x"})
    (7, 0)
    """
    inner = config.get("text_config")
    said = inner if isinstance(inner, dict) else config
    if said.get("is_encoder_decoder"):
        return 0
    found = (said.get(name) for name in _NAMES)
    layers = next((n for n in found if isinstance(n, int) and n > 0), None)
    return layers + 1 if layers else 0
