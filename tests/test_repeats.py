"""Rows that are there twice, and rows that a model learnt from."""

import io
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairaudit.data import Contexts, Counterparts, Data
from fairaudit.data.passages import digests, normal
from fairaudit.engine import Settings, audit
from fairaudit.merging import merge
from fairaudit.model import TrainingTexts
from fairaudit.models.checkpoint import TRAINING_CARD
from fairaudit.models.trained import TRAINING_TEXTS, file_hash, training_texts
from fairaudit.recipe import Recipe, select
from fairaudit.repeats import NO_CARD, UNKNOWN, repeats
from fairaudit.report.datachecks import REPEATS, RULE, check_lines, share
from fairaudit.report.html import HtmlWriter
from fairaudit.report.schema import dump, load
from fairaudit.report.terminal import TerminalWriter
from fairaudit.result import DataCheck, DatasetEntry
from fairaudit.training import fine_tune
from tests.fakes import Fake, FakeModel, contexts, examples
from tests.test_agreement import report
from tests.test_report_html import Page
from tests.test_training import notes

CARD = FakeModel().card


def by_name(data, *cards):
    return {(c.name, c.model): c for c in repeats(cards, [data])}


def labelled(rows):
    texts, labels = zip(*rows, strict=True)
    return replace(examples(texts), labels=np.array(labels), label_names=("no", "yes"))


def trained_on(*texts):
    return replace(CARD, training=TrainingTexts(digests=np.unique(digests(texts))))


def test_rows_of_one_text_are_counted_whatever_case_and_space():
    data = labelled(
        [
            ("A b", 0),
            ("a  B\n", 1),
            ("a b.", 0),
            ("c", 1),
            ("c", 1),
            ("d", -1),
            ("D", 1),
        ]
    )
    found = by_name(data)
    repeated, contradictory = found["repeated", ""], found["contradictory", ""]
    assert (repeated.count, repeated.n) == (6, 7)
    assert repeated.note == "3 different texts"
    # "d" has no label and contradicts nothing.
    assert (contradictory.count, contradictory.n) == (2, 6)


ROWS = st.lists(
    st.tuples(st.sampled_from(["a", "A", " a", "b c", "b\tC", "ß", "SS", "", "é"]),
              st.integers(-1, 1)),
    min_size=1,
    max_size=12,
)  # fmt: skip


@given(ROWS)
def test_counts_are_those_of_comparing_all_pairs(rows):
    found = by_name(labelled(rows))
    same = [
        [(t, k) for j, (t, k) in enumerate(rows) if j != i and normal(t) == normal(u)]
        for i, (u, _) in enumerate(rows)
    ]
    assert found["repeated", ""].count == sum(map(bool, same))
    if any(label >= 0 for _, label in rows):
        differing = [
            label >= 0 and any(0 <= other != label for _, other in others)
            for (_, label), others in zip(rows, same, strict=True)
        ]
        assert found["contradictory", ""].count == sum(differing)
    else:
        assert found["contradictory", ""].reason == "the data has no labels"


def test_a_row_of_several_texts_is_repeated_where_all_are_equal():
    data = Counterparts(
        card=DatasetEntry(name="p", kind="counterparts", n=3, sha256=""),
        first=("she is in", "She is in", "she is in"),
        second=("he is in", "he is in", "he is out"),
        axis=("gender",) * 3,
        first_groups=("women",) * 3,
        second_groups=("men",) * 3,
    )
    found = by_name(data, trained_on("HE is out", "other"))
    assert found["repeated", ""].count == 2
    assert ("contradictory", "") not in found
    assert found["seen in training", "fake"].count == 1


def test_words_in_one_sentence_are_no_repeats():
    data = contexts(("the nurse sat",))
    assert isinstance(data, Contexts)
    found = by_name(data, trained_on("the nurse sat"))
    assert found["repeated", ""].count is None
    assert "a row is a word in a sentence" in found["repeated", ""].reason
    assert found["seen in training", "fake"].count == 2


