"""``fairaudit evaluate``: audit models, write the reports."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fairaudit.engine import Watch
    from fairaudit.planning import AnyMetric
    from fairaudit.result import AuditReport


class Dtype(StrEnum):
    """Arithmetic of the forward passes."""

    float32 = "float32"
    bfloat16 = "bfloat16"


class Correction(StrEnum):
    """Correction of the p-values over the whole audit."""

    holm = "holm"
    bh = "bh"


def evaluate(
    model_dirs: Annotated[
        list[str] | None,
        typer.Argument(metavar="MODEL_DIR...", help="Hugging Face directories."),
    ] = None,
    *,
    data: Annotated[
        list[str],
        typer.Option(
            "--data",
            metavar="[NAME=]PATH",
            help="A dataset; NAME is one of `fairaudit datasets`, else guessed. "
            "Options: NAME:option=value,...=PATH. Repeatable.",
        ),
    ] = [],  # noqa: B006 - typer copies it
    metric: Annotated[
        list[str],
        typer.Option(
            "--metric",
            metavar="NAME[:param=value,...]",
            help="A metric of `fairaudit metrics`. Repeatable. Default: every metric "
            "that models and data allow.",
        ),
    ] = [],  # noqa: B006
    family: Annotated[
        list[str],
        typer.Option(help="Only intrinsic, extrinsic or sensitivity. Repeatable."),
    ] = [],  # noqa: B006
    vectors: Annotated[
        list[str],
        typer.Option(
            metavar="FILE",
            help="Static word vectors (word2vec, GloVe) as a model. Repeatable.",
        ),
    ] = [],  # noqa: B006
    psm: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Protected-status model, for sensitivity."),
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the files go.")
    ] = Path("fairaudit-report"),
    formats: Annotated[
        str,
        typer.Option("--format", help="Comma-separated: terminal, csv, json, html."),
    ] = "terminal,csv,json,html",
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random draw.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    dtype: Annotated[
        Dtype, typer.Option(help="bfloat16 is faster; numbers then change slightly.")
    ] = Dtype.float32,
    batch_tokens: Annotated[
        int, typer.Option(min=1, help="Padded tokens in a batch, at most.")
    ] = 2048,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Cache of readings [default: user's cache]."),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Neither read nor write the cache.")
    ] = False,
    labels: Annotated[
        str,
        typer.Option(
            metavar="DATA=MODEL,...",
            help="Which label of the data is which of the model, where names differ.",
        ),
    ] = "",
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Audit a seeded sample of this many rows a dataset."),
    ] = None,
    correction: Annotated[
        Correction, typer.Option(help="Multiple-testing correction of the whole audit.")
    ] = Correction.holm,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress, no terminal report.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the JSON report instead of a table.")
    ] = False,
    allow_network: Annotated[
        bool, typer.Option("--allow-network", help="MODEL_DIR may be a hub id.")
    ] = False,
    allow_pickle: Annotated[
        bool,
        typer.Option("--allow-pickle", help="Load pickled weights (tensors only)."),
    ] = False,
    trust_remote_code: Annotated[
        bool,
        typer.Option("--trust-remote-code", help="Run code that a model brings along."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks of errors.")
    ] = False,
) -> None:
    """Audit models and write the reports.

    Every number comes with an interval and a count; what could not be measured is
    listed with the reason. Readings are cached, so that a second run is quick and an
    interrupted one goes on.

    Example: `fairaudit evaluate my-model --data notes.csv --psm my-psm`
    """
    from fairaudit.cache import Cache, default_directory
    from fairaudit.cli import specs
    from fairaudit.cli.report import deliver, writers
    from fairaudit.engine import Settings, audit
    from fairaudit.models import ModelOptions

    wanted = writers("json" if as_json else formats)
    metrics = _chosen(metric, family)
    options = ModelOptions(
        device, dtype.value, allow_pickle, trust_remote_code, allow_network
    )
    models = specs.open_models([*(model_dirs or []), *vectors], psm, options)
    datasets = specs.relabel(
        specs.read_data(data, limit, seed), specs.parse_options(labels, "--labels")
    )
    specs.require_labels([model.card for model in models], metrics, datasets)
    if not as_json and any(writer.filename for writer in wanted):
        _require_writable(out)
    with _progress(quiet or as_json) as watch:
        report = audit(
            models,
            metrics,
            datasets,
            Settings(
                seed=seed,
                batch_tokens=batch_tokens,
                correction=correction.value,
                command=shlex.join(["fairaudit", *sys.argv[1:]]),
                environment={"device": device, "dtype": dtype.value, "limit": limit},
                cache=Cache(None if no_cache else cache or default_directory()),
                debug=debug,
                watch=watch,
            ),
        )
    for writer in wanted:
        if as_json:
            sys.stdout.write(writer.render(report))
        elif writer.filename or not quiet:
            deliver(writer, report, out, quiet=quiet)
    raise typer.Exit(_exit_code(report, [spec.partition(":")[0] for spec in metric]))


def _chosen(specs: list[str], families: list[str]) -> "list[AnyMetric]":
    """Return the metrics; warn of plugins that nothing asked for and cannot run."""
    from fairaudit.cli.specs import metrics_from

    metrics, warnings = metrics_from(specs, families)
    for warning in warnings:
        typer.echo(f"fairaudit: warning: {warning}", err=True)
    return metrics


def _require_writable(out: Path) -> None:
    """Find out before the work, not after it, that reports cannot be written."""
    from tempfile import TemporaryFile

    from fairaudit.errors import AuditError

    try:
        out.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise AuditError(
            f"--out {out} cannot be written ({error.strerror}); "
            "choose another directory."
        ) from error


def _exit_code(report: "AuditReport", requested: Sequence[str]) -> int:
    """Return 1 for an error, no number at all, or none of a metric that was named."""
    answered = {record.metric for record in report.records if record.status == "ok"}
    failed = any(record.status == "error" for record in report.records)
    return int(failed or not answered or not answered.issuperset(requested))


@contextmanager
def _progress(quiet: bool) -> "Iterator[Watch]":
    """Show progress on standard error where that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress, TaskID

    with Progress(console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def watch(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(escape(what), total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield watch
