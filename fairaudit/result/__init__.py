"""What an audit yields: quantities, findings, records and the report."""

from fairaudit.result.agreement import (
    Agreement,
    Alignment,
    Coefficient,
    Correlation,
    DomainDistance,
)
from fairaudit.result.checks import DataCheck
from fairaudit.result.finding import (
    Family,
    Finding,
    Interval,
    Json,
    Quantity,
    Scalar,
)
from fairaudit.result.gates import Change, GateOutcome, Verdict
from fairaudit.result.report import (
    NOT_STORED,
    SCHEMA_VERSION,
    AuditReport,
    Cost,
    DatasetEntry,
    ModelEntry,
    Record,
    Status,
)
from fairaudit.result.units import Units, merged, unit_keys, units_of

__all__ = [
    "NOT_STORED",
    "SCHEMA_VERSION",
    "Agreement",
    "Alignment",
    "AuditReport",
    "Change",
    "Coefficient",
    "Correlation",
    "Cost",
    "DataCheck",
    "DatasetEntry",
    "DomainDistance",
    "Family",
    "Finding",
    "GateOutcome",
    "Interval",
    "Json",
    "ModelEntry",
    "Quantity",
    "Record",
    "Scalar",
    "Status",
    "Units",
    "Verdict",
    "merged",
    "unit_keys",
    "units_of",
]
