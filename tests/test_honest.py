"""HONEST: templates, lexicons, and the scores of the reference implementation."""

import json
from pathlib import Path

import numpy as np
import pytest

from fairaudit.data import Gaps
from fairaudit.datasets.honest import HonestReader
from fairaudit.engine import Settings, audit
from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit.model import Fill, Generate, ModelCard, filled
from fairaudit.model.generation import CUT, EMPTY
from fairaudit.result import DatasetEntry, ModelEntry
from fairaudit_metrics.extrinsic.honest import Honest
from fairaudit_metrics.extrinsic.hurtful import Lexicon

ORACLE = json.loads((Path(__file__).parent / "oracles" / "honest.json").read_text())
CASES = {case["name"]: case for case in ORACLE["cases"]}
CARD = DatasetEntry(name="h", kind="gaps", n=0, sha256="")
HEAD = "id\tpos\tcategory\tstereotype\tlemma\tlevel\n"


def card(*reads):
    entry = ModelEntry(name="m", path="", fingerprint="", architecture="", reads=reads)
    return ModelCard(entry=entry)


@pytest.fixture
def lexicon(tmp_path):
    path = tmp_path / "lexicon.tsv"
    rows = [f"x\tn\t{c}\tno\t{lemma}\tconservative" for lemma, c in ORACLE["lexicon"]]
    more = ["x\tn\tan\tno\tpig\tconservative", "x\tn\tan\tno\tcow\tinclusive"]
    path.write_text(HEAD + "\n".join([*rows, *more]) + "\n", encoding="utf-8")
    return str(path)


def gaps(groups, before=None):
    return Gaps(
        card=CARD,
        before=tuple(before or (f"the person {i} is a " for i in range(len(groups)))),
        after=(".",) * len(groups),
        axis=("identity",) * len(groups),
        groups=tuple(groups),
    )


def words(rows):
    return {"words": filled(rows)}


def written(rows):
    texts = [text for row in rows for text in row]
    raw = [text.encode() for text in texts]
    return {
        "written": {
            "lengths": np.array([len(r) for r in raw]),
            "utf8": np.frombuffer(b"".join(raw), dtype=np.uint8),
            "tokens": np.array([len(r) for r in raw]),
            "state": np.array([CUT if t else EMPTY for t in texts], dtype=np.int8),
        }
    }


def findings(data, answer, lexicon, **params):
    metric = Honest(lexicon=lexicon, **{"draws": 200, "min_units": 1, **params})
    found = metric.score(data, answer, card(), np.random.default_rng(0))
    return {(f.quantity.name, f.key or f.subject): f for f in found}


def overall(rows, answer, lexicon):
    k = max(map(len, rows))
    found = findings(gaps(["a"] * len(rows)), answer, lexicon, k=k)
    return found["honest_score", "all templates"]


def counted(case):
    found = {}
    for row in case["categories"]:
        for name, count in row.items():
            found[name] = found.get(name, 0) + count
    return found


@pytest.mark.parametrize(
    "name", ["hf_doc_words", "case_and_accents", "mixed_first_decides"]
)
def test_words_score_as_the_reference(name, lexicon):
    case = CASES[name]
    found = overall(case["completions"], words(case["completions"]), lexicon)
    assert found.value == pytest.approx(case["score"])
    assert found.value == pytest.approx(case["formula"])
    assert found.detail["hurtful_by_category"] == counted(case)


def test_continuations_score_as_the_formula_of_the_reference(lexicon):
    case = CASES["sentences"]
    found = overall(case["completions"], written(case["completions"]), lexicon)
    assert case["score"] is None
    assert found.value == pytest.approx(case["formula"])
    assert found.detail["hurtful_by_category"] == counted(case)


def test_the_model_and_not_the_first_completion_decides_how_to_look_up(lexicon):
    """The reference looks up whole where the first completion has no space."""
    rows = CASES["mixed_first_decides"]["completions"]
    found = overall(rows, written(rows), lexicon)
    assert found.value == pytest.approx(0.5)
    assert CASES["mixed_first_decides"]["score"] == pytest.approx(0.25)


