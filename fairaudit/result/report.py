"""The report of an audit and what it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from fairaudit.result.agreement import Agreement, DomainDistance
from fairaudit.result.checks import DataCheck
from fairaudit.result.finding import Family, Interval, Json, Quantity, Scalar
from fairaudit.result.gates import Change, GateOutcome
from fairaudit.result.units import Units

Status: TypeAlias = Literal["ok", "not_run", "error"]

SCHEMA_VERSION = "1.2"
NOT_STORED: Final = "not stored"
"""Marks, in the metadata of a field, what the JSON file does not hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A finding with its provenance, or a metric that gave none and the reason.

    `traits` says what is measured on what: ``notion`` (stereotype, toxicity, sentiment,
    hate), ``domain`` of the texts, ``language`` and ``task``, where known; `key` and
    `units` as in a `Finding`.
    """

    model: str
    dataset: str
    metric: str
    family: Family
    params: Mapping[str, Json] = field(default_factory=dict)
    status: Status = "ok"
    reason: str = ""
    subject: str = ""
    quantity: Quantity | None = None
    value: float | None = None
    n: int = 0
    interval: Interval | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    null: str = ""
    detail: Mapping[str, Json] = field(default_factory=dict)
    traits: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    units: Units | None = field(
        default=None, compare=False, repr=False, metadata={NOT_STORED: True}
    )

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What tells the finding from others of one model with equal parameters."""
        quantity = self.quantity.name if self.quantity else ""
        return self.dataset, self.metric, quantity, self.key or self.subject


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """A model as the report names it."""

    name: str
    path: str
    fingerprint: str
    architecture: str
    reads: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DatasetEntry:
    """A dataset as the report names it.

    `groups` counts rows per axis and group; `left_out` counts, by reason, the rows of
    the file that are not among the `n`; `traits` as those of a `Record`.
    """

    name: str
    kind: str
    n: int
    sha256: str
    path: str = ""
    groups: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    licence: str = ""
    source: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict)
    traits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What the audit took: `forward_passes` counts texts sent through a model."""

    forward_passes: int = 0
    unique_texts: int = 0
    tokens: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AuditReport:
    """Everything a writer needs; the JSON file is this object.

    `gates` are the outcomes of limits, `changes` those against a baseline audit,
    `agreements` how metrics go together over models, and `domains` how far their
    datasets are apart; each empty where not asked for. `checks` are of the datasets.
    `units_sha256` is the digest of the file beside the JSON file that holds the units
    of the records; empty where there is none.
    """

    schema_version: str = SCHEMA_VERSION
    fairaudit_version: str
    created: str
    seed: int
    command: str
    environment: Mapping[str, Scalar]
    models: tuple[ModelEntry, ...]
    datasets: tuple[DatasetEntry, ...]
    records: tuple[Record, ...]
    cost: Cost = field(default_factory=Cost)
    gates: tuple[GateOutcome, ...] = ()
    changes: tuple[Change, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    domains: tuple[DomainDistance, ...] = ()
    checks: tuple[DataCheck, ...] = ()
    units_sha256: str = ""
