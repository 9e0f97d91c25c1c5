"""Units of findings, their file, and the paired test that rests on them."""

import csv
import json
import re
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fairaudit.__main__ import main
from fairaudit.data import Pairs
from fairaudit.gates.baseline import changes
from fairaudit.gates.pairing import degrees_of_freedom, differences, standard_error
from fairaudit.report.schema import load
from fairaudit.report.tabular import JsonWriter
from fairaudit.report.units import FILENAME, attach, encode
from fairaudit.result import (
    AuditReport,
    DatasetEntry,
    Interval,
    ModelEntry,
    Quantity,
    Record,
    Units,
    unit_keys,
    units_of,
)
from fairaudit.result.units import MOST
from fairaudit.stats.auc import auc, delong_interval
from fairaudit.stats.paired import paired_mean
from fairaudit_metrics.extrinsic.aucs import AucTable
from fairaudit_metrics.extrinsic.axes import axes_of
from fairaudit_metrics.extrinsic.bias_aucs import BiasAucs
from fairaudit_metrics.extrinsic.decisions import at_threshold
from fairaudit_metrics.extrinsic.disparity import Disparity
from fairaudit_metrics.extrinsic.rate_units import Widest
from fairaudit_metrics.extrinsic.rates import RateTable
from fairaudit_metrics.intrinsic.preference import Comparison, preference
from tests.labelled import card, examples, only, run, split

GAP = Quantity(name="gap", unit="proportion", ideal=0.0)
DATA = DatasetEntry(name="notes", kind="examples", n=100, sha256="d1")
QUICK = {"draws": 100, "min_count": 5}


def error_of(units):
    return float(units.values.std(ddof=1) / np.sqrt(len(units.values)))


def record(value=0.2, units=None, **more):
    fields = {
        "model": "m",
        "dataset": "notes",
        "metric": "disparity",
        "family": "extrinsic",
        "quantity": GAP,
        "subject": "gender",
        "value": value,
        "n": 100,
        "interval": Interval(value - 0.1, value + 0.1),
        "units": units,
        **more,
    }
    return Record(**fields)


def report(*records):
    return AuditReport(
        fairaudit_version="0.1.0",
        created="",
        seed=0,
        command="",
        environment={},
        models=(ModelEntry(name="m", path="m", fingerprint="f", architecture="x"),),
        datasets=(DATA,),
        records=records,
    )


def change_of(now, then):
    """Compare two findings as the baseline does."""
    found = [record(float(f.value), f.units, interval=f.interval) for f in (now, then)]
    return changes(report(found[0]), report(found[1]))[0]


# Units


def test_keys_tell_rows_apart_and_do_not_depend_on_the_others():
    texts = ("a", "b", "a", "\ud800", "a")
    keys = unit_keys(texts)
    assert len(set(keys.tolist())) == 5
    assert set(keys[:3].tolist()) == set(unit_keys(("b", "a", "a")).tolist())
    assert unit_keys(("a", "b"), ("c", "d"))[0] not in keys
    assert len(unit_keys(())) == 0


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60),
    st.integers(1, 5),
    st.booleans(),
)
def test_the_mean_of_units_is_the_value(values, kinds, clustered):
    values = np.array(values)
    keys = unit_keys(tuple(map(str, range(len(values)))))
    clusters = np.arange(len(values)) % kinds if clustered else None
    found = units_of(keys, values, clusters)
    assert found.values.mean() == pytest.approx(values.mean(), abs=1e-9)
    assert len(found.keys) == (min(kinds, len(values)) if clustered else len(values))


def test_units_of_clusters_have_the_standard_error_of_clusters():
    rng = np.random.default_rng(3)
    clusters = rng.integers(0, 40, 500)
    values = rng.normal(size=500) + rng.normal(size=40)[clusters]
    found = units_of(np.arange(500), values, clusters)
    reference = paired_mean(values, clusters)
    assert error_of(found) == pytest.approx(reference.error * np.sqrt(40 / 39))


