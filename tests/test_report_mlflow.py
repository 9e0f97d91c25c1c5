"""What is logged to MLflow, and what happens without it."""

import json
import re
import sys
from dataclasses import dataclass, field, replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from fairaudit.cli.report import deliver, writers
from fairaudit.errors import AuditError
from fairaudit.report import Publisher
from fairaudit.report.html import HtmlWriter
from fairaudit.report.mlflow import MlflowWriter, public
from fairaudit.report.tabular import JsonWriter
from fairaudit.report.tracking import LONGEST_NAME, clean, runs, unique_names
from fairaudit.result import GateOutcome
from tests.test_report_sample import LONG, PAYLOADS, hostile, sample

NAME = re.compile(r"[\w.\- /]+")


@pytest.fixture(autouse=True)
def no_server_is_named(monkeypatch, tmp_path):
    for name in ("TRACKING_URI", "EXPERIMENT_NAME", "ALLOW_FILE_STORE"):
        monkeypatch.delenv(f"MLFLOW_{name}", raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.chdir(tmp_path)


def gate(verdict, **more):
    return GateOutcome(
        gate="gap", limit="at most 0.1", verdict=verdict, reason="beyond it", **more
    )


def everything():
    report = sample()
    place = {"model": report.models[0].name, "metric": "disparity"}
    outcomes = (gate("flagged", **place), gate("not run", **place), gate("flagged"))
    return replace(report, gates=outcomes)


def test_each_finding_has_its_value_bounds_and_n_under_one_name():
    report = everything()
    for run in runs(report):
        own = [r for r in report.records if r.model == run.model]
        measured = [r for r in own if r.value is not None]
        assert len(run.names) == len(measured)
        for name, record in zip(run.names, measured, strict=True):
            assert run.metrics[f"{name}/value"] == record.value
            assert run.metrics[f"{name}/n"] == record.n
            assert run.names[name]["subject"] == record.subject
            low = record.interval.low if record.interval else None
            assert run.metrics.get(f"{name}/interval_low") == low
            assert run.metrics.get(f"{name}/p_adjusted") == record.p_adjusted
        assert run.tags["fairaudit.findings"] == str(len(measured))
        assert run.tags["fairaudit.not_run"] == str(len(own) - len(measured))


def test_verdicts_are_tags_and_two_of_one_finding_stay_two():
    run = runs(everything())[0]
    told = [text for name, text in run.tags.items() if name.startswith("gate/")]
    assert sorted(text.split(":")[0] for text in told) == [
        "flagged",
        "flagged",
        "not run",
    ]
    assert run.tags["fairaudit.gates.flagged"] == "2"
    assert run.tags["fairaudit.gates.not_run"] == "1"


def test_params_tell_the_model_the_data_and_the_settings():
    report = everything()
    run = runs(report)[0]
    assert run.params["seed"] == str(report.seed)
    assert run.params["model/fingerprint"] == report.models[0].fingerprint
    first = report.datasets[0]
    assert run.params[clean(["dataset", first.name, "sha256"])] == first.sha256
    metrics = {r.metric for r in report.records if r.model == run.model}
    assert sum(n.startswith("metric/") for n in run.params) >= len(metrics)


@pytest.mark.parametrize("text", [*PAYLOADS, LONG * 9, "", "..", "a/../b", "/x", ". /"])
def test_names_are_what_a_server_takes(text):
    made = unique_names([(text, "x"), (text, "x"), ("x", text)], ["", "", ""])
    assert len({name.casefold() for name in made}) == 3
    for name in made:
        assert NAME.fullmatch(name)
        assert len(name) <= LONGEST_NAME - len("/interval_high")
        assert not {"", ".", ".."} & set(name.split("/"))
        assert not name.startswith("/")


def test_a_name_does_not_depend_on_what_else_is_there():
    assert (
        unique_names([("a: b",)], [""])
        == unique_names([("a: b",), ("c",)], ["", ""])[:1]
    )


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_reports_are_rendered_and_nothing_is_lost(payload):
    report = hostile(payload)
    told = json.loads(MlflowWriter().render(report))
    assert [len(run["names"]) for run in told] == [
        sum(r.model == m.name and r.value is not None for r in report.records)
        for m in report.models
    ]
    for run in told:
        for kind in ("params", "tags", "metrics"):
            assert all(NAME.fullmatch(name) for name in run[kind])


def test_without_mlflow_the_error_comes_first_and_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(AuditError, match=r"pip install 'fairaudit-nlp\[mlflow\]'"):
        writers("json,mlflow")
    with pytest.raises(AuditError, match="needs MLflow"):
        MlflowWriter().publish(sample())


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://me:secret@example.org:5000/x", "https://example.org:5000/x"),
        ("file:./mlruns", "file:./mlruns"),
        ("databricks", "databricks"),
    ],
)
def test_no_password_is_shown(uri, shown):
    assert public(uri) == shown


class Refused(Exception):
    """Stands for MlflowException."""


