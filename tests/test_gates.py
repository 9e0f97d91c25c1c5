"""Gates: the truth table, the configuration, and changes against a baseline."""

import json
import tomllib
from dataclasses import replace
from itertools import product
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fairaudit.__main__ import main
from fairaudit.errors import AuditError
from fairaudit.gates.baseline import changes
from fairaudit.gates.config import TEMPLATE, find, json_schema, load
from fairaudit.gates.evaluation import evaluate, exit_code
from fairaudit.gates.limits import Configuration, Gate
from fairaudit.report.schema import dump
from fairaudit.result import (
    AuditReport,
    DatasetEntry,
    Interval,
    ModelEntry,
    Quantity,
    Record,
    Units,
)

GAP = Quantity(name="gap", unit="proportion", ideal=0.0)
RATE = Quantity(name="rate", unit="proportion", ideal=None)
DATA = DatasetEntry(name="notes", kind="examples", n=100, sha256="d1")


def finding(value=0.2, arm=0.05, n=100, **more):
    fields = {
        "model": "m",
        "dataset": "notes",
        "metric": "disparity",
        "family": "extrinsic",
        "quantity": GAP,
        "subject": "gender: a vs b",
        "key": "gender",
        "value": value,
        "n": n,
        "interval": None if arm is None else Interval(value - arm, value + arm),
        **more,
    }
    return Record(**fields)


def audit(*records, **more):
    entry = ModelEntry(name="m", path="m", fingerprint="f", architecture="Bert")
    fields = {
        "fairaudit_version": "0.1.0",
        "created": "",
        "seed": 0,
        "command": "",
        "environment": {},
        "models": (entry,),
        "datasets": (DATA,),
        "records": records,
        **more,
    }
    return AuditReport(**fields)


def verdicts(report, *gates, **more):
    return [o.verdict for o in evaluate(report, Configuration(gate=gates, **more))]


LIMITS = {
    "at_most": {"at_most": 0.2},
    "at_least": {"at_least": -0.2},
    "both": {"at_least": -0.2, "at_most": 0.2},
    "within": {"within": 0.2},
}
PLACES = {"inside": (0.1, 0.05), "straddling": (0.18, 0.05), "beyond": (0.3, 0.05)}


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("on", ["interval", "value"])
def test_truth_table(limit, side, place, on):
    value, arm = PLACES[place]
    report = audit(finding(side * value, arm))
    bound = (side > 0 and limit != "at_least") or (side < 0 and limit != "at_most")
    expected = {
        ("interval", "inside"): "not flagged",
        ("interval", "straddling"): "inconclusive",
        ("interval", "beyond"): "flagged",
        ("value", "inside"): "not flagged",
        ("value", "straddling"): "not flagged",
        ("value", "beyond"): "flagged",
    }[on, place]
    gate = Gate(name="g", metric="disparity", on=on, **LIMITS[limit])
    assert verdicts(report, gate) == [expected if bound else "not flagged"]


@pytest.mark.parametrize("on", ["interval", "value"])
def test_too_few_units_are_inconclusive_and_say_how_many_are_needed(on):
    gate = Gate(name="g", metric="disparity", at_most=0.0, on=on, min_n=101)
    (outcome,) = evaluate(audit(finding()), Configuration(gate=(gate,)))
    assert (outcome.verdict, outcome.n_needed) == ("inconclusive", 101)


def test_a_finding_without_an_interval_is_inconclusive_on_the_interval():
    gate = Gate(name="g", metric="disparity", at_most=0.0)
    assert verdicts(audit(finding(arm=None)), gate) == ["inconclusive"]
    assert verdicts(audit(finding(arm=None)), replace(gate, on="value")) == ["flagged"]


def test_what_has_no_value_did_not_run_and_says_why():
    absent = finding(value=0.0, reason="one class only", status="not_run")
    report = audit(replace(absent, value=None, interval=None))
    gate = Gate(name="g", metric="disparity", at_most=0.1)
    (outcome,) = evaluate(report, Configuration(gate=(gate,)))
    assert (outcome.verdict, outcome.reason) == ("not run", "one class only")


def test_a_metric_that_exists_but_did_not_run_is_told_from_a_misspelt_one():
    gate = Gate(name="g", metric="ceat", at_most=0.1)
    (outcome,) = evaluate(audit(finding()), Configuration(gate=(gate,)), ["ceat"])
    assert outcome.verdict == "not run"
    wrong = Configuration(gate=(replace(gate, metric="disparty"),))
    with pytest.raises(AuditError, match="disparity"):
        evaluate(audit(finding()), wrong, ["ceat"])