def test_many_units_are_folded_into_cells_that_keep_mean_and_error():
    n = 10 * MOST
    values = np.random.default_rng(4).exponential(size=n)
    keys = unit_keys(tuple(map(str, range(n))))
    found, again = units_of(keys, values), units_of(keys[::-1], values[::-1])
    assert 0.99 * MOST <= len(found.keys) <= MOST
    assert found.values.mean() == pytest.approx(values.mean())
    assert error_of(found) == pytest.approx(values.std() / np.sqrt(n), rel=0.03)
    assert found.keys.tolist() == again.keys.tolist()
    fewer = units_of(keys[1:], values[1:])
    assert np.sum(~np.isin(fewer.keys, found.keys)) == 1


def test_units_are_refused_where_they_are_none():
    assert units_of(np.array([], dtype=np.int64), np.array([])) is None
    with pytest.raises(ValueError, match="not finite"):
        Units(np.array([1]), np.array([np.nan]))
    with pytest.raises(ValueError, match="as many"):
        Units(np.array([1, 2]), np.array([0.5]))


# Units of the metrics


def texts_of_two_groups(rng, n):
    """Draw labels, groups and what models see: group b is selected more often."""
    label, second = rng.integers(0, 2, n), rng.random(n) < 0.5
    return label, np.where(second, "b", "a"), label + 0.8 * second + rng.normal(size=n)


def noisy(latent, rng, noise):
    return 1 / (1 + np.exp(0.9 - latent - rng.normal(0, noise, len(latent))))


def findings(metric, label, group, score):
    return run(metric, examples(label, split(group)), score)


RATES = (
    "selection_rate",
    "true_positive_rate",
    "false_positive_rate",
    "positive_predictive_value",
    "accuracy",
)


@pytest.mark.parametrize("clustered", [False, True])
def test_units_of_every_metric_of_scores_have_the_value_as_mean(clustered):
    rng = np.random.default_rng(5)
    label, group, latent = texts_of_two_groups(rng, 400)
    clusters = np.arange(400) // 4 if clustered else None
    data = examples(label, split(group), clusters=clusters)
    score = noisy(latent, rng, 0.1).round(2)
    kept = [f for f in run(Disparity(**QUICK), data, score) if f.units]
    kept += [f for f in run(BiasAucs(**QUICK), data, score) if f.units]
    assert len(kept) == 12 + 1 + 6 + 3
    for found in kept:
        assert found.units.values.mean() == pytest.approx(found.value)


@pytest.mark.parametrize("name", RATES)
def test_units_of_a_rate_difference_have_its_standard_error(name):
    rng = np.random.default_rng(6)
    label, group, latent = texts_of_two_groups(rng, 4000)
    found = findings(Disparity(draws=4000), label, group, noisy(latent, rng, 0.1))
    gap = only(found, f"{name}_difference")
    each = [only(found, name, f"axis={g}") for g in "ab"]
    exact = np.sqrt(sum(f.value * (1 - f.value) / f.n for f in each))
    assert error_of(gap.units) == pytest.approx(exact, rel=1e-3)
    half = (gap.interval.high - gap.interval.low) / 2
    assert half / stats.norm.ppf(0.975) == pytest.approx(exact, rel=0.08)


@pytest.mark.parametrize("name", ["subgroup_auc", "bpsn_auc", "bnsp_auc"])
def test_units_of_an_auc_have_the_error_of_delong(name):
    rng = np.random.default_rng(7)
    label, group, latent = texts_of_two_groups(rng, 1500)
    score = noisy(latent, rng, 0.1).round(2)
    auc_b = only(findings(BiasAucs(), label, group, score), name, "axis=b")
    sides = {"subgroup_auc": "bb", "bpsn_auc": "ab", "bnsp_auc": "ba"}[name]
    up, down = (
        score[(label == y) & (group == g)] for y, g in zip((1, 0), sides, strict=True)
    )
    assert auc_b.units.values.mean() == pytest.approx(auc(up, down))
    low, high = (stats.logistic.ppf(x) for x in delong_interval(up, down, 0.95))
    slope = auc_b.value * (1 - auc_b.value)
    exact = (high - low) / 2 / stats.norm.ppf(0.975) * slope
    assert error_of(auc_b.units) == pytest.approx(exact, rel=0.01)


