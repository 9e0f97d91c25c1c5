"""``fairaudit evaluate``: audit models, write the reports."""

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fairaudit.cli import options as opt

if TYPE_CHECKING:
    from fairaudit.cache import Cache
    from fairaudit.cli.subjects import Asked
    from fairaudit.engine import Settings
    from fairaudit.gates.limits import Configuration
    from fairaudit.planning import AnyMetric
    from fairaudit.report import Writer
    from fairaudit.result import AuditReport, Scalar


def evaluate(
    model_dirs: opt.ModelDirs = None,
    *,
    data: opt.DataSpecs = [],  # noqa: B006 - typer copies it
    vectors: opt.Vectors = [],  # noqa: B006
    predictions: opt.Predictions = [],  # noqa: B006
    psm: opt.Psm = None,
    lexicon: opt.Lexicon = None,
    human: opt.Human = None,
    scorer: opt.Scorers = [],  # noqa: B006
    train: opt.Train = False,
    train_psm: opt.TrainPsm = None,
    train_data: opt.TrainData = None,
    labels: opt.Labels = "",
    limit: opt.Limit = None,
    metric: opt.Metrics = [],  # noqa: B006
    family: opt.Families = [],  # noqa: B006
    correction: opt.CorrectionOf = opt.Correction.holm,
    seed: opt.Seed = 0,
    device: opt.Device = "auto",
    dtype: opt.DtypeOf = opt.Dtype.float32,
    batch_tokens: opt.BatchTokens = 2048,
    cache: opt.CacheDir = None,
    no_cache: opt.NoCache = False,
    out: opt.Out = Path("fairaudit-report"),
    formats: opt.Formats = "terminal,csv,json,html",
    config: opt.Config = None,
    baseline: opt.Baseline = None,
    strict: opt.Strict = False,
    quiet: opt.Quiet = False,
    as_json: opt.AsJson = False,
    allow_network: opt.AllowNetwork = False,
    allow_pickle: opt.AllowPickle = False,
    trust_remote_code: opt.TrustRemoteCode = False,
    debug: opt.Debug = False,
) -> None:
    """Audit models and write the reports.

    Every number comes with an interval and a count; what could not be measured is
    listed with the reason. Readings are cached, so that a second run is quick and an
    interrupted one goes on.

    A classifier, with a protected-status model: `fairaudit evaluate my-model
    --data notes.csv --psm my-psm`

    An encoder, from which both are trained first: `fairaudit evaluate my-encoder
    --data notes.csv --train --train-psm gender=men+women`

    A language model on prompts: `fairaudit evaluate my-lm --data bold=prompts
    --scorer toxicity:toxic=my-classifier`

    Scores of another system, in a table with the columns text and score:
    `fairaudit evaluate --predictions toxic=scores.csv --data comments.csv`
    """
    from fairaudit.cli.gate import gated, limits
    from fairaudit.cli.report import writers
    from fairaudit.cli.subjects import Asked
    from fairaudit.engine import Settings
    from fairaudit.models import ModelOptions

    wanted, gates = writers("json" if as_json else formats), limits(config)
    options = ModelOptions(
        device, dtype.value, allow_pickle, trust_remote_code, allow_network
    )
    asked = Asked(
        model_dirs=model_dirs or [],
        vectors=vectors,
        predictions=predictions,
        psm=psm,
        scorers=scorer,
        data=data,
        train=train,
        train_psm=train_psm,
        train_data=train_data,
        labels=labels,
        limit=limit,
        seed=seed,
        options=options,
    )
    settings = Settings(
        seed=seed,
        batch_tokens=batch_tokens,
        correction=correction.value,
        command=shlex.join(["fairaudit", *sys.argv[1:]]),
        environment={"device": device, "dtype": dtype.value, "limit": limit},
        debug=debug,
    )
    _require_writable(None if as_json else out, wanted)
    with _caches(cache, no_cache=no_cache) as caches:
        metrics = _chosen(metric, family, {"lexicon": lexicon, "human": human})
        found, notes = _audited(asked, metrics, settings, caches, quiet or as_json)
    report = gated(found, gates, baseline)
    _deliver(report, wanted, None if as_json else out, notes, quiet=quiet)
    raise typer.Exit(_exit_code(report, metric, gates, strict=strict))


