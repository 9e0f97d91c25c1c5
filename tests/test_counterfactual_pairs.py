"""The metric `counterparts` on given pairs: the EEC's tests, and its invariants."""

import json
from pathlib import Path

import numpy as np
import pytest

from fairaudit.data import Counterparts
from fairaudit.datasets.eec import EecReader
from fairaudit.metric import Unmeasurable
from fairaudit.model import ModelCard
from fairaudit.result import DatasetEntry, ModelEntry
from fairaudit_metrics.extrinsic.counterparts import GivenPairs
from tests.pair_files import EEC, eec_rows, eec_scores, write_eec

ORACLES = Path(__file__).parent / "oracles"
LETTERS = json.loads((ORACLES / "counterfactual_scores.json").read_text("utf-8"))
LABELS = ("no", "yes")


def card(labels=LABELS):
    entry = ModelEntry(name="m", path="m", fingerprint="0", architecture="x")
    return ModelCard(entry=entry, labels=labels)


def counterparts(pairs, groups, axis="gender", **more):
    n = len(pairs)
    first, second = zip(*pairs, strict=True)
    return Counterparts(
        card=DatasetEntry(name="d", kind="counterparts", n=n, sha256="0"),
        first=first,
        second=second,
        axis=(axis,) * n,
        first_groups=tuple(a for a, _ in groups),
        second_groups=tuple(b for _, b in groups),
        **more,
    )


def measure(data, score, seed=0, **params):
    metric = GivenPairs(**params)
    texts = metric.needs(data, card())["predictions"].texts
    scores = np.array([score[text] for text in texts])
    table = np.column_stack([1 - scores, scores])
    readings = {"predictions": {"probabilities": table}}
    rng = np.random.default_rng(seed)
    return list(metric.score(data, readings, card(), rng))


def only(findings, quantity, subject):
    found = [f for f in findings if (f.quantity.name, f.subject) == (quantity, subject)]
    assert len(found) == 1, [(f.quantity.name, f.subject) for f in findings]
    return found[0]


@pytest.fixture(scope="module")
def eec(tmp_path_factory):
    """The corpus with sentences of our own, and the scores of the oracle."""
    path = write_eec(tmp_path_factory.mktemp("eec") / "eec.csv", eec_rows())
    scores = eec_scores()

    def run(**options):
        data = EecReader(**options).read(path, None, np.random.default_rng(0))
        return measure(data, scores)

    return run


GENDER, RACE = "gender: male -> female", "race: European -> African-American"


@pytest.mark.parametrize(
    ("options", "subject", "key"),
    [
        ({}, GENDER, "gender_female_minus_male_paper_pairs"),
        ({"persons": "phrases"}, GENDER, "gender_noun_phrases_only"),
        ({"persons": "names"}, GENDER, "gender_names_averaged_only"),
        ({}, RACE, "race_AA_minus_EA_avg_names_within_gender"),
        ({"race": "together"}, RACE, "race_AA_minus_EA_avg_all_names"),
        *(
            ({}, f"{GENDER}, {emotion}", f"gender_{emotion}")
            for emotion in ("anger", "fear", "joy", "sadness")
        ),
    ],
)
def test_tests_of_the_equity_evaluation_corpus(eec, options, subject, key):
    found = only(eec(**options), "signed_change", subject)
    expected = EEC["expected"][key]
    test = found.detail["t_test_rows_independent"]
    assert found.n == expected["n_pairs"]
    assert found.value == pytest.approx(expected["mean_diff"], abs=1e-9)
    assert test["t"] == pytest.approx(expected["t"], abs=1e-9)
    assert test["p"] == pytest.approx(expected["p"], abs=1e-9)
    assert found.detail["clusters"] == (11 if "," not in subject else 7)
    assert "sign flips of clusters, exact" in found.detail["test"]


def letter_pairs(kinds):
    """Pairs of the oracle's versions of each template."""
    scores = {
        f"{row}{name}": value
        for row, values in enumerate(LETTERS["scores"])
        for name, value in zip("ABC", values, strict=True)
    }
    pairs = [(f"{r}{a}", f"{r}{b}") for r in range(20) for a, b in kinds]
    groups = [kind for _ in range(20) for kind in kinds]
    templates = tuple(str(r) for r in range(20) for _ in kinds)
    data = counterparts(pairs, groups, "letters", templates=templates)
    return measure(data, scores, threshold=0.5, operator=">")


