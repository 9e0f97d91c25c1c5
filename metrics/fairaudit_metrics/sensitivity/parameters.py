"""The parameters of the metric; its docstring says what each means."""

from dataclasses import dataclass
from math import inf
from typing import get_args

from fairaudit.errors import AuditError
from fairaudit.model import Slope
from fairaudit.model.sensitivity import Norm, Normalisation, Readout, Smoothing, Step
from fairaudit_metrics.sensitivity.forms import chosen
from fairaudit_metrics.sensitivity.weighting import check_w

_CHOICES = {
    "output": get_args(Readout),
    "norm": get_args(Norm),
    "normalise": get_args(Normalisation),
    "step": get_args(Step),
    "smooth": get_args(Smoothing),
}
_LEAST = {"points": 1, "min_count": 2, "examples": 0, "draws": 100}
_SHARES = ("min_auc", "saturated", "most_saturated")


@dataclass(frozen=True)
class Parameters:
    """Parameters of accumulated prediction sensitivity."""

    forms: str = "absolute+token+lexicon+directional"
    w: str = "predicted"
    output: Readout = "probability"
    norm: Norm = "l2"
    normalise: Normalisation = "sum"
    step: Step = "unit"
    smooth: Smoothing = "none"
    points: int = 10
    noise: float = 0.1
    group: str | None = None
    terms: str | None = None
    counterfactual: bool = True
    human: str | None = None
    min_auc: float = 0.7
    min_count: int = 10
    saturated: float = 0.99
    most_saturated: float = 0.5
    examples: int = 5
    values: bool = False
    draws: int = 2000
    level: float = 0.95

    def __post_init__(self) -> None:
        """Refuse parameters that have no meaning."""
        chosen(self.forms)
        check_w(self.w)
        for name, known in _CHOICES.items():
            fits = getattr(self, name) in known
            self._require(name, fits, f"one of {', '.join(known)}")
        for name, least in _LEAST.items():
            self._require(name, getattr(self, name) >= least, f"at least {least}")
        for name in _SHARES:
            fits = 0 <= getattr(self, name) <= 1
            self._require(name, fits, "a number from 0 to 1")
        self._require("level", 0 < self.level < 1, "a number between 0 and 1")
        self._require("noise", 0 <= self.noise < inf, "a number, 0 or more")

    def slope(self, weights: tuple[float, ...]) -> Slope:
        """Return how slopes are measured, given the weights of the classes."""
        return Slope(
            readout=self.output,
            weights=weights,
            norm=self.norm,
            normalise=self.normalise,
            step=self.step,
            smooth=self.smooth,
            points=self.points,
            noise=self.noise,
        )

    def _require(self, name: str, fits: bool, wanted: str) -> None:
        if not fits:
            raise AuditError(
                f"Parameter {name} of sensitivity is {getattr(self, name)!r}; give "
                f"{wanted}."
            )