def test_each_template_has_its_own_number_of_completions(lexicon):
    """The reference divides by the number of the first row for all rows."""
    case = CASES["ragged"]
    found = overall(case["completions"], words(case["completions"]), lexicon)
    assert found.value == pytest.approx((2 / 3 + 1) / 2)
    assert case["score"] == pytest.approx(3 / (3 * 2))
    assert found.detail["hurtful_by_category"] == counted(case)


def test_groups_have_scores_and_a_gap(lexicon):
    rows = [["pig", "cat"]] * 12 + [["cat", "cow"]] * 12
    data = gaps(["female"] * 12 + ["male"] * 12)
    found = findings(data, words(rows), lexicon, k=2, draws=500)
    assert found["honest_score", "identity=female"].value == 0.5
    assert found["honest_score", "identity=male"].value == 0.0
    gap = found["honest_gap", "identity"]
    assert (gap.subject, gap.value) == ("identity: female vs male", 0.5)
    assert gap.p_value < 0.01
    assert gap.detail["hurtful_by_category"] == {"female": {"dmc": 12}, "male": {}}


def test_a_template_in_two_groups_counts_once_over_all(lexicon):
    data = gaps(["female", "male", "male"], ["a ", "a ", "b "])
    found = findings(data, words([["pig"], ["pig"], ["cat"]]), lexicon, k=1)
    assert found["honest_score", "all templates"].n == 2
    assert found["honest_score", "all templates"].value == 0.5
    assert found["honest_score", "identity=male"].n == 2


def test_empty_continuations_are_states_and_not_harmless(lexicon):
    rows = [["a pig", ""], ["", ""], ["a cat", "a Pig"]]
    found = overall(rows, written(rows), lexicon)
    assert (found.value, found.n) == (0.5, 2)
    assert found.detail["completions"]["empty: the model ended at once"] == 3
    with pytest.raises(Unmeasurable, match="no template has a completion"):
        overall([[""]], written([[""]]), lexicon)


def test_gaps_that_are_not_read_are_counted(lexicon):
    rows = [["pig"], []]
    found = overall(rows, words(rows), lexicon)
    assert (found.value, found.n) == (1.0, 1)
    assert found.detail["completions"] == {"templates whose gap is not read": 1}


def test_models_are_asked_in_their_way(lexicon):
    data = gaps(["a", "b"], ["she is a ", " "])
    metric = Honest(lexicon=lexicon, k=2)
    filling = metric.needs(data, card("fill"))["words"]
    assert isinstance(filling, Fill)
    assert (filling.texts[0], filling.spans[0], filling.k) == (
        "she is a _.",
        (9, 10),
        2,
    )
    going_on = metric.needs(data, card("generate"))["written"]
    assert isinstance(going_on, Generate)
    assert (going_on.texts, going_on.samples) == (("she is a",) * 2, (0, 1))
    with pytest.raises(Unmeasurable, match="no template has a word before"):
        metric.needs(gaps(["a"], [""]), card("generate"))
    with pytest.raises(Unmeasurable, match="equal continuations"):
        Honest(lexicon=lexicon, temperature=0).needs(data, card("generate"))


def test_templates_that_begin_with_the_gap_are_counted(lexicon):
    data = gaps(["a", "a"], ["", "she is a "])
    found = findings(data, written([["a pig", "x"]]), lexicon, k=2)
    score = found["honest_score", "all templates"]
    assert (score.n, score.value) == (1, 0.5)
    assert score.detail["completions"]["templates without a word before the gap"] == 1


def test_without_a_lexicon_there_is_a_reason():
    with pytest.raises(Unmeasurable, match="none is bundled"):
        Honest().needs(gaps(["a"]), card("fill"))


def test_a_missing_lexicon_is_told_before_anything_is_read():
    with pytest.raises(AuditError, match="cannot be read"):
        Honest(lexicon="none.tsv").needs(gaps(["a"]), card("fill"))


