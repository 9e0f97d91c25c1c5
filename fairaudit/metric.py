"""What a metric is."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, Generic, TypeVar

import numpy as np

from fairaudit.data import Data
from fairaudit.model import ModelCard, Reading, Request
from fairaudit.result import Family, Finding, Json, Quantity

D = TypeVar("D", bound=Data)


class Unmeasurable(Exception):
    """The metric does not apply; the message is the reason in the report."""


@dataclass(frozen=True)
class Metric(ABC, Generic[D]):
    """A metric: a frozen dataclass whose fields are its parameters.

    A subclass sets the class attributes below and implements `needs` and `score`, both
    pure: the same arguments give the same answer. Raise `Unmeasurable` with the reason
    where the metric does not apply to the data or the model.
    """

    name: ClassVar[str]
    family: ClassVar[Family]
    accepts: ClassVar[type[Data]]
    quantities: ClassVar[tuple[Quantity, ...]]
    summary: ClassVar[str]
    formula: ClassVar[str] = ""
    limits: ClassVar[str] = ""
    source: ClassVar[str] = ""
    asks: ClassVar[tuple[str, ...]] = ()
    traits: ClassVar[Mapping[str, str]] = {}
    """What it measures, as in `Record.traits`; those of the data come first."""

    @abstractmethod
    def needs(self, data: D, card: ModelCard) -> Mapping[str, Request]:
        """Return the requests whose answers `score` takes, by name."""

    @abstractmethod
    def score(
        self,
        data: D,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterable[Finding]:
        """Return the findings."""

    def follow_up(
        self, data: D, readings: Mapping[str, Reading], card: ModelCard
    ) -> Mapping[str, tuple[str, Request]]:
        """Return requests to scorers about what the model wrote, by name.

        Each is the name of a scorer among `card.scorers` and a request to it; `score`
        gets the answers beside the others. Most metrics have none.
        """
        return {}

    @property
    def params(self) -> Mapping[str, Json]:
        """Parameters by name, as the record echoes them."""
        return {f.name: getattr(self, f.name) for f in fields(self)}
