"""Audits put side by side: what goes together and what does not; ranks of models."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from fairaudit.errors import AuditError
from fairaudit.merging import merge
from fairaudit.report import wording
from fairaudit.report.ranking import concordance, rankings
from fairaudit.report.schema import dump, load
from fairaudit.result import (
    AuditReport,
    DatasetEntry,
    Interval,
    ModelEntry,
    Quantity,
    Record,
)

GAP = Quantity(name="gap", unit="proportion", ideal=0.0, low=-1, high=1)
DATA = DatasetEntry(name="notes", kind="examples", n=10, sha256="d1")


def audit(name, values=(0.2,), fingerprint=None, data=DATA, **more):
    records = [
        Record(
            model=name,
            dataset=data.name,
            metric=f"metric{i}",
            family="extrinsic",
            quantity=GAP,
            subject="gender",
            value=value,
            p_value=0.01,
            p_adjusted=0.01,
            interval=Interval(value - 0.05, value + 0.05),
        )
        for i, value in enumerate(values)
    ]
    entry = ModelEntry(
        name=name,
        path=f"models/{name}",
        fingerprint=fingerprint or name,
        architecture="Bert",
    )
    fields = {
        "fairaudit_version": "0.1.0",
        "created": "",
        "seed": 0,
        "command": "c",
        "environment": {},
        "models": (entry,),
        "datasets": (data,),
        "records": tuple(records),
        **more,
    }
    return AuditReport(**fields)


def test_holds_all_models_and_corrects_over_all_records():
    merged = merge([audit("a", (0.1, 0.2)), audit("b", (0.3, 0.4))])
    assert [m.name for m in merged.models] == ["a", "b"]
    assert [d.name for d in merged.datasets] == ["notes"]
    assert [r.p_adjusted for r in merged.records] == pytest.approx([0.04] * 4)


def test_what_the_audits_were_made_with_is_told_where_it_differs():
    made = {"torch": "2.9", "device": "cpu"}
    one = audit("a", environment=made)
    two = audit("b", seed=7, environment={**made, "device": "cuda", "limit": 5})
    merged = merge([one, two])
    assert merged.environment == {
        "seeds": "0, 7",
        "torch": "2.9",
        "device": "cpu, cuda",
        "limit": "None, 5",
    }
    assert wording.seeds(merged) == "0, 7"
    again = merge([merged, audit("c", seed=7, environment=made)])
    assert again.environment["seeds"] == "0, 7"
    alike = merge([one, audit("b", environment=made)])
    assert alike.environment == made
    assert wording.seeds(alike) == "0"


def test_a_merged_report_is_read_back():
    merged = merge([audit("a"), audit("b")])
    assert load(dump(merged), "x") == merged


def test_audits_of_one_model_on_different_data_are_one_model():
    other = replace(DATA, name="other", sha256="d2")
    merged = merge([audit("a"), audit("a", data=other)])
    assert len(merged.models) == 1
    assert len(merged.records) == 2


def test_two_names_can_stand_for_one_model():
    other = replace(DATA, name="other", sha256="d2")
    merged = merge([audit("a"), audit("a-toxic", data=other)], {"a-toxic": "a"})
    assert [m.name for m in merged.models] == ["a"]
    assert {r.model for r in merged.records} == {"a"}


@pytest.mark.parametrize(
    ("audits", "told"),
    [
        ([audit("a"), audit("b", fingerprint="a")], "are the same model"),
        ([audit("a"), audit("a", fingerprint="z")], "Two different models are called"),
        ([audit("a"), audit("a", (0.3,))], "different values"),
        ([audit("a"), audit("b", data=replace(DATA, sha256="z"))], "differs between"),
        ([audit("a"), audit("b", data=replace(DATA, n=9))], "differs between"),
        ([audit("a"), audit("b", fairaudit_version="0.2.0")], "different versions"),
    ],
)
def test_what_cannot_be_compared_is_refused(audits, told):
    with pytest.raises(AuditError, match=told):
        merge(audits)


def test_an_unknown_name_to_rename_suggests_the_nearest():
    with pytest.raises(AuditError, match="bert"):
        merge([audit("bert"), audit("b")], {"brt": "x"})


def test_a_number_takes_the_place_of_a_reason():
    whole = audit("a")
    (record,) = whole.records
    absent = replace(record, value=None, status="not_run", reason="no data")
    merged = merge([replace(whole, records=(absent,)), whole])
    assert [r.value for r in merged.records] == [0.2]


def test_models_are_ranked_by_distance_from_the_ideal():
    merged = merge([audit("a", (0.3,)), audit("b", (-0.1,)), audit("c", (0.3,))])
    (ranking,) = rankings(merged)
    assert ranking.ranks == {"b": 1.0, "a": 2.5, "c": 2.5}
    assert ranking.records[0].model == "b"
    assert ranking.decisive


def test_overlapping_intervals_are_not_decisive():
    (ranking,) = rankings(merge([audit("a", (0.2,)), audit("b", (0.21,))]))
    assert not ranking.decisive


def test_concordance_follows_from_friedmans_statistic():
    values = np.random.default_rng(0).random((4, 6))
    merged = merge([audit(f"m{i}", tuple(row)) for i, row in enumerate(values)])
    found = concordance(rankings(merged))
    expected = stats.friedmanchisquare(*values).statistic / (6 * 3)
    assert found.value == pytest.approx(expected, abs=1e-12)
    assert (found.quantities, found.models) == (6, 4)


def test_concordance_with_ties_follows_from_friedmans_statistic():
    values = np.random.default_rng(1).integers(0, 3, size=(5, 7)) / 10
    merged = merge([audit(f"m{i}", tuple(row)) for i, row in enumerate(values)])
    expected = stats.friedmanchisquare(*values).statistic / (7 * 4)
    assert concordance(rankings(merged)).value == pytest.approx(expected, abs=1e-12)


def test_one_ranking_agrees_with_nothing():
    assert concordance(rankings(merge([audit("a"), audit("b", (0.4,))]))) is None
