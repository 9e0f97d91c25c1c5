"""The commands ``fairaudit gate`` and ``fairaudit init``: limits for CI."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairaudit.cli import options as opt
from fairaudit.errors import AuditError

if TYPE_CHECKING:
    from fairaudit.gates.limits import Configuration
    from fairaudit.result import AuditReport, Change


def gate(
    audit: Annotated[
        Path,
        typer.Argument(help="JSON file that an audit wrote.", metavar="AUDIT.json"),
    ],
    *,
    config: opt.Config = None,
    baseline: opt.Baseline = None,
    strict: opt.Strict = False,
    formats: opt.Formats = "terminal",
    out: opt.Out = Path("fairaudit-report"),
) -> None:
    """Hold a stored audit against limits, without running a model.

    Exit codes: 0 none flagged, 1 flagged, 2 usage or data error, 3 inconclusive or not
    run (with --strict).

    Example: `fairaudit gate fairaudit-report/audit.json --baseline main/audit.json`
    """
    from fairaudit.cli.report import deliver, read, writers
    from fairaudit.gates.evaluation import exit_code

    wanted = writers(formats)
    configuration = limits(config)
    if configuration is None:
        raise AuditError(
            "There are no limits: no fairaudit.toml and no [tool.fairaudit] here. "
            "Write one with `fairaudit init`, or name one with --config FILE."
        )
    found = gated(read(audit), configuration, baseline, audit)
    for writer in wanted:
        deliver(writer, found, out)
    code = exit_code(found.gates, strict=strict or configuration.strict)
    raise typer.Exit(code)


def init(
    schema: Annotated[
        bool,
        typer.Option("--schema", help="Print the JSON Schema of the file instead."),
    ] = False,
) -> None:
    """Write a commented fairaudit.toml into this directory."""
    from fairaudit.gates.config import FILENAME, TEMPLATE, json_schema
    from fairaudit.report import save
    from fairaudit.report.schema import compact

    if schema:
        typer.echo(compact(json_schema()))
        return
    path = Path(FILENAME)
    if path.exists():
        raise AuditError(f"{path} exists; it is left alone. Edit it, or move it away.")
    save(TEMPLATE, path)
    typer.echo(f"Wrote {path}.", err=True)


def limits(config: Path | None) -> "Configuration | None":
    """Return the limits that were named, or those of this directory, or None."""
    from fairaudit.gates.config import find, load

    path = config or find(Path())
    return load(path) if path else None


def gated(
    report: "AuditReport",
    configuration: "Configuration | None",
    baseline: Path | None,
    audit: Path | None = None,
) -> "AuditReport":
    """Return the report with what changed since the baseline, and what the gates say.

    Both are had once, here, so that every writer and the exit code agree. `audit` is
    the file that the report was read from, if it was.
    """
    from fairaudit.gates.evaluation import evaluate
    from fairaudit.registry import find

    if baseline is not None:
        report = replace(report, changes=_changes(report, audit, baseline))
    if configuration is None:
        return report
    known = find("fairaudit.metrics")
    return replace(report, gates=evaluate(report, configuration, known))


def _changes(
    report: "AuditReport", audit: Path | None, baseline: Path
) -> "tuple[Change, ...]":
    """Compare with the baseline, unit by unit where both files of units are there."""
    from fairaudit.cli.report import read
    from fairaudit.gates.baseline import changes
    from fairaudit.report.units import attach

    before, why = attach(read(baseline), baseline)
    if audit is not None:
        report, ours = attach(report, audit)
        why = "; ".join(filter(None, (ours, why)))
    if why:
        typer.echo(f"fairaudit: changes are not tested in pairs: {why}", err=True)
    return changes(report, before, without_units=why)
