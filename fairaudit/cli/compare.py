"""The commands ``fairaudit compare`` and ``fairaudit agree``: audits side by side."""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairaudit.cli import options as opt
from fairaudit.cli.collector import paused
from fairaudit.errors import AuditError

if TYPE_CHECKING:
    from fairaudit.agreement.published import Check
    from fairaudit.result import AuditReport

Audits = Annotated[
    list[Path], typer.Argument(metavar="AUDIT.json...", help="Files that audits wrote.")
]
Renamed = Annotated[
    str,
    typer.Option(
        "--rename",
        metavar="OLD=NEW,...",
        help="New names of models; two of one name count as one model.",
    ),
]


class Score(StrEnum):
    """What is compared over models."""

    variance = "variance"
    value = "value"


class Align(StrEnum):
    """What is restricted to what both metrics share."""

    none = "none"
    groups = "groups"


@paused()
def compare(
    audits: Audits,
    *,
    formats: opt.Formats = "terminal",
    out: opt.Out = Path("fairaudit-report"),
    rename: Renamed = "",
    correction: Annotated[
        opt.Correction, typer.Option(help="Correction over all findings of all audits.")
    ] = opt.Correction.holm,
) -> None:
    """Put audits of several models side by side, without running a model.

    Every quantity that several models have is ranked by distance from its ideal; a
    ranking whose first and last intervals overlap is said not to be decisive.

    Example: `fairaudit compare a/audit.json b/audit.json --format terminal,html`
    """
    from fairaudit.cli.report import deliver, writers

    wanted = writers(formats)
    merged = _merged(audits, rename, correction)
    for writer in wanted:
        deliver(writer, merged, out)


def agree(
    audits: Annotated[
        list[Path] | None,
        typer.Argument(metavar="AUDIT.json...", help="Files that audits wrote."),
    ] = None,
    *,
    score: Annotated[
        Score, typer.Option(help="Variance over groups, or the findings themselves.")
    ] = Score.variance,
    align: Annotated[
        Align, typer.Option(help="groups: only groups that both metrics have.")
    ] = Align.none,
    published: Annotated[
        str,
        typer.Option(
            metavar="FILE|cao2022",
            help="Check a published table (CSV: table,row,column,r,n,significant,p).",
        ),
    ] = "",
    data: Annotated[
        list[str],
        typer.Option(
            "--data",
            metavar="[NAME=]PATH",
            help="An audited dataset, to tell how far the texts of datasets are apart; "
            "read as by `evaluate --data`. Repeatable.",
        ),
    ] = [],  # noqa: B006 - typer copies it
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL_DIR", help="Compare those texts by its vectors, too."
        ),
    ] = None,
    draws: Annotated[
        int, typer.Option(min=99, help="Permutations and resamples.")
    ] = 9999,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random draw.")] = 0,
    correction: Annotated[
        opt.Correction, typer.Option(help="Correction over the whole table.")
    ] = opt.Correction.holm,
    formats: opt.Formats = "terminal",
    out: opt.Out = Path("fairaudit-report"),
    rename: Renamed = "",
    cache: opt.CacheDir = None,
    no_cache: opt.NoCache = False,
) -> None:
    """Ask whether intrinsic, extrinsic and sensitivity metrics agree over models.

    Scores of each metric are correlated with those of the metrics of other families;
    pairs on aligned data (groups, notion, language, task) are told from the others.
    With fewer than 10 models the study describes and does not test.

    Example: `fairaudit agree audits/*/audit.json --align groups`

    With the distance of their texts: `fairaudit agree audits/*/audit.json
    --data pairs=pairs.csv --data notes=notes.csv --encoder my-encoder`
    """
    from fairaudit.agreement.study import Settings, require_pairs, study
    from fairaudit.cache import Cache, default_directory
    from fairaudit.cli.domains import Asked, domain_distances
    from fairaudit.cli.report import deliver, writers

    wanted = writers(formats)
    if published:
        _print_checks(published)
    if not audits:
        if not published:
            raise AuditError("Give AUDIT.json files, or --published FILE.")
        return
    merged = _merged(audits, rename, correction)
    settings = Settings(
        score=score.value,
        align=align.value,
        draws=draws,
        seed=seed,
        correction=correction.value,
    )
    require_pairs(merged, settings)
    asked = Asked(
        data=data,
        encoder=encoder,
        draws=draws,
        seed=seed,
        correction=correction.value,
        cache=Cache(None if no_cache else cache or default_directory()),
    )
    merged = replace(merged, domains=domain_distances(merged, asked))
    found = replace(merged, agreements=study(merged, settings))
    for writer in wanted:
        deliver(writer, found, out)


@paused()
def _merged(
    audits: Sequence[Path], rename: str, correction: opt.Correction
) -> "AuditReport":
    from fairaudit.cli.report import read
    from fairaudit.cli.specs import parse_options
    from fairaudit.merging import merge

    if len(audits) < 2:
        raise AuditError("One audit has nothing to be compared with; give two.")
    names = parse_options(rename, "--rename")
    return merge([read(path) for path in audits], names, correction.value)


def _print_checks(reference: str) -> None:
    from fairaudit.agreement.published import check, read

    checks = check(read(reference))
    typer.echo(f"{reference}: r as printed, p as r and n imply")
    for found in checks:
        typer.echo(_line(found))
    troubled = sum(bool(found.problems) for found in checks)
    typer.echo(f"{len(checks)} cells, {troubled} inconsistent.")


def _line(found: "Check") -> str:
    from fairaudit.report.wording import visible

    cell = found.cell
    told = f"r {cell.r:+.2f}, n {cell.n}, p {found.implied_p:.4f}"
    problems = "".join(f"; {problem}" for problem in found.problems)
    return f"- {visible(cell.name)}: {told}{problems}"