def test_data_whose_texts_are_not_known_has_a_reason():
    found = by_name(
        Data(card=DatasetEntry(name="x", kind="tables", n=1, sha256="")), CARD
    )
    assert found["repeated", ""].reason == UNKNOWN
    assert found["seen in training", "fake"].count is None


def test_rows_seen_in_training_are_counted_for_the_model_and_its_companion():
    data = examples(("One text", "another", "one  text", "third"))
    psm = replace(trained_on("third"), entry=replace(CARD.entry, name="psm"))
    found = by_name(data, replace(trained_on("one text", "x"), psm=psm))
    mine, its = found["seen in training", "fake"], found["seen in training", "psm"]
    assert (mine.count, mine.n) == (2, 4)
    assert mine.note == "of 2 different texts that the fine-tuning used"
    assert its.count == 1
    assert its.note.startswith("protected-status model of fake; of 1 different")


def test_a_model_that_noted_nothing_has_a_reason():
    found = by_name(examples(("a", "b")), CARD)["seen in training", "fake"]
    assert (found.count, found.reason) == (None, NO_CARD.reason)


def test_a_check_has_a_count_or_a_reason():
    with pytest.raises(ValueError, match="either a count or a reason"):
        DataCheck(name="repeated", dataset="d")


def test_an_audit_and_a_merge_hold_the_checks():
    data = examples(("a", "A", "b", "c"))
    one = audit([FakeModel("one")], [Fake()], [data], Settings())
    known = {"model": "beef", "dtype": "float32", "torch": "1"}
    other = audit([FakeModel("other", known=known)], [Fake()], [data], Settings())
    assert [(c.name, c.model, c.count) for c in one.checks] == [
        ("repeated", "", 2),
        ("contradictory", "", 0),
        ("seen in training", "one", None),
    ]
    assert load(dump(one), "x") == one
    both = merge([one, other], {"other": "new"})
    assert [(c.name, c.model) for c in both.checks] == [
        ("repeated", ""),
        ("contradictory", ""),
        ("seen in training", "one"),
        ("seen in training", "new"),
    ]


RECIPE = Recipe(epochs=0.1, patience=1, freeze="encoder", batch_size=8, device="cpu")


@pytest.fixture(scope="module")
def lesson():
    return notes(60)