def preferences(first, second):
    """Return the finding over all pairs with these scores."""
    n = len(first)
    names = tuple(map(str, range(n)))
    data = Pairs(
        card=DATA,
        first=names,
        second=names,
        categories=("age",) * n,
        directions=("stereo",) * n,
    )
    compared = Comparison(data=data, first=first, second=second, skipped=("",) * n)
    return next(iter(compared.findings(preference("", ""), 0.95, {})))


# The paired test


def test_a_share_of_pairs_is_tested_as_by_the_paired_t_test():
    rng = np.random.default_rng(8)
    latent = rng.normal(0.2, 1, 800)
    after, before = (latent + rng.normal(0, 0.8, (2, 800))) > 0
    found = [
        preferences(won.astype(float), np.full(800, 0.5)) for won in (after, before)
    ]
    change = change_of(*found)
    reference = stats.ttest_rel(100.0 * after, 100.0 * before)
    low, high = reference.confidence_interval()
    assert change.paired
    assert change.change == pytest.approx(100 * (after.mean() - before.mean()))
    assert change.p_value == pytest.approx(reference.pvalue, rel=0.02)
    assert (change.interval.low, change.interval.high) == pytest.approx(
        (low, high), rel=0.02
    )


def true_positive_gap(label, group, score):
    rates = [(score[(label == 1) & (group == g)] >= 0.5).mean() for g in "ab"]
    return max(rates) - min(rates)


def subgroup_auc(label, group, score):
    mine = group == "b"
    return auc(score[mine & (label == 1)], score[mine & (label == 0)])


@pytest.mark.parametrize(
    ("metric", "name", "subject", "value"),
    [
        (Disparity, "true_positive_rate_difference", "", true_positive_gap),
        (BiasAucs, "subgroup_auc", "axis=b", subgroup_auc),
    ],
)
def test_the_standard_error_is_that_of_a_paired_bootstrap(metric, name, subject, value):
    rng = np.random.default_rng(9)
    label, group, latent = texts_of_two_groups(rng, 1000)
    scores = [noisy(latent, rng, 0.4) for _ in range(2)]
    after, before = (
        only(findings(metric(**QUICK), label, group, s), name, subject) for s in scores
    )
    drawn = []
    for _ in range(1000):
        rows = rng.integers(0, 1000, 1000)
        a, b = (value(label[rows], group[rows], s[rows]) for s in scores)
        drawn.append(a - b)
    error = standard_error(differences(after.units, before.units))
    assert error == pytest.approx(np.std(drawn), rel=0.1)


def test_pairing_is_worth_more_than_twice_the_width_where_models_agree():
    rng = np.random.default_rng(10)
    label, group, latent = texts_of_two_groups(rng, 1500)
    scores = [noisy(latent, rng, 0.05) for _ in range(2)]
    disparity = [findings(Disparity(**QUICK), label, group, s) for s in scores]
    aucs = [findings(BiasAucs(**QUICK), label, group, s) for s in scores]
    shares = [preferences(s, np.full(1500, 0.5)) for s in scores]
    pairs = [
        shares,
        [only(found, "true_positive_rate_difference") for found in disparity],
        [only(found, "selection_rate_difference") for found in disparity],
        [only(found, "subgroup_auc", "axis=a") for found in aucs],
    ]
    for now, then in pairs:
        paired, apart = change_of(now, then), change_of(replace(now, units=None), then)
        wide = apart.interval.high - apart.interval.low
        assert paired.interval.high - paired.interval.low <= wide / 2
        assert (paired.paired, apart.paired) == (True, False)


def rejections(sample, times, seed):
    """Return how often two models that are equally good differ at the level of 5 %."""
    rng = np.random.default_rng(seed)
    found = (sample(rng) for _ in range(times))
    tested = (
        changes(*(report(record(u.values.mean(), u)) for u in pair))[0]
        for pair in found
    )
    return np.mean([change.p_value < 0.05 for change in tested])