def test_the_level_chooses_entries(lexicon):
    assert Lexicon.read(lexicon, "conservative").word("cow") == ""
    assert Lexicon.read(lexicon, "inclusive").categories == {"cow": "an"}
    both = Lexicon.read(lexicon, "both")
    assert (both.word("cow"), both.word("pig")) == ("an", "dmc")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lemma\tlevel\n", "no column 'category'"),
        (HEAD + "x\tn\tan\tno\tcow\n", "line 2: a cell is empty"),
        (HEAD + "x\tn\tan\tno\tcow\tinclusive\n", "no entry has the level"),
    ],
)
def test_what_is_not_a_lexicon_is_refused(tmp_path, text, told):
    path = tmp_path / "l.tsv"
    path.write_text(text)
    with pytest.raises(AuditError, match=told):
        Lexicon.read(str(path), "conservative")
    with pytest.raises(AuditError, match="cannot be read"):
        Lexicon.read(str(tmp_path / "none.tsv"), "conservative")


@pytest.mark.parametrize(
    "wrong", [{"k": 0}, {"level": 1}, {"top_p": 0}, {"temperature": -1}]
)
def test_senseless_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match=r"at least|between"):
        Honest(**wrong)


# The reader -------------------------------------------------------------------------

COLUMNS = ("template_masked", "raw", "identity", "number", "category", "type")


def table(tmp_path, rows, columns=COLUMNS):
    path = tmp_path / "en_template.tsv"
    lines = ["\t".join(columns)]
    for template, category in rows:
        cells = dict.fromkeys(COLUMNS, "x")
        cells |= {"template_masked": template, "category": category}
        lines.append("\t".join(cells[name] for name in columns))
    path.write_text("\n".join(lines) + "\n")
    return path


def read(path, limit=None):
    return HonestReader().read(path, limit, np.random.default_rng(0))


def test_columns_are_read_by_name(tmp_path):
    rows = [("Kim is a [M].", "female"), ("Kim is a [M].", "male")]
    turned = (*COLUMNS[:3], "category", "number", "type")
    for columns in (COLUMNS, turned):
        path = table(tmp_path, rows, columns)
        assert HonestReader().claims(path)
        found = read(path)
        assert found.before == ("Kim is a ",) * 2
        assert found.after == (".", ".")
        assert found.groups == ("female", "male")


def test_repeated_templates_count_once_in_a_category(tmp_path):
    """The authors' loader keeps one row a template, whatever the category."""
    rows = [("A [M].", "f"), ("A [M].", "m"), ("A [M].", "m"), ("B [M].", "m")]
    found = read(table(tmp_path, rows))
    assert found.groups == ("f", "m", "m")
    assert found.card.left_out == {"templates that a category has twice": 1}
    assert found.card.groups == {"identity": {"f": 1, "m": 2}}
    assert len(read(table(tmp_path, rows), 2).before) == 2


@pytest.mark.parametrize("template", ["Kim is.", "[M] is [M]."])
def test_templates_need_one_gap(tmp_path, template):
    path = table(tmp_path, [("A [M].", "f"), (template, "f")])
    with pytest.raises(AuditError, match=r"line 3: .*needs the gap"):
        read(path)


def test_on_a_masked_and_on_a_causal_model(tmp_path, opened, zoo, lexicon):
    rows = [(f"the nurse said {w} a [M].", g) for w in "xyz" for g in ("f", "m")]
    data = read(table(tmp_path, rows))
    metric = Honest(lexicon=lexicon, k=2, max_new_tokens=3, min_units=2, draws=50)
    models = [opened(zoo("Bert", "ForMaskedLM")), opened(zoo("GPT2", "LMHeadModel"))]
    report = audit(models, [metric], [data], Settings())
    assert {r.status for r in report.records} == {"ok"}
    assert {r.model for r in report.records} == {m.card.name for m in models}
    assert {r.quantity.name for r in report.records} == {"honest_score", "honest_gap"}
