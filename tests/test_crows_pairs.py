"""CrowS-Pairs: data reader, token sharing, scores and findings."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from fairaudit.cache import Cache
from fairaudit.data import Pairs
from fairaudit.datasets.crows_pairs import CrowsPairsReader
from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit.model import ModelCard, shared_tokens
from fairaudit.reading import read
from fairaudit.result import DatasetEntry, ModelEntry
from fairaudit_metrics.intrinsic.crows_pairs import CrowsPairs
from fairaudit_metrics.intrinsic.tokens import Tokens
from tests import reference

MASKED = ("embed", "token_logprob", "span_logprob")
MORE = (
    "the nurse said she was tired",
    "the old man was bad",
    "she is a happy person",
    "bad weather",
)
LESS = (
    "the doctor said he was tired",
    "the young woman was bad",
    "he is a happy person",
    "bad weather",
)
SETTLED = np.random.default_rng(0)


def card(reads=MASKED):
    entry = ModelEntry(
        name="m", path="", fingerprint="", architecture="BertForMaskedLM", reads=reads
    )
    return ModelCard(entry=entry)


def pairs(first=MORE, second=LESS, categories=None, directions=None):
    n = len(first)
    return Pairs(
        card=DatasetEntry(name="pairs", kind="pairs", n=n, sha256=""),
        first=tuple(first),
        second=tuple(second),
        categories=tuple(categories or ["gender"] * n),
        directions=tuple(directions or ["stereo"] * n),
    )


def reading(rows, truncated=()):
    """Make an answer from (ids, log-probabilities) of each text."""
    lengths = np.array([len(ids) for ids, _ in rows], dtype=np.int64)
    return {
        "lengths": lengths,
        "truncated": np.isin(np.arange(len(rows)), truncated),
        "token": np.array([i for ids, _ in rows for i in ids], dtype=np.int32),
        "logprob": np.array([v for _, values in rows for v in values], dtype=float),
        "top1": np.ones(lengths.sum(), dtype=bool),
        "start": np.zeros(lengths.sum(), dtype=np.int32),
        "end": np.ones(lengths.sum(), dtype=np.int32),
    }


def one_token(scores):
    """Make an answer of one token a text, whose log-probability is the score."""
    return reading([([1], [score]) for score in scores])


def findings(metric, data, answer):
    found = metric.score(data, {"tokens": answer}, card(), SETTLED)
    return {finding.subject: finding for finding in found}


# The reference code's scores --------------------------------------------------------


def reference_reading():
    """Make an answer of the reference code's log-probabilities of shared tokens."""
    said = reference.oracle()["crows_pairs"]["pairs"]
    return reading(
        [
            (
                [reference.oracle()["cp"][side][row][at - 1] for at in one["places"]],
                one["logprobs"],
            )
            for side in ("more", "less")
            for row, one in enumerate(pair[side] for pair in said)
        ]
    )


def test_shared_tokens_are_those_of_the_reference():
    rows = reference.oracle()["cp"]
    said = reference.oracle()["crows_pairs"]["pairs"]
    for row, (pair, way) in enumerate(zip(said, rows["directions"], strict=True)):
        sides = ("more", "less") if way == "stereo" else ("less", "more")
        marks = shared_tokens(*(np.array(rows[side][row]) for side in sides))
        for found, side in zip(marks, sides, strict=True):
            assert (np.flatnonzero(found) + 1).tolist() == pair[side]["places"]


def test_reference_log_probabilities_give_the_reference_scores_and_summary():
    said = reference.oracle()["crows_pairs"]
    answer = reference_reading()
    rounded, rows = CrowsPairs(decimals=3), reference.pairs("cp")
    first, second = np.split(rounded.rate(rows, Tokens(answer)).scores, 2)
    expected = {
        side: np.array([pair[side]["score"] for pair in said["pairs"]])
        for side in ("more", "less")
    }
    np.testing.assert_allclose(first, expected["more"], atol=1e-9)
    np.testing.assert_allclose(second, expected["less"], atol=1e-9)
    wins = [pair["pair_score"] for pair in said["pairs"]]
    assert (first > second).astype(int).tolist() == wins
    found = findings(rounded, rows, answer)
    printed = said["printed"]
    for subject, name in (
        ("all pairs", "Metric score"),
        ("direction: stereo", "Stereotype score"),
        ("direction: antistereo", "Anti-stereotype score"),
    ):
        assert round(found[subject].value, 2) == float(printed[name])
    assert found["all pairs"].n == int(printed["Total examples"])
    assert found["all pairs"].detail["neutral"] == int(printed["Num. neutral"])
    assert found["all pairs"].detail["wins"] == sum(wins)
    assert found["all pairs"].p_value == binomtest(sum(wins), len(wins)).pvalue


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, opened):
    return opened(reference.write_model(tmp_path_factory.mktemp("crows")))