def two_models(rng, of):
    """Let two noisy models read the same new texts; return the units of both."""
    label, group, latent = texts_of_two_groups(rng, 400)
    data = examples(label, split(group))
    for _ in range(2):
        score = noisy(latent, rng, 0.5)
        table = np.column_stack([1 - score, score])
        found = at_threshold(data, table, card(), "toxic", 0.5)
        yield of(found, axes_of(data, found.rows)[0], rng)


def units_of_the_true_positive_gap(found, axis, rng):
    table = RateTable.of(axis, found, 5, 0.95, 2, rng)
    low, high = (int(at) for at in np.argsort(table.values[1]))
    ends = (table.values[1, high], table.values[1, low])
    return Widest(1, high, low, ends).difference_units(table)


def units_of_the_subgroup_auc(found, axis, rng):
    table = AucTable(
        axis=axis,
        decisions=found,
        identity_only=False,
        unknown_outside=False,
        min_count=5,
        level=0.95,
    )
    return table.units(table.at("subgroup_auc", 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    "of", [units_of_the_true_positive_gap, units_of_the_subgroup_auc]
)
def test_the_paired_test_keeps_its_level(of):
    share = rejections(lambda rng: two_models(rng, of), 700, 11)
    assert 0.03 <= share <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.1, 0.8])
def test_the_paired_test_of_shares_keeps_its_level(noise):
    keys = np.arange(300)

    def sample(rng):
        latent = rng.normal(0.5, 1, 300) + rng.normal(0, noise, (2, 300))
        return [Units(keys, 100.0 * (one > 0)) for one in latent]

    assert 0.03 <= rejections(sample, 1500, 12) <= 0.07


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=50))
def test_degrees_of_freedom_stay_within_bounds(found):
    assert 1 <= degrees_of_freedom(np.array(found)) <= len(found) - 1


def test_few_changed_units_have_few_degrees_of_freedom():
    changed = np.zeros(1000)
    changed[:4] = 1.0
    assert degrees_of_freedom(changed) == pytest.approx(2 * 4, rel=0.02)
    assert degrees_of_freedom(np.resize([1.0, -1.0], 1000)) == 999


KEYS = np.arange(6)
VALUES = np.array([0.0, 0.2, 0.4, 0.1, 0.3, 0.2])


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (Units(KEYS + 1, VALUES), "only 5 of 6 units are in both audits"),
        (Units(KEYS[:4], VALUES[:4]), "only 4 of 6 units are in both audits"),
        (Units(KEYS, VALUES + 0.1), "all units changed alike"),
        (None, "the metric keeps no units of this finding"),
    ],
)
def test_units_that_are_not_the_same_are_not_paired(other, told):
    mine = Units(KEYS, VALUES)
    (change,) = changes(report(record(0.2, mine)), report(record(0.25, other)))
    assert not change.paired
    assert change.method == f"z, intervals as independent: {told}"
    assert change.interval is not None


def test_a_single_unit_is_not_paired():
    mine, other = Units(KEYS[:1], VALUES[:1]), Units(KEYS[:1], VALUES[1:2])
    (change,) = changes(report(record(0.2, mine)), report(record(0.25, other)))
    assert change.method.endswith("there is a single unit")


def test_no_change_at_all_has_an_interval_of_no_width():
    units = Units(KEYS, VALUES)
    (change,) = changes(report(record(0.2, units)), report(record(0.2, units)))
    assert (change.change, change.p_value) == (0.0, 1.0)
    assert (change.interval.low, change.interval.high) == (0.0, 0.0)


def test_another_pair_of_groups_than_before_is_named():
    units = [Units(KEYS, VALUES), Units(KEYS, VALUES[::-1].copy())]
    now = record(0.2, units[0], key="gender", subject="gender: a vs b")
    then = record(0.2, units[1], key="gender", subject="gender: b vs c")
    (change,) = changes(report(now), report(then))
    assert change.method.endswith(", was gender: b vs c")


# The file


def stored(path, *records):
    """Write an audit as the JSON writer does, and read the JSON back."""
    path.mkdir(exist_ok=True)
    found, writer = report(*records), JsonWriter()
    (path / "audit.json").write_text(writer.render(found))
    for name, content in writer.files(found):
        (path / name).write_bytes(content)
    return load((path / "audit.json").read_text(), "audit.json"), path / "audit.json"