def test_within_needs_an_ideal():
    gate = Gate(name="g", metric="disparity", within=0.1)
    assert verdicts(audit(finding(quantity=RATE)), gate) == ["not run"]


def test_a_gate_is_about_what_it_names():
    report = audit(
        finding(0.9),
        finding(0.9, subject="age=old", key=""),
        finding(0.9, metric="other"),
        finding(0.9, dataset="else"),
    )
    gate = Gate(
        name="g", metric="disparity", subject="gender", dataset="notes", at_most=0
    )
    assert verdicts(report, gate) == ["flagged"]
    assert verdicts(report, replace(gate, subject="age=*")) == ["flagged"]
    assert verdicts(report, replace(gate, metric="*", dataset="*")) == ["flagged"] * 3


def test_the_p_value_agrees_with_the_interval():
    gate = Gate(name="g", metric="disparity", at_most=0.15)
    (outcome,) = evaluate(audit(finding(0.2, 0.05)), Configuration(gate=(gate,)))
    assert outcome.p_value == pytest.approx(0.025)


def test_many_gates_are_corrected_together():
    gate = Gate(name="g", metric="disparity", at_most=0.14)
    assert verdicts(audit(finding()), gate) == ["flagged"]
    many = [replace(gate, name=str(i)) for i in range(9)]
    assert set(verdicts(audit(finding()), *many)) == {"inconclusive"}


def test_says_how_many_units_would_decide():
    gate = Gate(name="g", metric="disparity", at_most=0.19)
    (outcome,) = evaluate(audit(finding()), Configuration(gate=(gate,)))
    assert outcome.n_needed == 2500
    narrow = finding(arm=0.05 / np.sqrt(outcome.n_needed * 1.01 / 100))
    assert verdicts(audit(narrow), gate) == ["flagged"]


@given(st.floats(-1, 1), st.floats(0.001, 1), st.floats(-1, 1))
def test_a_gate_on_the_interval_is_flagged_where_it_lies_beyond(value, arm, limit):
    gate = Gate(name="g", metric="disparity", at_most=limit)
    (verdict,) = verdicts(audit(finding(value, arm)), gate)
    margin = 1e-9
    if value - arm > limit + margin:
        assert verdict == "flagged"
    elif value + arm <= limit:
        assert verdict == "not flagged"
    elif value - arm < limit - margin:
        assert verdict == "inconclusive"


VERDICTS = ("flagged", "not flagged", "inconclusive", "not run")


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("pair", list(product(VERDICTS, VERDICTS)))
def test_exit_codes(pair, strict):
    gate = Gate(name="g", metric="*", at_most=0.0)
    (outcome,) = evaluate(audit(finding()), Configuration(gate=(gate,)))
    found = exit_code([replace(outcome, verdict=v) for v in pair], strict=strict)
    undecided = strict and bool({"inconclusive", "not run"} & set(pair))
    assert found == (1 if "flagged" in pair else 3 if undecided else 0)


def test_the_template_is_a_configuration(tmp_path):
    path = tmp_path / "fairaudit.toml"
    path.write_text(TEMPLATE)
    (gate,) = load(path).gate
    assert (gate.metric, gate.at_most, gate.min_n) == ("disparity", 0.1, 30)
    jsonschema.validate(tomllib.loads(TEMPLATE), json_schema())


def test_pyproject_can_hold_the_limits(tmp_path):
    shared = tmp_path / "pyproject.toml"
    shared.write_text("[project]\nname = 'x'\n")
    assert find(tmp_path) is None
    shared.write_text(
        "[tool.fairaudit]\nstrict = true\n[[tool.fairaudit.gate]]\n"
        "name = 'g'\nmetric = 'ceat'\nwithin = 1\n"
    )
    assert find(tmp_path) == shared
    assert load(shared).strict
    (tmp_path / "fairaudit.toml").write_text("")
    assert find(tmp_path) == tmp_path / "fairaudit.toml"


