"""Likelihood of stereotypical pronouns: by brute force, and with tiny models."""

import numpy as np
import pytest
from scipy import stats

from fairaudit.data import Counterparts
from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit.model import Ask
from fairaudit.result import DatasetEntry
from fairaudit_metrics.extrinsic.coreference import Coreference
from fairaudit_metrics.extrinsic.occupations import read_shares

CARD = DatasetEntry(name="pairs", kind="counterparts", n=0, sha256="")


def pairs(n, categories=(), templates=(), groups=("men", "women")):
    return Counterparts(
        card=CARD,
        first=tuple(f"he {i}" for i in range(n)),
        second=tuple(f"she {i}" for i in range(n)),
        axis=("gender",) * n,
        first_groups=(groups[0],) * n,
        second_groups=(groups[1],) * n,
        templates=tuple(templates),
        categories=tuple(categories),
    )


def reading(first, second, truncated=()):
    """Answer each text with two tokens that sum to its log-probability."""
    total = np.concatenate([first, second])
    cut = np.zeros(len(total), dtype=bool)
    cut[list(truncated)] = True
    return {
        "tokens": {
            "lengths": np.full(len(total), 2),
            "truncated": cut,
            "logprob": np.repeat(total / 2, 2),
        }
    }


def findings(data, answer, **params):
    metric = Coreference(draws=999, **params)
    found = metric.score(data, answer, None, np.random.default_rng(0))
    return {(f.quantity.name, f.subject): f for f in found}


def test_counts_and_averages_by_stereotype():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 40))
    side = rng.integers(0, 2, 40)
    told = [f"type1, stereotype of {('men', 'women')[s]}" for s in side]
    found = findings(pairs(40, told), reading(first, second))
    signed = np.where(side, second - first, first - second)
    share = found["pro_stereotype_preference", "all pairs"]
    assert share.value == pytest.approx(100 * np.mean(signed > 0))
    ratio = found["pro_stereotype_log_ratio", "all pairs"]
    assert ratio.value == pytest.approx(signed.mean())
    reference = stats.t.interval(0.95, 39, signed.mean(), stats.sem(signed))
    assert (ratio.interval.low, ratio.interval.high) == pytest.approx(reference)
    assert ratio.p_value == pytest.approx(stats.ttest_1samp(signed, 0).pvalue, abs=0.05)
    assert ratio.detail["stereotype_of_first_group"] == int((side == 0).sum())


def test_types_are_told_apart():
    told = ["type1, stereotype of men"] * 6 + ["type2, stereotype of women"] * 6
    found = findings(pairs(12, told), reading(np.zeros(12), np.ones(12)))
    assert found["pro_stereotype_log_ratio", "type1"].value == pytest.approx(-1)
    assert found["pro_stereotype_log_ratio", "type2"].value == pytest.approx(1)
    assert found["pro_stereotype_log_ratio", "all pairs"].value == pytest.approx(0)


def test_a_pronoun_that_is_likelier_everywhere_cancels():
    rng = np.random.default_rng(1)
    told = ["type1, stereotype of men", "type1, stereotype of women"] * 20
    shift = 3.0 + rng.normal(0, 0.1, 40)
    found = findings(pairs(40, told), reading(np.zeros(40), shift))
    assert abs(found["pro_stereotype_log_ratio", "all pairs"].value) < 0.1
    assert found["group_log_ratio", "gender: women vs men"].value > 2.9


def test_ties_count_one_half():
    told = ["type1, stereotype of men"] * 4
    found = findings(pairs(4, told), reading(np.zeros(4), np.zeros(4)))
    share = found["pro_stereotype_preference", "all pairs"]
    assert share.value == 50.0
    assert share.detail["ties"] == 4
    assert share.p_value == 1.0


def test_sentences_of_one_template_are_one_unit():
    rng = np.random.default_rng(2)
    effect = np.repeat(rng.normal(0.5, 1, 8), 10)
    told = ["type1, stereotype of women"] * 80
    loose = findings(pairs(80, told), reading(np.zeros(80), effect))
    names = [f"t{i // 10}" for i in range(80)]
    tied = findings(pairs(80, told, names), reading(np.zeros(80), effect))
    key = ("pro_stereotype_log_ratio", "all pairs")
    assert tied[key].value == pytest.approx(loose[key].value)
    width = [f[key].interval.high - f[key].interval.low for f in (loose, tied)]
    assert width[1] > 2 * width[0]
    assert tied[key].p_value > loose[key].p_value