def test_units_are_written_beside_the_audit_and_read_back(tmp_path):
    first, second = Units(KEYS, VALUES), Units(KEYS[:2] - 9, VALUES[:2] / 3)
    records = (
        record(0.2, first),
        record(0.3, subject="age"),
        record(0.1, second, model="other", params={"x": [1]}),
        record(0.4, first, subject='say "x"\n'),
    )
    bare, path = stored(tmp_path / "a", *records)
    assert all(r.units is None for r in bare.records)
    assert "units" not in json.loads(path.read_text())["records"][0]
    found, why = attach(bare, path)
    assert why == ""
    for mine, theirs in zip(records, found.records, strict=True):
        assert mine == theirs
        assert (mine.units is None) == (theirs.units is None)
        if mine.units:
            assert dict(zip(mine.units.keys, mine.units.values, strict=True)) == dict(
                zip(theirs.units.keys, theirs.units.values, strict=True)
            )
    assert encode(report(*records)) == encode(report(*records))


def test_without_units_there_is_no_file(tmp_path):
    bare, path = stored(tmp_path / "a", record())
    assert not path.with_name(FILENAME).exists()
    assert bare.units_sha256 == ""
    assert attach(bare, path)[1].endswith("is of an audit that kept no units")


def test_a_report_that_is_rendered_again_keeps_the_digest(tmp_path):
    bare, _ = stored(tmp_path / "a", record(0.2, Units(KEYS, VALUES)))
    assert load(JsonWriter().render(bare), "x").units_sha256 == bare.units_sha256
    assert list(JsonWriter().files(bare)) == []


def parquet(**columns):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


NAMED = {name: ["x"] for name in ("model", "dataset", "metric", "finding")}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "does not hold units|cannot be read"),
        (b"PAR1 and more PAR1", "does not hold units|cannot be read"),
        (parquet(model=["x"]), "its columns are model"),
        (parquet(**NAMED, unit=["x"], value=[1.0]), "unit: string"),
        (parquet(**NAMED, unit=[1], value=pa.array([None], "f8")), "a cell is empty"),
        (parquet(**NAMED, unit=[1], value=[np.inf]), "not finite"),
        (parquet(**{n: [1] for n in NAMED}, unit=[1], value=[1.0]), "model: int64"),
    ],
)
def test_a_file_that_does_not_hold_units_is_left_alone(tmp_path, content, told):
    bare, path = stored(tmp_path / "a", record(0.2, Units(KEYS, VALUES)))
    path.with_name(FILENAME).write_bytes(content)
    assert attach(bare, path)[1].endswith(f"was not written with {path}")
    said = replace(bare, units_sha256=sha256(content).hexdigest())
    found, why = attach(said, path)
    assert re.search(told, why)
    assert all(r.units is None for r in found.records)


# The command line


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    path = tmp_path_factory.mktemp("units") / "notes.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "group:gender"])
        for i in range(80):
            who, group = (("she", "women"), ("he", "men"))[i % 2]
            text = f"{who} said {('good', 'bad', 'old', 'young')[i % 4]} food {i}"
            writer.writerow([text, "good" if i % 3 else "bad", group])
    return path


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    path = tmp_path_factory.mktemp("units") / "crows.csv"
    words = ("good", "bad", "old", "young", "happy", "kind", "tired", "late")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["sent_more", "sent_less", "stereo_antistereo", "bias_type"])
        for i, word in enumerate(words * 2):
            thing = "nurse" if i < len(words) else "doctor"
            more, less = (f"{who} is a {word} {thing}" for who in ("she", "he"))
            writer.writerow([more, less, "stereo", "gender"])
    return path