def _audited(
    asked: "Asked",
    metrics: "Sequence[AnyMetric]",
    settings: "Settings",
    caches: "tuple[Cache, Path]",
    quiet: bool,
) -> "tuple[AuditReport, Mapping[str, Scalar]]":
    """Return the report, and notes on what the audit rests on."""
    from fairaudit.cli.labels import require_labels
    from fairaudit.cli.progress import progress
    from fairaudit.cli.subjects import subjects
    from fairaudit.engine import audit

    readings, trained = caches
    with progress(quiet=quiet) as watch:
        found = subjects(asked, trained, watch)
        require_labels([model.card for model in found.models], metrics, found.datasets)
        told = {**settings.environment, **found.notes}
        settings = replace(
            settings,
            cache=readings,
            watch=watch,
            environment=told,
            scorers=found.scorers,
        )
        return audit(found.models, metrics, found.datasets, settings), found.notes


def _chosen(
    specs: list[str], families: list[str], files: "Mapping[str, str | None]"
) -> "list[AnyMetric]":
    """Return the metrics; warn of plugins that nothing asked for and cannot run."""
    from fairaudit.cli.specs import metrics_from, with_files

    metrics, warnings = metrics_from(specs, families)
    for warning in warnings:
        typer.echo(f"fairaudit: warning: {warning}", err=True)
    return with_files(metrics, files)


def _require_writable(out: Path | None, wanted: "Sequence[Writer]") -> None:
    """Find out before the work, not after it, that reports cannot be written."""
    from tempfile import TemporaryFile

    from fairaudit.errors import AuditError

    if out is None or not any(writer.filename for writer in wanted):
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise AuditError(
            f"--out {out} cannot be written ({error.strerror}); "
            "choose another directory."
        ) from error


@contextmanager
def _caches(cache: Path | None, *, no_cache: bool) -> "Iterator[tuple[Cache, Path]]":
    """Give the cache of readings, and where models that are trained are kept."""
    from tempfile import TemporaryDirectory

    from fairaudit.cache import Cache, default_directory

    if no_cache:
        with TemporaryDirectory(prefix="fairaudit-") as place:
            yield Cache(None), Path(place)
    else:
        directory = cache or default_directory()
        yield Cache(directory), directory


def _deliver(
    report: "AuditReport",
    wanted: "Sequence[Writer]",
    out: Path | None,
    notes: "Mapping[str, Scalar]",
    *,
    quiet: bool,
) -> None:
    """Save the reports in `out`, or print them; say what the audit rests on."""
    from fairaudit.cli.report import deliver
    from fairaudit.report import Illustrator, Publisher
    from fairaudit.report.units import sealed, without

    # Units stand in a file of their own, which only some formats write.
    kept = out and any(isinstance(each, Illustrator | Publisher) for each in wanted)
    told = sealed(report) if kept else without(report)
    for writer in wanted:
        if out is None:
            sys.stdout.write(writer.render(told))
        elif writer.filename or not quiet:
            deliver(writer, told, out, quiet=quiet)
    for name, note in notes.items():
        if note and not quiet:
            typer.echo(f"{name}: {note}", err=True)


def _exit_code(
    report: "AuditReport",
    specs: Sequence[str],
    gates: "Configuration | None",
    *,
    strict: bool,
) -> int:
    """Return 1 for an error, no number at all, or none of a metric that was named.

    Where there are gates their code follows: 1 flagged, 3 open and `strict`.
    """
    from fairaudit.gates.evaluation import exit_code

    requested = {spec.partition(":")[0] for spec in specs}
    answered = {record.metric for record in report.records if record.status == "ok"}
    failed = any(record.status == "error" for record in report.records)
    if failed or not answered or not answered.issuperset(requested):
        return 1
    return exit_code(report.gates, strict=strict or bool(gates and gates.strict))