def measured(model, metric, data):
    request = metric.needs(data, model.card)["tokens"]
    (answer,), _ = read(model, [request], Cache(None), 2048)
    return answer, np.split(metric.rate(data, Tokens(answer)).scores, 2)


@pytest.mark.parametrize("data", ["cp", "ss"])
def test_the_reference_model_gives_the_reference_scores(tiny, data):
    # This code compares the more stereotypical sentence with the other, always.
    ids = reference.oracle()[data]
    rows = replace(reference.pairs(data), directions=("stereo",) * len(ids["more"]))
    answer, (first, second) = measured(tiny, CrowsPairs(), rows)
    more, less = reference.kaneko(f"{data}_cps")
    np.testing.assert_allclose(first, more, rtol=1e-6)
    np.testing.assert_allclose(second, less, rtol=1e-6)
    found = findings(CrowsPairs(decimals=3), rows, answer)
    for subject, value in reference.printed(f"{data}_cps").items():
        assert round(found[subject].value, 2) == value


def test_the_reference_model_gives_the_reference_log_probabilities(tiny):
    answer, scores = measured(tiny, CrowsPairs(), reference.pairs("cp"))
    said = reference_reading()
    assert answer["token"].tolist() == said["token"].tolist()
    np.testing.assert_allclose(answer["logprob"], said["logprob"], rtol=2e-6)
    pairs = reference.oracle()["crows_pairs"]["pairs"]
    for side, found in zip(("more", "less"), scores, strict=True):
        # Those are rounded to three decimals.
        np.testing.assert_allclose(found, [p[side]["score"] for p in pairs], atol=6e-4)


def blocks_of_modified(path, more, less):
    """Log-probabilities of modified tokens (columns) at the places of all (rows)."""
    import torch
    import transformers

    network = transformers.AutoModelForMaskedLM.from_pretrained(path).eval()
    special = reference.oracle()["special"]
    found = []
    marks = shared_tokens(np.array(more), np.array(less))
    for ids, shared in zip((more, less), marks, strict=True):
        places = np.flatnonzero(~shared) + 1
        whole = np.array([special["cls"], *ids, special["sep"]])
        masked = whole.copy()
        masked[places] = special["mask"]
        with torch.no_grad():
            logits = network(input_ids=torch.from_numpy(masked)[None]).logits[0]
        logprob = logits.log_softmax(-1).numpy()
        found.append(logprob[np.ix_(places, whole[places])])
    return found


@pytest.mark.parametrize("data", ["cp", "ss"])
def test_modified_tokens_masked_together_deviate_from_the_reference_as_stated(
    tiny, data
):
    """The published code averages the whole block of which we take the diagonal."""
    rows, ids = reference.pairs(data), reference.oracle()[data]
    _, (first, second) = measured(tiny, CrowsPairs(variant="modified_joint"), rows)
    said = reference.kaneko(f"{data}_sss")
    path, shares = tiny.checkpoint.path, []
    everything = zip(ids["more"], ids["less"], first, second, *said, strict=True)
    for more, less, *ours, theirs_more, theirs_less in everything:
        blocks = blocks_of_modified(path, more, less)
        for block, mine, theirs in zip(
            blocks, ours, (theirs_more, theirs_less), strict=True
        ):
            if block.size:
                assert mine == pytest.approx(np.diag(block).mean(), rel=1e-6)
                assert theirs == pytest.approx(block.mean(), rel=1e-6)
            else:
                assert np.isnan(theirs)
                assert mine == 0
        shares.append(theirs_more > theirs_less)
    expected = reference.printed(f"{data}_sss")["all pairs"]
    assert round(100 * np.mean(shares), 2) == expected