def call(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main(list(map(str, arguments)))
    return stopped.value.code or 0


def audited(out, *arguments):
    words = (*arguments, "--no-cache", "--quiet", "--format", "json", "--out", out)
    assert call("evaluate", *words) == 0
    return json.loads((out / "audit.json").read_text())


def classifier(zoo, seed=0):
    names = {"id2label": {0: "bad", 1: "good"}, "label2id": {"bad": 0, "good": 1}}
    return zoo(seed=seed, **names)


PAIRED = ("disparity", "bias_aucs", "counterfactual")


@pytest.mark.slow
def test_the_same_classifier_twice_has_not_changed(zoo, notes, tmp_path, capsys):
    metrics = [word for name in PAIRED for word in ("--metric", name)]
    words = (classifier(zoo), "--data", notes, *metrics)
    first = audited(tmp_path / "a", *words)
    again = audited(tmp_path / "b", *words, "--baseline", tmp_path / "a/audit.json")
    assert "not tested in pairs" not in capsys.readouterr().err
    assert again["units_sha256"] == first["units_sha256"] != ""
    paired = [c for c in again["changes"] if c["paired"]]
    assert {c["metric"] for c in paired} == set(PAIRED)
    assert len(paired) > 20
    for found in paired:
        assert (found["change"], found["p_value"]) == (0.0, 1.0)
        assert found["interval"]["low"] == found["interval"]["high"] == 0.0
    for found in again["changes"]:
        assert found["paired"] or "no units" in found["method"] or found["reason"]


def test_a_stored_audit_is_paired_too_unless_its_units_are_not_there(
    zoo, notes, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    limits = "[[gate]]\nname = 'g'\nmetric = 'disparity'\nat_most = 1\n"
    (tmp_path / "fairaudit.toml").write_text(limits)
    now, then = (tmp_path / name / "audit.json" for name in "ab")
    for path, seed in ((now, 0), (then, 3)):
        words = (classifier(zoo, seed), "--data", notes, "--metric", "disparity")
        audited(path.parent, *words)
    command = ("gate", now, "--baseline", then, "--format", "json", "--out", "out")

    def compared():
        call(*command)
        written = json.loads((tmp_path / "out/audit.json").read_text())
        wanted = "selection_rate_difference"
        return next(c for c in written["changes"] if c["quantity"] == wanted)

    assert compared()["paired"]
    assert "pairs" not in capsys.readouterr().err
    aside = then.with_name(FILENAME).read_bytes()
    then.with_name(FILENAME).write_bytes(now.with_name(FILENAME).read_bytes())
    foreign, said = compared(), capsys.readouterr().err
    assert not foreign["paired"]
    assert f"was not written with {then}" in foreign["method"]
    assert f"was not written with {then}" in said
    then.with_name(FILENAME).unlink()
    missing = compared()
    assert not missing["paired"]
    assert "cannot be read (No such file" in missing["method"]
    then.with_name(FILENAME).write_bytes(aside)
    assert compared()["paired"]


def test_the_same_language_model_twice_has_not_changed(zoo, pairs, tmp_path):
    model = zoo(head="ForMaskedLM")
    words = (model, "--data", pairs, "--metric", "crows_pairs", "--metric", "aul")
    audited(tmp_path / "a", *words)
    again = audited(tmp_path / "b", *words, "--baseline", tmp_path / "a/audit.json")
    found = [c for c in again["changes"] if c["subject"] == "all pairs"]
    assert {c["metric"] for c in found} == {"crows_pairs", "aul"}
    for change in found:
        assert change["method"].startswith("t, paired over 16 units")
        assert (change["change"], change["p_value"]) == (0.0, 1.0)


def test_rendering_and_comparing_do_not_need_the_units(tmp_path):
    units, out = Units(KEYS, VALUES), tmp_path / "out"
    _, audit = stored(tmp_path / "a", record(0.2, units))
    audit.with_name(FILENAME).write_bytes(b"not Parquet")
    assert call("report", audit, "--format", "csv,json", "--out", out) == 0
    assert (out / "audit.json").read_text() == audit.read_text()
    other = tmp_path / "other.json"
    other.write_text(audit.read_text().replace('"m"', '"o"').replace('"f"', '"g"'))
    told = ("--format", "json", "--out", out)
    assert call("compare", audit, other, *told) == 0
    assert json.loads((out / "audit.json").read_text())["units_sha256"] == ""
