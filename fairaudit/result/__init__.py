"""What an audit yields: quantities, findings, records and the report."""

from fairaudit.result.agreement import Agreement, Alignment, Coefficient, Correlation
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
    SCHEMA_VERSION,
    AuditReport,
    Cost,
    DatasetEntry,
    ModelEntry,
    Record,
    Status,
)

__all__ = [
    "SCHEMA_VERSION",
    "Agreement",
    "Alignment",
    "AuditReport",
    "Change",
    "Coefficient",
    "Correlation",
    "Cost",
    "DatasetEntry",
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
    "Verdict",
]
