"""``fairaudit validate``: which planted bias the metrics notice."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated

import typer

from fairaudit.cli import options as opt

if TYPE_CHECKING:
    from fairaudit.planning import AnyMetric
    from fairaudit.validation.writing import Validation

METRICS = ("disparity", "bias_aucs", "counterfactual:axes=gender", "sensitivity")
INTRINSIC = ("seat:tests=C6+C7+C8", "weat:tests=C6+C7+C8")
PATH = "sensitivity:forms=directional,smooth=path,counterfactual=false"
"""A network that has learnt the group alone is sure: its slope is 0 at the text."""
_DEFAULT = (
    f"{', '.join(METRICS)}; with --fine-tune also {PATH}, ceat on the planted "
    f"association, and {', '.join(INTRINSIC)} on others"
)
_NARROWEST = 120


def validate(
    encoder_dir: Annotated[
        str, typer.Argument(metavar="ENCODER_DIR", help="The encoder.")
    ],
    *,
    texts: Annotated[
        int, typer.Option(min=64, help="Texts that each classifier learns from.")
    ] = 320,
    audited: Annotated[
        int, typer.Option(min=48, help="Texts that each is audited on.")
    ] = 160,
    seeds: Annotated[
        int,
        typer.Option(
            min=1,
            help="Runs with other texts and another training; intervals of slopes "
            "need two, and get narrow with more.",
        ),
    ] = 3,
    fine_tune: Annotated[
        bool,
        typer.Option(
            "--fine-tune",
            help="Train the encoder too, not its head alone, and measure intrinsic "
            "metrics. Much slower.",
        ),
    ] = False,
    metric: Annotated[
        list[str],
        typer.Option(
            "--metric",
            metavar="NAME[:param=value,...]",
            help=f"A metric of `fairaudit metrics`. Repeatable. Default: {_DEFAULT}.",
        ),
    ] = [],  # noqa: B006 - typer copies it
    seed: opt.Seed = 0,
    device: opt.Device = "auto",
    batch_tokens: opt.BatchTokens = 2048,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write validation.json and validation.csv here."
        ),
    ] = None,
    as_json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the JSON to this file."),
    ] = None,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Plant bias of known strength and tell which metrics notice it.

    Short texts about people's work are composed, in which the label depends on gender
    with strength s = 0 (not at all), .25, .5 and 1 (the label is the group). From
    ENCODER_DIR a classifier is trained at each s and audited on texts whose labels do
    not depend on gender. The table says for each quantity what it was at each s, the
    slope over s with its interval, whether it puts the four classifiers in order, how
    often it flagged the one without planted bias (false alarms), and the smallest s
    that it detected: what an audit of this size with this encoder can be expected to
    find. In a control, a proxy in place of words for women and men carries the group.

    Quickly: `fairaudit validate my-encoder --texts 192 --audited 96 --seeds 2`

    With the numbers in files: `fairaudit validate my-encoder --out validation`

    Your choice of metrics: `fairaudit validate my-encoder --metric disparity
    --metric sensitivity:output=log_odds`
    """
    from fairaudit.cli.progress import progress
    from fairaudit.cli.specs import metrics_from
    from fairaudit.engine import Settings
    from fairaudit.models import ModelOptions
    from fairaudit.validation.trials import Plan, run
    from fairaudit.validation.writing import summary

    metrics, _ = metrics_from(metric or _default(fine_tune=fine_tune), [])
    _refuse_unknown_effect(metrics, fine_tune=fine_tune)
    plan = Plan(
        encoder=encoder_dir,
        metrics=metrics,
        options=ModelOptions(device),
        texts=texts,
        audited=audited,
        seeds=seeds,
        seed=seed,
        fine_tune=fine_tune,
    )
    with progress(quiet=quiet) as watch:
        settings = Settings(batch_tokens=batch_tokens, watch=watch, debug=debug)
        trials, card = run(plan, settings)
    command = shlex.join(["fairaudit", *sys.argv[1:]])
    found = summary(plan, trials, card, command)
    _save(found, out, as_json)
    if not quiet:
        _print(found)


def _default(*, fine_tune: bool) -> list[str]:
    """Return the metrics where none is named."""
    from fairaudit.validation.association import TEST_FILE

    ceat = f"ceat:test_file={TEST_FILE},pool=mean"
    return [*METRICS, *((PATH, ceat, *INTRINSIC) if fine_tune else ())]


def _refuse_unknown_effect(metrics: "Sequence[AnyMetric]", *, fine_tune: bool) -> None:
    """Refuse what a frozen encoder answers alike at every strength."""
    from fairaudit.errors import AuditError

    still = [metric.name for metric in metrics if metric.family == "intrinsic"]
    if still and not fine_tune:
        raise AuditError(
            f"--metric {', '.join(still)}: the encoder stays frozen, so intrinsic "
            "metrics are the same at every strength. Pass --fine-tune."
        )


def _save(found: "Validation", out: Path | None, as_json: Path | None) -> None:
    from fairaudit.report import save
    from fairaudit.validation.writing import as_csv
    from fairaudit.validation.writing import as_json as written

    if out is not None:
        save(written(found), out / "validation.json")
        save(as_csv(found), out / "validation.csv")
    if as_json is not None:
        save(written(found), as_json)


def _print(found: "Validation") -> None:
    from rich.console import Console
    from rich.text import Text

    from fairaudit.report.wording import visible
    from fairaudit.validation.writing import lines, table

    width = max(get_terminal_size().columns, _NARROWEST)
    console = Console(width=width, markup=False, highlight=False, emoji=False)
    console.print(table(found))
    for line in lines(found):
        console.print(Text(visible(line)))
