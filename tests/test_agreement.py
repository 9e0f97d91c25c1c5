"""The study of agreement over models: series, correlations, published tables."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from fairaudit.agreement.published import Cell, check, implied_p, read
from fairaudit.agreement.series import canonical, panels
from fairaudit.agreement.study import Settings, study
from fairaudit.errors import AuditError
from fairaudit.result import AuditReport, Quantity, Record

GROUPS = ("women", "men", "nonbinary")
RATE = Quantity(name="false_positive_rate", unit="proportion", ideal=None)
GAP = Quantity(name="gap", unit="proportion", ideal=0.0)
EFFECT = Quantity(name="effect_size", unit="standard deviations", ideal=0.0)


def record(model, family, metric, quantity, subject, value, **more):
    return Record(
        model=model,
        dataset="d",
        metric=metric,
        family=family,
        quantity=quantity,
        subject=subject,
        value=value,
        **more,
    )


def report(*records):
    return AuditReport(
        fairaudit_version="0.1.0",
        created="",
        seed=0,
        command="",
        environment={},
        models=(),
        datasets=(),
        records=records,
    )


def by_group(scores, family="extrinsic", metric="rates", quantity=RATE, groups=GROUPS):
    return [
        record(f"m{model}", family, metric, quantity, f"gender={group}", float(value))
        for model, row in enumerate(scores)
        for group, value in zip(groups, row, strict=True)
    ]


def both(n, rng, groups=GROUPS, other=GROUPS):
    intrinsic = rng.normal(size=(n, len(groups)))
    extrinsic = rng.normal(size=(n, len(other)))
    records = [
        *by_group(intrinsic, "intrinsic", "ceat", EFFECT, groups),
        *by_group(extrinsic, "extrinsic", "rates", RATE, other),
    ]
    return intrinsic, extrinsic, report(*records)


def test_correlates_variances_over_groups():
    intrinsic, extrinsic, found = both(12, np.random.default_rng(0))
    (pair,) = study(found, Settings(draws=199))
    x, y = intrinsic.var(1, ddof=1), extrinsic.var(1, ddof=1)
    order = [int(name[1:]) for name in pair.models]
    assert pair.x == pytest.approx(x[order].tolist())
    reference = {
        "pearson": stats.pearsonr(x, y),
        "spearman": stats.spearmanr(x, y),
        "kendall": stats.kendalltau(x, y),
    }
    for correlation in pair.correlations:
        expected = reference[correlation.coefficient].statistic
        assert correlation.value == pytest.approx(expected, abs=1e-12)
        assert correlation.p_adjusted >= correlation.p_value
    assert not pair.descriptive
    assert pair.alignment.groups == 1.0


def test_few_models_are_described_and_not_tested():
    *_, found = both(9, np.random.default_rng(1))
    (pair,) = study(found, Settings(draws=199))
    assert pair.descriptive
    assert {c.p_value for c in pair.correlations} == {None}
    assert all("descriptive only" in c.reason for c in pair.correlations)
    assert all(c.value is not None for c in pair.correlations)


def test_two_models_have_no_correlation_but_a_reason():
    *_, found = both(2, np.random.default_rng(1))
    (pair,) = study(found, Settings(draws=199))
    assert pair.correlations == ()
    assert "only 2 models" in pair.reason


def test_a_metric_that_does_not_vary_has_a_reason():
    _, _, found = both(10, np.random.default_rng(1))
    flat = [replace(r, value=0.5) if r.metric == "rates" else r for r in found.records]
    (pair,) = study(report(*flat), Settings(draws=199))
    assert pair.reason == "the second metric is the same for all models"


def test_missing_cells_are_dropped_for_the_pair_only():
    _, _, found = both(11, np.random.default_rng(2))
    kept = [
        r
        for r in found.records
        if not (r.model == "m4" and r.metric == "ceat" and r.subject == "gender=men")
    ]
    (pair,) = study(report(*kept), Settings(draws=199))
    assert set(pair.models) == {f"m{i}" for i in range(11)} - {"m4"}


def test_aligning_groups_restricts_both_sides_to_shared_ones():
    rng = np.random.default_rng(3)
    intrinsic, _, found = both(10, rng, other=("females", "male", "transgender"))
    (loose,) = study(found, Settings(draws=99))
    (tight,) = study(found, Settings(draws=99, align="groups"))
    assert loose.alignment.groups == pytest.approx(2 / 4)
    assert tight.alignment.shared_groups == ("men", "women")
    assert tight.alignment.groups == 1.0
    x = intrinsic[:, :2].var(1, ddof=1)
    assert tight.x == pytest.approx(x[[int(m[1:]) for m in tight.models]].tolist())


def test_known_traits_that_differ_make_a_pair_unaligned():
    _, _, found = both(10, np.random.default_rng(4))
    traits = {"ceat": {"notion": "stereotype"}, "rates": {"notion": "toxicity"}}
    told = [replace(r, traits=traits[r.metric]) for r in found.records]
    (pair,) = study(report(*told), Settings(draws=99))
    assert pair.alignment.notions == ("stereotype", "toxicity")
    assert not pair.alignment.aligned


def test_values_are_compared_by_key_where_the_subject_depends_on_the_result():
    rng = np.random.default_rng(5)
    records = [
        item
        for i in range(10)
        for item in (
            record(f"m{i}", "intrinsic", "ceat", EFFECT, "C6", float(rng.normal())),
            record(
                f"m{i}",
                "extrinsic",
                "rates",
                GAP,
                f"gender: group {i} vs rest",
                float(rng.random()),
                key="gender",
            ),
        )
    ]
    (pair,) = study(report(*records), Settings(score="value", draws=99))
    assert len(pair.models) == 10
    assert "(gender)" in pair.second


def test_series_that_differ_in_a_parameter_are_told_apart_by_name():
    rng = np.random.default_rng(6)
    params = [{"variant": "shared", "level": 0.95}, {"variant": "mean", "level": 0.95}]
    records = [
        record(f"m{i}", *what, float(rng.random()), params=each)
        for i in range(10)
        for what, each in (
            *((("intrinsic", "pairs", EFFECT, "all"), each) for each in params),
            (("extrinsic", "rates", GAP, "gender"), {"level": 0.95}),
        )
    ]
    found = study(report(*records), Settings(score="value", draws=99))
    assert sorted(pair.first for pair in found) == [
        "pairs effect_size (all, variant=mean) on d",
        "pairs effect_size (all, variant=shared) on d",
    ]
    assert {pair.second for pair in found} == {"rates gap (gender) on d"}


def test_a_seed_gives_one_answer_whatever_else_is_in_the_table():
    _, _, found = both(12, np.random.default_rng(6))
    more = by_group(np.random.default_rng(7).random((12, 3)), metric="other")
    alone = study(found, Settings(draws=199))[0]
    among = next(
        pair
        for pair in study(report(*found.records, *more), Settings(draws=199))
        if pair.second == alone.second
    )
    assert [c.p_value for c in among.correlations] == [
        c.p_value for c in alone.correlations
    ]
    assert among.correlations[0].bootstrap == alone.correlations[0].bootstrap


def test_one_family_cannot_be_compared():
    records = by_group(np.ones((3, 3)))
    with pytest.raises(AuditError, match="at least two families"):
        study(report(*records), Settings())


def test_a_group_seen_once_is_no_panel():
    lonely = [record("a", "extrinsic", "rates", RATE, "gender=women", 0.1)]
    assert panels(lonely) == []


def test_names_of_groups_are_brought_together():
    assert canonical("African-American") == canonical("black people") == "black"
    assert canonical("Martian") == "martian"


def test_published_p_values_are_implied_by_r_and_n():
    x, y = np.random.default_rng(8).normal(size=(2, 19))
    reference = stats.pearsonr(x, y)
    assert implied_p(reference.statistic, 19) == pytest.approx(reference.pvalue)


def test_the_bundled_table_is_checked_against_itself():
    checks = {c.cell.name: c for c in check(read("cao2022"))}
    race = checks["1: HATEX ~ Race/ILPS"]
    assert race.implied_p == pytest.approx(0.0004, abs=5e-5)
    assert race.problems == ()
    assert "unmarked" in checks["1: B-SENT ~ Gender/ILPS"].problems[0]
    assert "marked cells" in checks["3: HATEX ~ Race/CEAT toxicity"].problems[0]
    last = checks["section 4.1: B-STEREO ~ Race/StereoSet, prompts from StereoSet"]
    assert last.problems[0].startswith("printed p 0.98 lies outside")
    assert sum(bool(c.problems) for c in checks.values()) == 7


def test_a_consistent_table_has_no_problems():
    cells = [
        Cell("t", "a", "x", 0.9, 19, True),
        Cell("t", "b", "x", 0.1, 19, False, p=round(implied_p(0.1, 19), 2)),
    ]
    assert [c.problems for c in check(cells)] == [(), ()]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("t,a,b,1.2,19,yes,", "line 2: r lies between"),
        ("t,a,b,0.2,2,yes,", "line 2: r lies between"),
        ("t,a,b,0.2,12,maybe,", "line 2: r lies between"),
        ("t,a,b,0.2,12,no,1.5", "line 2: r lies between"),
        ("t,a,b,,12,no,", "line 2: r lies between"),
    ],
)
def test_a_wrong_cell_is_named_by_line(tmp_path, line, told):
    file = tmp_path / "table.csv"
    file.write_text(f"table,row,column,r,n,significant,p\n{line}\n")
    with pytest.raises(AuditError, match=told):
        read(file)


def test_a_missing_table_names_the_bundled_one():
    with pytest.raises(AuditError, match="cao2022"):
        read("cao2021")


def test_a_table_without_r_names_the_column(tmp_path):
    file = tmp_path / "table.csv"
    file.write_text("table,row,column,n\nt,a,b,12\n")
    with pytest.raises(AuditError, match="column 'r' is missing"):
        read(file)


@pytest.mark.slow
def test_under_the_null_the_whole_table_errs_at_most_one_time_in_twenty():
    rng = np.random.default_rng(9)
    wrong = 0
    for trial in range(60):
        records = [
            *by_group(rng.normal(size=(12, 3)), "intrinsic", "ceat", EFFECT),
            *by_group(rng.normal(size=(12, 3)), "intrinsic", "seat", EFFECT),
            *by_group(rng.normal(size=(12, 3)), "extrinsic", "rates"),
            *by_group(rng.normal(size=(12, 3)), "extrinsic", "aucs"),
        ]
        table = study(report(*records), Settings(draws=299, seed=trial))
        adjusted = [c.p_adjusted for pair in table for c in pair.correlations]
        wrong += min(adjusted) < 0.05
    # 60 tables: a rate of .05 gives at most 8 with probability .99.
    assert wrong <= 8