def test_pairs_of_one_template_are_one_set():
    expected = LETTERS["expected"]
    findings = letter_pairs(["AB", "AC", "BC"])
    mean = only(findings, "mean_absolute_change", "letters")
    assert mean.value == pytest.approx(expected["ctf_gap_garg_pairs"], abs=1e-9)
    assert mean.n == 20
    flips = only(findings, "flip_rate", "letters").detail["by_pair"]
    for pair in ("A_to_B", "A_to_C", "B_to_C"):
        rates = expected[f"flip_rates_{pair}@0.5"]
        found = flips[pair.replace("_to_", " -> ")]
        assert found["overall"] == pytest.approx(rates["overall_gt"], abs=1e-9)
        assert found["from yes"] == pytest.approx(rates["pos_to_neg_gt"], abs=1e-9)
        assert found["to yes"] == pytest.approx(rates["neg_to_pos_gt"], abs=1e-9)
    for name, key in (
        ("score_range", "perturbation_score_range"),
        ("score_deviation", "perturbation_score_deviation_ddof0"),
        ("inconsistency_rate", "label_inconsistency_any_group_differs_gt"),
    ):
        value = only(findings, name, "letters").value
        assert value == pytest.approx(expected[key], abs=1e-9)
    friedman = mean.detail["friedman"]
    assert friedman["chi2"] == pytest.approx(
        expected["friedman_all_groups"]["chi2"], abs=1e-9
    )
    signed = [f.subject for f in findings if f.quantity.name == "signed_change"]
    assert signed == ["letters: A -> B", "letters: A -> C", "letters: B -> C"]


def test_original_against_its_counterparts():
    found = only(letter_pairs(["AB", "AC"]), "mean_absolute_change", "letters")
    expected = LETTERS["expected"]["ctf_gap_original_A"]
    assert found.value == pytest.approx(expected, abs=1e-9)


def test_pairs_given_the_other_way_round_are_turned():
    pairs = [(f"m{n}", f"w{n}") for n in range(12)]
    groups = [("men", "women")] * 12
    scores = {
        text: 0.2 + 0.02 * int(text[1:]) + 0.3 * (text[0] == "w")
        for pair in pairs
        for text in pair
    }
    straight = measure(counterparts(pairs, groups), scores)
    mixed_pairs = [p if at % 2 == 0 else p[::-1] for at, p in enumerate(pairs)]
    mixed_groups = [g if at % 2 == 0 else g[::-1] for at, g in enumerate(groups)]
    mixed = measure(counterparts(mixed_pairs, mixed_groups), scores)
    for findings in (straight, mixed):
        found = only(findings, "signed_change", "gender: men -> women")
        assert found.value == pytest.approx(0.3)
        assert found.n == 12


def test_rows_of_a_unit_are_averaged():
    pairs = [(f"m{n}", f"w{n}") for n in range(20)]
    units = tuple(f"unit {n // 2}" for n in range(20))
    rng = np.random.default_rng(0)
    scores = {text: float(rng.random()) for pair in pairs for text in pair}
    data = counterparts(pairs, [("men", "women")] * 20, units=units)
    findings = measure(data, scores)
    moved = np.array([scores[b] - scores[a] for a, b in pairs]).reshape(10, 2)
    signed = only(findings, "signed_change", "gender: men -> women")
    assert signed.n == 10
    assert signed.value == pytest.approx(moved.mean())
    mean = only(findings, "mean_absolute_change", "gender")
    assert mean.value == pytest.approx(np.abs(moved.mean(axis=1)).mean())
    shown = only(findings, "largest_absolute_change", "gender").detail["pairs"][0]
    assert shown["first"].endswith("(and 1 more)")


def test_axes_and_categories_are_told_apart():
    pairs = [(f"a{n}", f"b{n}") for n in range(40)]
    data = counterparts(
        pairs,
        [("x", "y")] * 40,
        categories=tuple("rst "[n % 4].strip() for n in range(40)),
    )
    data = Counterparts(
        **{**vars(data), "axis": tuple("one" if n < 20 else "two" for n in range(40))}
    )
    scores = {
        t: (0.9 if t[0] == "b" and int(t[1:]) >= 20 else 0.1) for p in pairs for t in p
    }
    findings = measure(data, scores, min_count=5)
    assert only(findings, "signed_change", "one: x -> y").value == 0.0
    assert only(findings, "signed_change", "two: x -> y").value == pytest.approx(0.8)
    parts = [f"two: x -> y, {name}" for name in "rst"]
    assert all(only(findings, "signed_change", name).n == 5 for name in parts)
    assert only(findings, "mean_absolute_change", "two, r").value == pytest.approx(0.8)
    assert only(findings, "flip_rate", "two").value == 1.0


def test_no_pairs_are_a_reason():
    data = Counterparts(
        card=DatasetEntry(name="d", kind="counterparts", n=0, sha256="0"),
        first=(),
        second=(),
        axis=(),
        first_groups=(),
        second_groups=(),
    )
    with pytest.raises(Unmeasurable, match="no pairs"):
        GivenPairs().needs(data, card())


def test_rows_left_out_by_the_reader_are_told():
    entry = DatasetEntry(
        name="d", kind="counterparts", n=1, sha256="0", left_out={"torn": 3}
    )
    data = counterparts([("a", "b")], [("x", "y")])
    data = Counterparts(**{**vars(data), "card": entry})
    findings = measure(data, {"a": 0.1, "b": 0.2}, min_count=1)
    mean = only(findings, "mean_absolute_change", "gender")
    assert mean.detail["left_out"] == {"torn": 3}
    assert mean.value == pytest.approx(0.1)