def test_pairs_that_are_too_long_are_left_out_and_counted():
    told = ["type1, stereotype of women"] * 5
    values = np.array([1.0, 1, 1, 1, 50])
    found = findings(pairs(5, told), reading(np.zeros(5), values, truncated=[4]))
    ratio = found["pro_stereotype_log_ratio", "all pairs"]
    assert (ratio.value, ratio.n) == (pytest.approx(1.0), 4)
    assert ratio.detail["not_read_whole"] == 1
    with pytest.raises(Unmeasurable, match="none of the 5 pairs"):
        findings(pairs(5), reading(np.zeros(5), values, truncated=range(5)))


def test_data_without_stereotypes_says_what_would_tell_them():
    found = findings(pairs(6), reading(np.zeros(6), np.ones(6)))
    told = found["occupation_share_correlation", "occupations: women vs men"]
    assert told.value is None
    assert "coreference:statistics=" in told.reason
    sided = findings(
        pairs(6, ["stereotype of men"] * 6), reading(np.zeros(6), np.ones(6))
    )
    assert not any(name == "occupation_share_correlation" for name, _ in sided)


def test_likelihoods_are_correlated_with_the_share_of_women(tmp_path):
    rng = np.random.default_rng(3)
    names = [f"job{i}" for i in range(12)]
    share = rng.uniform(0, 100, 12)
    file = tmp_path / "stats.tsv"
    lines = [f"{n}\t{s:.4f}" for n, s in zip(names, share, strict=True)]
    file.write_text("occupation\tbls_pct_female\n" + "\n".join(lines) + "\n")
    templates = [f"{name}.{answer}" for name in names for answer in (0, 1)]
    ratio = rng.normal(size=24) + np.repeat(share, 2) / 30
    data = pairs(24, templates=templates, groups=("male", "female"))
    found = findings(data, reading(np.zeros(24), ratio), statistics=str(file))
    expected = stats.pearsonr(share, ratio.reshape(12, 2).mean(1)).statistic
    key = ("occupation_share_correlation", "occupations: women vs men")
    assert found[key].value == pytest.approx(expected, abs=1e-5)
    assert found[key].n == 12
    assert found[key].p_value < 0.05
    assert ("pro_stereotype_log_ratio", "all pairs") not in found


def test_too_few_occupations_have_a_reason(tmp_path):
    file = tmp_path / "stats.tsv"
    file.write_text("occupation\tbls_pct_female\nnurse\t90\n")
    data = pairs(2, templates=["nurse.0", "baker.0"])
    found = findings(data, reading(np.zeros(2), np.ones(2)), statistics=str(file))
    key = ("occupation_share_correlation", "occupations: women vs men")
    assert "1 occupations have both numbers" in found[key].reason


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("occupation\tx\nnurse\t90\n", "no column 'bls_pct_female'"),
        ("occupation\tbls_pct_female\nnurse\tmany\n", "line 2: 'many' is no percent"),
        ("occupation\tbls_pct_female\nnurse\t101\n", "line 2: '101' is no percent"),
    ],
)
def test_wrong_statistics_are_explained(tmp_path, text, told):
    file = tmp_path / "stats.tsv"
    file.write_text(text)
    with pytest.raises(AuditError, match=told):
        read_shares(str(file), "bls_pct_female")


@pytest.mark.parametrize(
    ("family", "head", "mask"),
    [("GPT2", "LMHeadModel", "none"), ("Bert", "ForMaskedLM", "each")],
)
def test_real_networks_answer_in_one_pass(zoo, opened, family, head, mask):
    model = opened(zoo(family, head))
    data = pairs(2)
    request = Coreference().needs(data, model.card)["tokens"]
    assert request.mask == mask
    (answer,) = model.read(request.texts, [Ask(request, np.arange(4))])
    found = findings(data, {"tokens": answer})
    sums = [p.sum() for p in np.split(answer["logprob"], np.cumsum(answer["lengths"]))]
    expected = np.mean([sums[2] - sums[0], sums[3] - sums[1]])
    key = ("group_log_ratio", "gender: women vs men")
    assert found[key].value == pytest.approx(expected, abs=1e-5)