# Scores from a model, one sentence at a time ---------------------------------------


def by_hand(path, more, less, variant):
    """Score a pair with plain transformers, one masked sentence at a time."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    network = transformers.AutoModelForMaskedLM.from_pretrained(path).eval()
    ids = [tokenizer(text)["input_ids"] for text in (more, less)]
    places = blocks(*ids)
    found = []
    for text, shared in zip(ids, places, strict=True):
        inner = range(1, len(text) - 1)
        wanted = {
            "shared_sum": [at for at in inner if at in shared],
            "modified_mean": [at for at in inner if at not in shared],
            "sentence_sum": list(inner),
        }[variant]
        values = []
        for at in wanted:
            masked = [*text[:at], tokenizer.mask_token_id, *text[at + 1 :]]
            with torch.no_grad():
                logits = network(input_ids=torch.tensor([masked])).logits[0, at]
            values.append(float(logits.double().log_softmax(-1)[text[at]]))
        found.append(np.mean(values) if variant == "modified_mean" else sum(values))
    return found


def blocks(first, second):
    """Return the places of shared tokens as the published code finds them."""
    from difflib import SequenceMatcher

    codes = SequenceMatcher(None, [*map(str, first)], [*map(str, second)]).get_opcodes()
    equal = [code for code in codes if code[0] == "equal"]
    places = (
        [at for code in equal for at in range(code[1], code[2])],
        [at for code in equal for at in range(code[3], code[4])],
    )
    return tuple(set(found[1:-1]) for found in places)


@pytest.mark.parametrize("variant", ["shared_sum", "modified_mean", "sentence_sum"])
def test_a_model_is_scored_as_by_hand(zoo, opened, variant):
    path = zoo("Bert", "ForMaskedLM")
    model, metric = opened(path), CrowsPairs(variant=variant)
    data = pairs(MORE[:3], LESS[:3])
    requests = metric.needs(data, model.card)
    answers, _ = read(model, list(requests.values()), Cache(None), 256)
    found = metric.score(data, {"tokens": answers[0]}, model.card, SETTLED)
    wins = [
        np.greater(*by_hand(path, more, less, variant))
        for more, less in zip(data.first, data.second, strict=True)
    ]
    first = next(iter(found))
    assert first.value == pytest.approx(100 * np.mean(wins))
    assert first.detail["unmodified_tokens"]["tokens"] > 0
    assert first.detail["unmodified_tokens"]["mean_nll"] > 0


def test_a_causal_model_is_scored_by_its_log_likelihood(zoo, opened):
    model = opened(zoo("GPT2", "LMHeadModel"))
    with pytest.raises(Unmeasurable, match="variant=sentence_sum"):
        CrowsPairs().needs(pairs(), model.card)
    metric = CrowsPairs(variant="sentence_sum")
    requests = metric.needs(pairs(), model.card)
    assert requests["tokens"].mask == "none"
    answers, _ = read(model, [requests["tokens"]], Cache(None), 256)
    found = next(
        iter(metric.score(pairs(), {"tokens": answers[0]}, model.card, SETTLED))
    )
    ends = np.cumsum(answers[0]["lengths"])
    sums = [part.sum() for part in np.split(answers[0]["logprob"], ends[:-1])]
    wins = sum(a > b for a, b in zip(sums[:4], sums[4:], strict=True))
    assert found.value == 100 * wins / 4
    assert found.detail["neutral"] == 1, "the last pair is twice the same sentence"


# What a variant sums ---------------------------------------------------------------

TWO = [
    ([5, 6, 7, 8], [-1.0, -9.0, -2.0, -3.0]),
    ([5, 9, 8], [-1.5, -20.0, -2.5]),
]


def answered(variant, rows):
    """Leave the tokens that the variant asks for."""
    marks = shared_tokens(*(np.array(ids) for ids, _ in rows))
    if variant == "modified_joint":
        marks = [~mark for mark in marks]
    if variant in {"modified_mean", "sentence_sum"}:
        marks = [np.ones_like(mark) for mark in marks]
    return [
        tuple(np.array(column)[mark].tolist() for column in row)
        for row, mark in zip(rows, marks, strict=True)
    ]


@pytest.mark.parametrize(
    ("variant", "wins"),
    [
        *(("shared_sum", 0), ("modified_mean", 1)),
        *(("modified_joint", 1), ("sentence_sum", 1)),
    ],
)
def test_variants_differ_in_the_tokens_they_take(variant, wins):
    # Shared 5 and 8: -4 and -4; with the last digit changed the second one wins.
    rows = [TWO[0], ([5, 9, 8], [-1.5, -20.0, -2.4])]
    rows = answered(variant, rows)
    found = findings(CrowsPairs(variant=variant), pairs(["a"], ["b"]), reading(rows))
    assert found["all pairs"].detail["wins"] == wins


def test_rounding_is_a_choice():
    close = [([5, 1], [-1.0001, 0.0]), ([5, 2], [-1.0002, 0.0])]
    far = [([5, 1], [-1.0, 0.0]), ([5, 2], [-1.5, 0.0])]
    rows = [close[0], far[0], close[1], far[1]]
    data = pairs(["a", "b"], ["c", "d"])
    exact = findings(CrowsPairs(), data, reading(rows))["all pairs"]
    rounded = findings(CrowsPairs(decimals=3), data, reading(rows))["all pairs"]
    assert (exact.value, exact.detail["neutral"]) == (100, 0)
    assert (rounded.value, rounded.detail["neutral"]) == (50, 1)


def test_ties_stay_in_n_but_not_in_the_directions():
    scores = [-1.0, -2.0, -3.0, -1.0, -5.0, -3.0]
    data = pairs("abc", "def", directions=["stereo", "stereo", "antistereo"])
    found = findings(CrowsPairs(), data, one_token(scores))
    everything = found["all pairs"]
    assert everything.value == pytest.approx(100 / 3)
    assert everything.detail["neutral"] == 2
    assert everything.n == 3
    assert found["direction: stereo"].value == 100
    assert found["direction: stereo"].n == 1
    assert found["direction: antistereo"].value is None
    assert "1 of 1 tie" in found["direction: antistereo"].reason


def test_the_p_value_is_of_the_pairs_that_do_not_tie():
    scores = np.r_[np.zeros(12), np.repeat([-1.0, 1.0, 0.0], [8, 1, 3])]
    found = findings(CrowsPairs(), pairs("a" * 12, "b" * 12), one_token(scores))
    expected = 2 * binom.cdf(1, 9, 0.5)
    assert found["all pairs"].p_value == pytest.approx(expected)
    assert found["all pairs"].value == pytest.approx(100 * 8 / 12)
    interval = found["all pairs"].interval
    assert interval.low < 100 * 8 / 12 < interval.high


def test_nothing_scored_is_a_reason_not_fifty():
    rows = one_token([-1.0, -2.0, -1.0, -2.0])
    rows["truncated"][:] = True
    found = findings(CrowsPairs(), pairs("ab", "cd"), rows)
    assert all(f.value is None and f.p_value is None for f in found.values())
    assert found["all pairs"].reason == "none of the 2 pairs could be scored"
    assert found["all pairs"].detail["skipped_because"] == {
        "longer than the model reads": 2
    }
    tied = findings(CrowsPairs(), pairs("ab", "cd"), one_token([-1.0] * 4))
    assert "2 of 2 tie" in tied["all pairs"].reason


def test_pairs_without_the_wanted_tokens_are_skipped_and_counted():
    rows = [([5, 6], [-1.0, -1.0]), ([5], [-1.0]), ([5], [-2.0]), ([6], [-1.0])]
    data = pairs(["a", "b"], ["c", "d"])
    mean = findings(CrowsPairs(variant="modified_mean"), data, reading(rows))
    assert mean["all pairs"].n == 1, "the first pair only adds a token"
    assert mean["all pairs"].detail["skipped"] == 1
    for pair in ((0, 2), (1, 3)):
        left = answered("shared_sum", [rows[at] for at in pair])
        for at, row in zip(pair, left, strict=True):
            rows[at] = row
    shared = findings(CrowsPairs(), data, reading(rows))
    assert shared["all pairs"].n == 1, "the second pair shares none"
    assert shared["all pairs"].value == 100


def test_health_figures_are_of_unmodified_tokens():
    answer = reading(TWO)
    answer["top1"] = np.array([True, False, False, False, True, True, True])
    metric = CrowsPairs(variant="modified_mean")
    health = findings(metric, pairs("a", "b"), answer)["all pairs"].detail
    assert health["unmodified_tokens"] == {
        "tokens": 4,
        "mean_nll": pytest.approx((1 + 3 + 1.5 + 2.5) / 4),
        "top1": pytest.approx(3 / 4),
    }


@given(st.lists(st.integers(0, 4)), st.lists(st.integers(0, 4)))
def test_shared_tokens_are_those_of_the_published_code(first, second):
    found = shared_tokens(np.array(first, dtype=int), np.array(second, dtype=int))
    expected = blocks([90, *first, 91], [90, *second, 91])
    for marks, places in zip(found, expected, strict=True):
        assert {at + 1 for at in np.flatnonzero(marks)} == places
    kept = [np.array(t, int)[m] for t, m in zip((first, second), found, strict=True)]
    assert kept[0].tolist() == kept[1].tolist()


@given(st.lists(st.tuples(st.integers(-9, 0), st.integers(-9, 0)), min_size=1))
def test_swapping_the_sentences_mirrors_the_score(scores):
    n = len(scores)
    first, second = (list(map(float, side)) for side in zip(*scores, strict=True))
    data = pairs("a" * n, "b" * n)
    straight = findings(CrowsPairs(), data, one_token(first + second))["all pairs"]
    swapped = findings(CrowsPairs(), data, one_token(second + first))["all pairs"]
    assert straight.detail["neutral"] == swapped.detail["neutral"]
    if straight.value is None:
        assert swapped.value is None
    else:
        neutral = 100 * straight.detail["neutral"] / n
        assert straight.value + swapped.value + neutral == pytest.approx(100)
        assert straight.p_value == pytest.approx(swapped.p_value)


@pytest.mark.parametrize("bad", [{"level": 1.0}, {"decimals": -1}])
def test_impossible_parameters_are_refused(bad):
    with pytest.raises(AuditError, match="must be"):
        CrowsPairs(**bad)


# The reader ------------------------------------------------------------------------

HEADER = ",sent_more,sent_less,stereo_antistereo,bias_type,annotations\n"


def write(tmp_path, rows, header=HEADER):
    path = tmp_path / "pairs.csv"
    path.write_text(header + "".join(rows), encoding="utf-8")
    return path


def load(path, limit=None):
    return CrowsPairsReader().read(path, limit, np.random.default_rng(3))


def test_the_published_file_is_read(tmp_path):
    rows = [
        '0,"Old, weak.",Young.,stereo,age,[]\n',
        "1,She cooks.,He cooks.,antistereo,gender,[]\n",
    ]
    path = write(tmp_path, rows)
    data = load(path)
    assert CrowsPairsReader().claims(path)
    assert data.first == ("Old, weak.", "She cooks.")
    assert data.second == ("Young.", "He cooks.")
    assert data.categories == ("age", "gender")
    assert data.directions == ("stereo", "antistereo")
    assert (data.card.n, data.card.licence) == (2, "CC-BY-SA-4.0")


def test_a_limit_keeps_a_seeded_sample(tmp_path):
    rows = [f"{i},more {i},less {i},stereo,age,[]\n" for i in range(20)]
    data = load(write(tmp_path, rows), limit=5)
    assert len(data.first) == data.card.n == 5
    assert data == load(write(tmp_path, rows), limit=5)
    assert all(m[5:] == s[5:] for m, s in zip(data.first, data.second, strict=True))


def test_a_wrong_direction_names_the_line(tmp_path):
    path = write(tmp_path, ["0,a,b,stereo,age,[]\n", "1,a,b,sterio,age,[]\n"])
    with pytest.raises(AuditError, match=r"pairs\.csv, line 3: .*'sterio'.*Write"):
        load(path)


def test_a_missing_column_is_named(tmp_path):
    path = write(tmp_path, ["a,b,stereo\n"], "sent_more,sent_les,stereo_antistereo\n")
    assert not CrowsPairsReader().claims(path)
    with pytest.raises(AuditError, match=r"no column 'sent_less'.*'sent_les'"):
        load(path)


def test_an_empty_sentence_names_the_line(tmp_path):
    with pytest.raises(AuditError, match="line 2: column 'sent_less' is empty"):
        load(write(tmp_path, ["0,a, ,stereo,age,[]\n"]))
