"""The examples for continuous integration are valid and do what they say."""

import json
import os
import shlex
import stat
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import jsonschema
import pytest
import typer
import yaml

from fairaudit.cli import app
from fairaudit.gates.config import load
from fairaudit.registry import find
from fairaudit.report.schema import dump
from fairaudit.result import Interval, Quantity
from tests.test_report_ci import audit, record

ROOT = Path(__file__).parents[1]
CI = ROOT / "examples" / "ci"
FILES = {"github-workflows": "github-workflow.yml", "gitlab-ci": "gitlab-ci.yml"}
NAMES = {"junit.xml", "audit.sarif", "summary.md", "report.html", "audit.json"}


def parsed(name):
    return yaml.safe_load((CI / name).read_text("utf-8"))


def steps():
    return parsed("github-workflow.yml")["jobs"]["audit"]["steps"]


def scripts():
    """Return the shell lines of both jobs that run fairaudit."""
    github = [step["run"] for step in steps() if "run" in step]
    gitlab = parsed("gitlab-ci.yml")["bias audit"]["script"]
    lines = "\n".join([*github, *gitlab]).splitlines()
    return [line for line in lines if line.startswith("fairaudit ")]


def vendored(name):
    try:
        package = distribution("check-jsonschema")
    except PackageNotFoundError:
        pytest.skip("the published schema is not installed (check-jsonschema)")
    place = f"check_jsonschema/builtin_schemas/vendor/{name}.json"
    return json.loads(Path(package.locate_file(place)).read_text("utf-8"))


@pytest.mark.parametrize(("schema", "name"), FILES.items())
def test_examples_are_valid_by_the_published_schemas(schema, name):
    rules = vendored(schema)
    found = parsed(name)
    # YAML 1.1 reads the key `on` as true.
    document = {"on" if key is True else key: value for key, value in found.items()}
    checker = jsonschema.validators.validator_for(rules)
    assert list(checker(rules).iter_errors(document)) == []


def command_of(line):
    words = shlex.split(line)
    assert words[0] == "fairaudit"
    return typer.main.get_command(app).commands[words[1]], words[2:]


def test_every_command_line_has_options_that_exist():
    hook = hooks()[0]
    entries = [*scripts(), shlex.join([*shlex.split(hook["entry"]), *hook["args"]])]
    assert len(entries) == 3
    for line in entries:
        command, words = command_of(line)
        context = command.make_context(command.name, list(words))
        assert set(context.params["formats"].split(",")) <= set(
            find("fairaudit.reports")
        )


def test_a_wrong_option_would_be_seen():
    command, words = command_of(f"{scripts()[0]} --no-such-option")
    with pytest.raises(Exception, match="No such option"):
        command.make_context(command.name, words)


def hooks():
    return yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))


def test_the_hook_has_what_pre_commit_asks_for():
    (hook,) = hooks()
    assert {"id", "name", "entry", "language"} <= hook.keys()
    assert hook["pass_filenames"] is False


def test_the_limits_can_be_read():
    (gate,) = load(CI / "fairaudit.toml").gate
    assert gate.at_most == 0.1


def stored(folder, value):
    gap = Quantity(name="true_positive_rate_difference", unit="proportion", ideal=0.0)
    found = record(
        quantity=gap, value=value, interval=Interval(value - 0.05, value + 0.05)
    )
    report = replace(audit(), records=(found,))
    (folder / "stored.json").write_text(dump(report), "utf-8")


STUB = """#!{python}
# Stands for a model: `evaluate` becomes `gate` on a stored audit.
import subprocess, sys
words = sys.argv[1:]
if words[0] == "evaluate":
    words = ["gate", "stored.json", *words[words.index("--config"):]]
    at = words.index("--seed")
    del words[at : at + 2]
sys.exit(subprocess.call([sys.executable, "-m", "fairaudit", *words]))
"""


def execute(folder, script):
    """Run a script as a CI runner does, with a stored audit in place of a model."""
    stub = folder / "bin" / "fairaudit"
    stub.parent.mkdir(exist_ok=True)
    stub.write_text(STUB.format(python=sys.executable), "utf-8")
    stub.chmod(stub.stat().st_mode | stat.S_IXUSR)
    (folder / "fairaudit.toml").write_bytes((CI / "fairaudit.toml").read_bytes())
    path = f"{stub.parent}{os.pathsep}{os.environ['PATH']}"
    summary = str(folder / "step.md")
    settings = {"PATH": path, "GITHUB_STEP_SUMMARY": summary, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env={**os.environ, **settings, "MODEL": "m", "DATA": "d"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("value", "code"), [(0.3, 1), (0.01, 0)])
def test_the_workflow_stops_where_a_gate_is_flagged(tmp_path, value, code):
    stored(tmp_path, value)
    audited, summed = (step["run"] for step in steps()[3:5])
    done = execute(tmp_path, audited)
    assert done.returncode == code, done.stderr
    assert ("::error title=" in done.stdout) == bool(code)
    assert {path.name for path in (tmp_path / "fairaudit-report").iterdir()} == NAMES
    assert execute(tmp_path, summed).returncode == 0
    assert "## Bias audit" in (tmp_path / "step.md").read_text("utf-8")


def test_the_gitlab_job_writes_what_it_publishes(tmp_path):
    stored(tmp_path, 0.3)
    job = parsed("gitlab-ci.yml")["bias audit"]
    assert execute(tmp_path, "\n".join(job["script"])).returncode == 1
    assert (tmp_path / job["artifacts"]["reports"]["junit"]).is_file()


def test_the_summary_step_stands_an_audit_that_failed(tmp_path):
    summed = steps()[4]["run"]
    assert execute(tmp_path, summed).returncode == 0
    assert not (tmp_path / "step.md").exists()
