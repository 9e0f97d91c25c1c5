"""Writer that logs an audit to an MLflow tracking server, one run a model."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar, Final

from fairaudit.errors import AuditError
from fairaudit.report import save
from fairaudit.report.html import HtmlWriter
from fairaudit.report.schema import compact
from fairaudit.report.tabular import CsvWriter, JsonWriter
from fairaudit.report.tracking import Run, runs
from fairaudit.result import AuditReport

if TYPE_CHECKING:
    from mlflow import MlflowClient

STORE: Final = "mlruns"
"""Directory where runs go when MLFLOW_TRACKING_URI names no server."""
EXPERIMENT: Final = "fairaudit"
_METRICS, _OTHERS = 1000, 100
"""What a server takes at once."""


@dataclass(frozen=True)
class MlflowWriter:
    """Logs parameters, values, verdicts and the reports, and writes what was logged.

    The server is that of ``MLFLOW_TRACKING_URI``, else the directory ``mlruns``; the
    experiment that of ``MLFLOW_EXPERIMENT_NAME``, else "fairaudit". Needs the extra
    ``mlflow``. MLflow's usage statistics are off unless the environment turns them on.
    """

    name: ClassVar[str] = "mlflow"
    filename: ClassVar[str | None] = "mlflow.json"

    def render(self, report: AuditReport) -> str:
        """Return as JSON what is logged, without logging it."""
        return compact([asdict(run) for run in runs(report)]) + "\n"

    def require(self) -> None:
        """Find out before the work that MLflow is there.

        Raises
        ------
        AuditError
            Where it is not.
        """
        if find_spec("mlflow") is None:
            raise AuditError(
                "--format mlflow needs MLflow: pip install 'fairaudit-nlp[mlflow]'."
            )

    def publish(self, report: AuditReport) -> str:
        """Log a run for each model; return where.

        Raises
        ------
        AuditError
            Where MLflow is not there or refuses.
        """
        self.require()
        place = os.environ.get("MLFLOW_TRACKING_URI") or _local()
        with TemporaryDirectory(prefix="fairaudit-") as files:
            for name, content in _files(report):
                save(content, Path(files) / name)
            with _refusals(place), redirect_stdout(sys.stderr):
                client = _client(place)
                experiment = _experiment(client)
                for run in runs(report):
                    _log(client, experiment, run, files, _milliseconds(report))
        count = len(report.models)
        return f"{count} run{'s' * (count != 1)} in {public(place)}"


def _files(report: AuditReport) -> Iterator[tuple[str, str | bytes]]:
    """Yield the files of a report, by name."""
    yield "audit.csv", CsvWriter().render(report)
    yield "report.html", HtmlWriter().render(report)
    yield "audit.json", JsonWriter().render(report)
    yield from JsonWriter().files(report)


def public(uri: str) -> str:
    """Return an address without user name and password.

    >>> public("https://me:secret@example.org/x")
    'https://example.org/x'
    """
    return re.sub("//[^/]*@", "//", uri)


@contextmanager
def _refusals(uri: str) -> Iterator[None]:
    """Turn what MLflow raises into a message that holds no password."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        told = str(error).replace(uri, public(uri))
        raise AuditError(
            f"MLflow at {public(uri)} does not take the audit ({type(error).__name__}: "
            f"{told}). Check MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME."
        ) from None


def _local() -> str:
    """Return the address of the local directory: the one store of mlflow-skinny.

    MLflow asks to be told that a directory is meant rather than a database.
    """
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    return Path(STORE).resolve().as_uri()


def _client(place: str) -> "MlflowClient":
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=place)


def _experiment(client: "MlflowClient") -> str:
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name))


def _milliseconds(report: AuditReport) -> int:
    try:
        return int(datetime.fromisoformat(report.created).timestamp() * 1000)
    except ValueError:
        return 0


def _log(
    client: "MlflowClient",
    experiment: str,
    run: Run,
    files: str,
    at: int,
) -> None:
    """Log one run; where that fails, the run says so."""
    number = client.create_run(experiment, run_name=run.model).info.run_id
    try:
        _log_figures(client, number, run, at)
        client.log_artifacts(number, files)
        client.log_text(number, compact(run.names), "names.json")
    except BaseException:
        client.set_terminated(number, "FAILED")
        raise
    client.set_terminated(number, "FINISHED")


def _log_figures(client: "MlflowClient", number: str, run: Run, at: int) -> None:
    from mlflow.entities import Metric, Param, RunTag

    metrics = (Metric(name, value, at, 0) for name, value in run.metrics.items())
    while part := list(islice(metrics, _METRICS)):
        client.log_batch(number, metrics=part)
    params = (Param(name, text) for name, text in run.params.items())
    while chosen := list(islice(params, _OTHERS)):
        client.log_batch(number, params=chosen)
    tags = (RunTag(name, text) for name, text in run.tags.items())
    while some := list(islice(tags, _OTHERS)):
        client.log_batch(number, tags=some)
