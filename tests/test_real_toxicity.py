"""RealToxicityPrompts: prompts by toxicity, extremes by group."""

import json

import numpy as np
import pytest

from fairaudit.data import Prompts
from fairaudit.datasets.real_toxicity import RealToxicityReader
from fairaudit.errors import AuditError
from fairaudit_metrics.extrinsic.continuations import Scored, Written
from fairaudit_metrics.extrinsic.extremes import Limits, extremes
from tests.test_open_generation import CARD


def record(text, score):
    prompt = {"text": text, "toxicity": score, "insult": 0.1}
    other = {"text": " and so on", "toxicity": 0.9}
    return {
        "filename": "x",
        "begin": 0,
        "end": 9,
        "challenging": False,
        "prompt": prompt,
        "continuation": other,
    }


def file(tmp_path, *records):
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in records))
    return path


def read(path, limit=None, **options):
    rng = np.random.default_rng(0)
    return RealToxicityReader(**options).read(path, limit, rng)


def test_reads_prompts_as_published(tmp_path):
    rows = [("one ", 0.5), ("two", 0.0), ("three", None), ("four", 0.9), ("  ", 0.1)]
    path = file(tmp_path, *(record(*row) for row in rows))
    assert RealToxicityReader().claims(path)
    found = read(path)
    assert found.texts == ("one", "two", "four")
    assert found.groups == ("toxic", "non-toxic", "toxic")
    assert set(found.axis) == {"prompt toxicity"}
    assert found.card.left_out == {
        "prompts without a toxicity score": 1,
        "prompts without a word": 1,
    }
    assert found.card.groups == {"prompt toxicity": {"toxic": 2, "non-toxic": 1}}


def test_the_operator_decides_at_the_threshold(tmp_path):
    path = file(tmp_path, record("one", 0.5), record("two", 0.2))
    assert read(path, operator=">").groups == ("non-toxic", "non-toxic")
    assert read(path, threshold=0.2).groups == ("toxic", "toxic")
    assert read(path, threshold=0.2, operator=">").groups == ("toxic", "non-toxic")


def test_a_limit_is_a_seeded_sample(tmp_path):
    path = file(tmp_path, *(record(f"t{i}", i / 20) for i in range(20)))
    assert read(path, 5) == read(path, 5)
    assert read(path, 5).card.n == len(read(path, 5).texts) == 5


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("text", "no object with a text"),
        ({"toxicity": 0.1}, "no object with a text"),
        ({"text": "a", "toxicity": 1.5}, "no number from 0 to 1"),
        ({"text": "a", "toxicity": "high"}, "no number from 0 to 1"),
        ({"text": "a", "toxicity": True}, "no number from 0 to 1"),
    ],
)
def test_what_is_not_as_published_is_refused(tmp_path, prompt, told):
    path = file(tmp_path, record("a", 0.1), {**record("a", 0.1), "prompt": prompt})
    with pytest.raises(AuditError, match=f"line 2: .*{told}"):
        read(path)


def test_without_any_score_there_is_nothing_to_read(tmp_path):
    with pytest.raises(AuditError, match="no prompt has a toxicity score"):
        read(file(tmp_path, record("a", None)))


# Extremes by group ------------------------------------------------------------------


def scored(table, groups, entities=(), threshold=0.5, min_units=2):
    """Return the findings for scores of shape (prompts, samples), NaN unscored."""
    n, samples = table.shape
    row = np.repeat(np.arange(n), samples)
    known = np.isfinite(table.ravel())
    values, row = table.ravel()[known], row[known]
    data = Prompts(
        card=CARD,
        texts=tuple(f"p{i}" for i in range(n)),
        axis=("prompt toxicity",) * n,
        groups=tuple(groups),
        entities=tuple(entities),
    )
    text = Written(tuple("x" for _ in values), row, {})
    limits = Limits(threshold, min_units, 0.95)
    found = extremes(Scored("toxicity", "s", values, True), text, data, limits)
    return {(f.quantity.name, f.subject.rpartition("=")[2]): f for f in found}


def test_extremes_are_by_group_and_over_all():
    table = np.random.default_rng(0).random((12, 3))
    groups = np.array(["toxic", "non-toxic"] * 6)
    found, worst = scored(table, groups, threshold=0.7), table.max(axis=1)
    for name, rows in (
        ("all prompts", groups != ""),
        ("toxic", groups == "toxic"),
        ("non-toxic", groups == "non-toxic"),
    ):
        largest = found["expected_maximum_toxicity", name]
        share = found["toxicity_probability", name]
        assert largest.value == pytest.approx(worst[rows].mean())
        assert largest.n == share.n == rows.sum()
        spread = worst[rows].std(ddof=1)
        assert largest.detail["standard_deviation"] == pytest.approx(spread)
        assert share.value == pytest.approx((worst[rows] >= 0.7).mean())
        assert largest.interval.low < largest.value < largest.interval.high


def test_independent_prompts_have_students_interval():
    from scipy import stats

    table = np.random.default_rng(1).random((30, 2)) * 0.2 + 0.4
    found = scored(table, ["toxic"] * 30)["expected_maximum_toxicity", "toxic"]
    worst = table.max(axis=1)
    expected = stats.t.interval(0.95, 29, worst.mean(), stats.sem(worst))
    assert (found.interval.low, found.interval.high) == pytest.approx(expected)


def test_prompts_about_one_entity_widen_the_interval():
    table = np.repeat(np.random.default_rng(2).random((8, 2)) * 0.3 + 0.3, 4, axis=0)
    names = [str(i // 4) for i in range(32)]
    alone = scored(table, ["toxic"] * 32)["expected_maximum_toxicity", "toxic"]
    together = scored(table, ["toxic"] * 32, names)
    grouped = together["expected_maximum_toxicity", "toxic"]
    assert grouped.value == pytest.approx(alone.value)
    assert grouped.interval.low < alone.interval.low


def test_the_threshold_itself_counts():
    found = scored(np.array([[0.5], [0.4]]), ["toxic"] * 2)
    share = found["toxicity_probability", "toxic"]
    assert (share.value, share.detail["operator"]) == (0.5, ">=")


def test_prompts_without_a_score_are_no_zeros():
    table = np.array([[0.9, np.nan], [np.nan, np.nan], [0.8, 0.1]])
    found = scored(table, ["toxic", "toxic", "toxic"])
    assert found["toxicity_probability", "toxic"].value == 1.0
    assert found["toxicity_probability", "toxic"].n == 2
    few = scored(table, ["toxic"] * 3, min_units=3)
    assert "2 prompts, fewer than 3" in few["toxicity_probability", "toxic"].reason
