"""Model loaders, entered by the door ``fairaudit.models``."""

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from fairaudit.model import Model

Dtype = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class ModelOptions:
    """How models are opened.

    Parameters
    ----------
    device
        ``"auto"`` takes a GPU where there is one.
    dtype
        Arithmetic of the forward passes; bfloat16 runs under autocast.
    allow_pickle, trust_remote_code, allow_network
        Each lets a model directory do something that is refused otherwise.
    """

    device: str = "auto"
    dtype: Dtype = "float32"
    allow_pickle: bool = False
    trust_remote_code: bool = False
    allow_network: bool = False


class Loader(Protocol):
    """Opens one kind of model."""

    name: ClassVar[str]
    summary: ClassVar[str]

    def claims(self, reference: str) -> bool:
        """Tell whether the reference looks like this kind of model."""
        ...

    def open(
        self, reference: str, options: ModelOptions, psm: str | None = None
    ) -> Model:
        """Open the model without loading weights; `psm` names its companion."""
        ...