@pytest.fixture(scope="module")
def model_dir(zoo, lesson, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "classifier"
    fine_tune(str(zoo("Bert", "Model")), lesson, RECIPE, out)
    return out


@pytest.fixture
def copied(model_dir, tmp_path):
    """Copy the card and the digests, which a test may spoil."""
    for name in (TRAINING_CARD, TRAINING_TEXTS):
        (tmp_path / name).write_bytes((model_dir / name).read_bytes())
    return tmp_path


def card_of(path):
    return json.loads((path / TRAINING_CARD).read_text())


def spoil(path, content):
    """Put something else into the file, with its hash in the card."""
    (path / TRAINING_TEXTS).write_bytes(content)
    said = {**card_of(path)["texts"], "sha256": file_hash(path / TRAINING_TEXTS)}
    return training_texts(path, {"texts": said})


def test_a_trained_model_knows_what_it_learnt_from(model_dir, lesson, opened):
    rows = select(lesson, RECIPE)
    model = opened(model_dir)
    (found,) = (
        c for c in repeats([model.card], [lesson]) if c.name == "seen in training"
    )
    used = {*rows.train.tolist(), *rows.validation.tolist()}
    assert found.count == len(used) == 60 - len(rows.held_out)
    held_out = lesson.take(rows.held_out)
    assert by_name(held_out, model.card)["seen in training", "classifier"].count == 0


def test_the_card_names_the_file_its_hash_and_the_rule(model_dir, lesson):
    said, rows = card_of(model_dir)["texts"], select(lesson, RECIPE)
    stored = np.load(model_dir / TRAINING_TEXTS, allow_pickle=False)
    used = np.concatenate([rows.train, rows.validation])
    assert said["n"] == len(stored) == len({normal(rows.texts[row]) for row in used})
    assert said["sha256"] == file_hash(model_dir / TRAINING_TEXTS)
    assert np.all(stored[1:] > stored[:-1])
    assert "case folded" in said["rule"]
    assert (model_dir / TRAINING_TEXTS).stat().st_size == 128 + 8 * len(stored)


def test_the_digests_do_not_change_what_the_model_is(model_dir, opened):
    before = opened(model_dir).checkpoint.fingerprint
    (model_dir / TRAINING_TEXTS).rename(model_dir / "aside.npy")
    try:
        assert opened(model_dir).checkpoint.fingerprint == before
    finally:
        (model_dir / "aside.npy").rename(model_dir / TRAINING_TEXTS)


def test_a_card_without_digests_gives_a_reason(copied):
    card = {k: v for k, v in card_of(copied).items() if k != "texts"}
    assert "no digests of texts" in training_texts(copied, card).reason
    assert training_texts(copied, {}) is None


def test_a_file_that_is_missing_or_another_gives_a_reason(copied):
    card = card_of(copied)
    assert training_texts(copied, card).digests is not None
    np.save(copied / TRAINING_TEXTS, digests(["else"]))
    assert "has not the hash" in training_texts(copied, card).reason
    (copied / TRAINING_TEXTS).unlink()
    assert "is missing" in training_texts(copied, card).reason


def saved(array, **more):
    file = io.BytesIO()
    np.save(file, array, **more)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "cannot be read"),
        (b"no array", "cannot be read"),
        (pickle.dumps({"a": 1}), "cannot be read"),
        (saved(np.array([{}], dtype=object), allow_pickle=True), "cannot be read"),
        (saved(np.arange(9, dtype="<u8"))[:-8], "cannot be read"),
        (
            saved(np.arange(9, dtype="<u8")).replace(
                b"(9,)", b"(9" + b"0" * 12 + b",)"
            ),
            "cannot be read",
        ),
        (saved(np.arange(9.0)), "holds no digests"),
        (saved(np.zeros((3, 3), dtype="<u8")), "holds no digests"),
    ],
)
def test_a_file_with_something_else_in_it_gives_a_reason(copied, content, told):
    found = spoil(copied, content)
    assert found.digests is None
    assert told in found.reason


def checked(*checks):
    entry = DatasetEntry(name="d", kind="examples", n=9, sha256="")
    return replace(report(), datasets=(entry,), checks=checks)


SEEN = DataCheck(name="seen in training", dataset="d", model="m", count=2, n=8)
CLEAR = DataCheck(name="repeated", dataset="d", count=0, n=8)
OPEN = DataCheck(name="seen in training", dataset="d", model="x", reason="no card")


def test_the_terminal_tells_what_was_found():
    found = checked(SEEN, CLEAR, OPEN)
    (line,) = check_lines(found)
    assert line == f"- d, m: 2 rows of 8 (25.0%): {REPEATS['seen in training']}"
    assert line in " ".join(TerminalWriter().render(found).split())
    assert check_lines(checked(CLEAR, OPEN)) == []


def test_the_page_tells_counts_reasons_and_what_was_not_looked_for():
    page = HtmlWriter().render(checked(SEEN, CLEAR, OPEN))
    assert RULE in page
    assert "Near-duplicates are not looked for" in page
    assert "25.0%" in page
    assert "no card" in page
    assert share(OPEN) == ""
    assert share(CLEAR) == "0.0%"


@pytest.mark.parametrize("payload", ["<script>x</script>", "\x1b[31m", "\u202e<b>"])
def test_hostile_names_do_nothing(payload):
    found = checked(
        replace(SEEN, dataset=payload, model=payload, note=payload),
        replace(OPEN, dataset=payload, model=payload, note=payload, reason=payload),
    )
    page = Page(text := HtmlWriter().render(found))
    assert (page.open, page.wrong) == ([], [])
    assert "<script>x" not in text
    told = text + TerminalWriter().render(found)
    assert "\x1b" not in told
    assert "\u202e" not in told