HEAD = "[[gate]]\nname = 'g'\nmetric = 'ceat'\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[gate]]\nname = 'g'\n", "metric: Field required"),
        (HEAD, "give a limit"),
        (HEAD + "at_most = 1\nwithin = 2\n", "one or the other"),
        (HEAD + "within = -1\n", "cannot be negative"),
        (HEAD + "at_least = 2\nat_most = 1\n", "contradict"),
        (HEAD + "at_most = '1'\n", "at_most"),
        (HEAD + "at_most = nan\n", "at_most"),
        (HEAD + "at_mots = 1\n", "at_most"),
        (HEAD + "at_most = 1\non = 'values'\n", "on"),
        ((HEAD + "at_most = 1\n") * 2, "two gates are called 'g'"),
        ("correction = 'none'\n", "correction"),
        ("stirct = true\n", "strict"),
        ("[[gate]\n", "is not TOML"),
    ],
)
def test_a_wrong_configuration_is_explained(tmp_path, text, told):
    path = tmp_path / "fairaudit.toml"
    path.write_text(text)
    with pytest.raises(AuditError, match=told) as caught:
        load(path)
    assert "fairaudit.toml" in str(caught.value)


def test_an_unpaired_change_is_the_z_test_of_two_intervals():
    now, then = finding(0.3, 0.06), finding(0.2, 0.08)
    (change,) = changes(audit(now), audit(then))
    error = np.hypot(0.06, 0.08) / stats.norm.ppf(0.975)
    assert change.change == pytest.approx(0.1)
    assert change.p_value == pytest.approx(2 * stats.norm.sf(0.1 / error))
    assert change.interval.low == pytest.approx(0.1 - 0.1)
    assert not change.paired


def test_a_change_is_found_by_key_though_the_subject_differs():
    now = finding(subject="gender: c vs d")
    (change,) = changes(audit(now), audit(finding(0.1)))
    assert change.subject == "gender"


def units(values, order):
    order = np.asarray(order)
    return Units(order, np.asarray(values)[order])


def test_shared_units_are_paired_whatever_their_order():
    rng = np.random.default_rng(0)
    before = rng.normal(0.2, 1, 50)
    after = before + rng.normal(0.1, 0.1, 50)
    now = finding(after.mean(), 0.3, units=units(after, range(50)))
    then = finding(before.mean(), 0.3, units=units(before, rng.permutation(50)))
    (change,) = changes(audit(now), audit(then))
    reference = stats.ttest_rel(after, before)
    low, high = reference.confidence_interval()
    assert change.paired
    assert change.p_value == pytest.approx(reference.pvalue)
    assert (change.interval.low, change.interval.high) == pytest.approx((low, high))
    (apart,) = changes(audit(replace(now, units=None)), audit(then))
    assert change.p_value < 1e-6 < apart.p_value
    assert apart.method.endswith("the metric keeps no units of this finding")


def test_a_gate_on_the_change_needs_a_baseline():
    gate = Gate(name="g", metric="disparity", on="change", at_most=0.02)
    assert verdicts(audit(finding()), gate) == ["not run"]
    found = changes(audit(finding(0.5)), audit(finding(0.2)))
    assert verdicts(audit(finding(0.5), changes=found), gate) == ["flagged"]


@pytest.mark.parametrize(
    ("now", "then", "told"),
    [
        (audit(finding()), audit(finding(metric="x")), "no finding in common"),
        (
            audit(finding()),
            audit(finding(), datasets=(replace(DATA, sha256="z"),)),
            "another dataset 'notes'",
        ),
    ],
)
def test_a_baseline_that_does_not_fit_is_refused(now, then, told):
    with pytest.raises(AuditError, match=told):
        changes(now, then)


def run(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main(list(map(str, arguments)))
    return stopped.value.code or 0


def test_the_command_holds_a_stored_audit_against_limits(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stored = tmp_path / "audit.json"
    stored.write_text(dump(audit(finding(0.3))))
    assert run("gate", stored) == 2
    assert "fairaudit init" in capsys.readouterr().err
    limits = HEAD.replace("ceat", "disparity")
    Path("fairaudit.toml").write_text(limits + "at_most = 0.1\n")
    assert run("gate", stored, "--format", "json") == 1
    written = json.loads(Path("fairaudit-report/audit.json").read_text())
    assert written["gates"][0]["verdict"] == "flagged"
    Path("fairaudit.toml").write_text(limits + "at_most = 0.31\n")
    assert run("gate", stored) == 0
    assert run("gate", stored, "--strict") == 3


def test_init_writes_once(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run("init") == 0
    assert load(Path("fairaudit.toml")).gate
    assert run("init") == 2
    assert "exists" in capsys.readouterr().err
    assert run("init", "--schema") == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Configuration"