@dataclass
class Client:
    """Keeps what is logged; takes no files where it is to refuse."""

    tracking_uri: str = ""
    refuse: bool = False
    runs: list = field(default_factory=list)
    logged: list = field(default_factory=list)
    ended: list = field(default_factory=list)
    texts: dict = field(default_factory=dict)
    experiments: list = field(default_factory=list)

    def get_experiment_by_name(self, name):
        known = name in self.experiments
        return SimpleNamespace(experiment_id=name) if known else None

    def create_experiment(self, name):
        self.experiments.append(name)
        return name

    def create_run(self, experiment, run_name):
        self.runs.append((experiment, run_name))
        return SimpleNamespace(info=SimpleNamespace(run_id=str(len(self.runs))))

    def log_batch(self, number, **parts):
        ((kind, some),) = parts.items()
        assert len(some) <= (1000 if kind == "metrics" else 100)
        self.logged += [(number, kind, *entry) for entry in some]

    def log_artifacts(self, number, directory):
        if self.refuse:
            raise Refused(f"no room at {self.tracking_uri}")
        for path in Path(directory).iterdir():
            self.texts[number, path.name] = path.read_bytes()

    def log_text(self, number, text, name):
        self.texts[number, name] = text
        print("said on standard output")  # noqa: T201

    def set_terminated(self, number, status):
        self.ended.append((number, status))


@pytest.fixture
def client(monkeypatch):
    """Put a client that needs no MLflow in its place."""
    found = Client()
    monkeypatch.setattr(HtmlWriter, "render", lambda _self, _report: "a page")

    def opened(tracking_uri):
        found.tracking_uri = tracking_uri
        return found

    def kind(*values):
        return values

    entities = {"Metric": kind, "Param": kind, "RunTag": kind}
    parts = {
        "mlflow": {"MlflowClient": opened},
        "mlflow.entities": entities,
        "mlflow.exceptions": {"MlflowException": Refused},
    }
    for name, content in parts.items():
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    return found


def test_a_run_for_each_model_holds_figures_and_reports(client, tmp_path, capsys):
    report = everything()
    (writer,) = writers("mlflow")
    assert isinstance(writer, Publisher)
    deliver(writer, report, tmp_path)
    assert client.runs == [("fairaudit", m.name) for m in report.models]
    assert {status for _, status in client.ended} == {"FINISHED"}
    assert client.texts["1", "audit.json"].decode() == JsonWriter().render(report)
    assert client.texts["1", "report.html"] == b"a page"
    assert {name for number, name in client.texts if number == "1"} == {
        *("audit.json", "audit.csv", "report.html", "names.json"),
        *(name for name, _ in JsonWriter().files(report)),
    }
    assert json.loads(client.texts["1", "names.json"]) == runs(report)[0].names
    wanted = runs(report)[0]
    logged = {entry[2:4] for entry in client.logged if entry[:2] == ("1", "metrics")}
    assert logged == set(wanted.metrics.items())
    assert (tmp_path / "mlflow.json").read_text() == writer.render(report)
    out, err = capsys.readouterr()
    assert out == ""
    assert f"in {(tmp_path / 'mlruns').as_uri()}" in err


def test_many_figures_are_sent_in_parts(client):
    record = next(r for r in sample().records if r.value is not None)
    many = tuple(replace(record, subject=f"s{i}") for i in range(600))
    report = replace(sample(), records=many)
    MlflowWriter().publish(report)
    names = [entry[2] for entry in client.logged if entry[1] == "metrics"]
    assert len(names) == len(set(names)) == sum(len(r.metrics) for r in runs(report))
    assert len(names) > 1000


def test_the_environment_names_server_and_experiment(client, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@example.org")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    told = MlflowWriter().publish(sample())
    assert client.tracking_uri == "https://me:secret@example.org"
    assert client.experiments == ["mine"]
    assert "secret" not in told


def test_a_refusal_ends_the_run_and_shows_no_password(client, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@example.org")
    client.refuse = True
    with pytest.raises(AuditError, match="does not take the audit") as told:
        MlflowWriter().publish(sample())
    assert client.ended == [("1", "FAILED")]
    assert "secret" not in str(told.value)
    assert "no room at https://example.org" in str(told.value)


def test_mlflow_itself_takes_it(tmp_path):
    pytest.importorskip("mlflow", reason="the extra fairaudit-nlp[mlflow] is not there")
    from mlflow import MlflowClient

    report = everything()
    MlflowWriter().publish(report)
    server = MlflowClient(tracking_uri=(tmp_path / "mlruns").as_uri())
    place = server.get_experiment_by_name("fairaudit").experiment_id
    found = {run.info.run_name: run for run in server.search_runs([place])}
    assert found.keys() == {model.name for model in report.models}
    for wanted in runs(report):
        run = found[wanted.model]
        assert run.info.status == "FINISHED"
        assert run.data.metrics == pytest.approx(dict(wanted.metrics))
        assert run.data.params == dict(wanted.params)
        assert dict(wanted.tags).items() <= run.data.tags.items()
        kept = {file.path for file in server.list_artifacts(run.info.run_id)}
        assert kept == {"audit.json", "audit.csv", "report.html", "names.json"}


@pytest.mark.parametrize("payload", PAYLOADS[::4])
def test_mlflow_itself_takes_hostile_names(payload):
    pytest.importorskip("mlflow", reason="the extra fairaudit-nlp[mlflow] is not there")
    assert "mlruns" in MlflowWriter().publish(hostile(payload))
