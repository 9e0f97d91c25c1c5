"""How far the texts of audited datasets are apart, from the files to the writers."""

import csv
import json
from collections import Counter
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest

from fairaudit.__main__ import main
from fairaudit.agreement.alignment import align
from fairaudit.agreement.domains import Reading, Sample, distances, sample
from fairaudit.agreement.series import panels
from fairaudit.cache import Cache
from fairaudit.cli.domains import Asked, _dataset, domain_distances
from fairaudit.data import Counterparts, Data
from fairaudit.datasets.cards import sha256
from fairaudit.errors import AuditError
from fairaudit.report.html import HtmlWriter
from fairaudit.report.schema import dump, load
from fairaudit.report.study import NOT_MEASURED
from fairaudit.report.tabular import AgreementWriter
from fairaudit.report.terminal import TerminalWriter
from fairaudit.result import Agreement, DatasetEntry, DomainDistance, ModelEntry
from fairaudit.result.agreement import DOMAIN_RULE
from fairaudit.stats.correction import adjust
from fairaudit.stats.divergence import (
    discrepancy,
    jensen_shannon,
    vocabulary_divergence,
)
from tests.fakes import FakeModel, examples
from tests.test_agreement import EFFECT, by_group, report

NEAR = tuple(f"the nurse said word{i} was kind" for i in range(40))
ALSO = tuple(f"the nurse said word{i} was late" for i in range(20, 60))
FAR = tuple(f"stock prices of firm{i} rose sharply" for i in range(40))


def samples(**texts):
    return [Sample(name, found, len(found)) for name, found in texts.items()]


def test_a_divergence_is_that_of_the_pooled_words():
    first, second = (
        [text.split() for text in texts] for texts in (NEAR, FAR + NEAR[:5])
    )
    counts = [Counter(w for t in side for w in t) for side in (first, second)]
    found = vocabulary_divergence(first, second, 19, np.random.default_rng(0))
    assert found.value == pytest.approx(jensen_shannon(*counts), abs=1e-12)


def test_dealing_texts_of_one_vocabulary_gives_what_chance_gives():
    rng = np.random.default_rng(1)
    words = rng.choice([f"w{i}" for i in range(300)], size=(2, 60, 8))
    value, chance = [], []
    for _ in range(20):
        first, second = rng.choice(words.reshape(-1, 8), size=(2, 60))
        found = vocabulary_divergence(first, second, 29, rng)
        value.append(found.value)
        chance.append(found.chance)
    # One vocabulary, and yet well above 0: what a divergence is to be held against.
    assert np.mean(value) > 0.05
    assert np.mean(value) == pytest.approx(np.mean(chance), rel=0.1)


def test_pairs_have_both_distances_and_p_is_corrected_over_them():
    reading = Reading(encoder=FakeModel(), draws=99, seed=3)
    found = distances(samples(near=NEAR, also=ALSO, far=FAR), reading)
    assert [(d.first, d.second) for d in found] == [
        ("also", "far"),
        ("also", "near"),
        ("far", "near"),
    ]
    by_pair = {(d.first, d.second): d for d in found}
    close, apart = by_pair["also", "near"], by_pair["far", "near"]
    assert close.vocabulary < 0.5 < apart.vocabulary
    assert apart.vocabulary > 4 * apart.vocabulary_chance
    assert {d.encoder for d in found} == {"fake"}
    assert {d.n_embedded for d in found} == {(40, 40)}
    adjusted = adjust([d.embedding_p for d in found], "holm")
    assert [d.embedding_p_adjusted for d in found] == adjusted
    assert "drawn independently" in close.method


def test_the_order_of_datasets_and_what_else_there_is_do_not_matter():
    reading = Reading(encoder=FakeModel(), draws=99, seed=3)
    alone = distances(samples(far=FAR, near=NEAR), reading)[0]
    among = distances(samples(near=NEAR, also=ALSO, far=FAR), reading)[2]
    assert replace(among, embedding_p_adjusted=alone.embedding_p) == alone


def test_vectors_are_means_over_the_whole_text(zoo, opened):
    import transformers

    encoder = opened(zoo("Bert", "Model"))
    texts = ("the nurse was tired", "a good day", "the old man walked", "bad weather")
    pair = samples(a=texts[:2], b=texts[2:])
    (found,) = distances(pair, Reading(encoder=encoder, draws=49))
    path = encoder.checkpoint.path
    network = transformers.AutoModel.from_pretrained(path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    rows = []
    for text in texts:
        read = tokenizer(text, return_tensors="pt")
        states = network(**read).last_hidden_state[0, 1:-1]
        rows.append(states.mean(0).detach().numpy().astype(float))
    rng = np.random.default_rng(0)
    expected = discrepancy(np.array(rows[:2]), np.array(rows[2:]), 49, rng)
    assert found.embedding == pytest.approx(expected.value, abs=1e-5)


def test_without_an_encoder_words_alone_are_compared():
    (found,) = distances(samples(near=NEAR, far=FAR), Reading())
    assert found.embedding is None
    assert found.embedding_p_adjusted is None
    assert "--encoder" in found.reason
    assert found.vocabulary > 0.5


def test_a_model_without_vectors_of_texts_is_refused():
    model = FakeModel(reads=("predict",), why_not={"embed": "it has none"})
    with pytest.raises(AuditError, match="it has none"):
        distances(samples(near=NEAR, far=FAR), Reading(encoder=model))


def test_texts_without_a_vector_are_counted(monkeypatch):
    model = FakeModel()
    read = model.read

    def without_some(texts, asks):
        for ask, answer in zip(asks, read(texts, asks), strict=True):
            firms = np.char.find(np.array(ask.request.texts), "firm1") >= 0
            yield {"vectors": np.where(firms[:, None], np.nan, answer["vectors"])}

    monkeypatch.setattr(model, "read", lambda t, a: list(without_some(t, a)))
    (found,) = distances(samples(far=FAR, near=NEAR), Reading(encoder=model, draws=9))
    assert found.n_embedded == (29, 40)  # firm1 and firm10 to firm19 have none
    assert "(11 have no vector)" in found.method


def test_a_sample_has_each_text_once_and_depends_on_seed_and_name_alone():
    data = examples((*NEAR, *NEAR, "...", " "))
    found = sample(data, 0)
    assert sorted(found.texts) == sorted(NEAR)
    assert found.n == 40
    assert found == sample(examples(NEAR), 0)
    assert found.texts != sample(examples(NEAR), 1).texts


def test_many_texts_are_sampled_and_the_method_says_so(monkeypatch):
    monkeypatch.setattr("fairaudit.agreement.domains.READ", 10)
    pair = [
        sample(examples(texts, name), 0) for name, texts in (("a", NEAR), ("b", FAR))
    ]
    (found,) = distances(pair, Reading())
    assert found.n == (10, 10)
    assert "a seeded sample of 10 of 40 of a and 10 of 40 of b" in found.method


def test_both_texts_of_a_pair_count():
    card = DatasetEntry(name="p", kind="counterparts", n=1, sha256="")
    data = Counterparts(
        card=card,
        first=("she is here",),
        second=("he is here",),
        axis=("gender",),
        first_groups=("women",),
        second_groups=("men",),
    )
    assert set(sample(data, 0).texts) == {"she is here", "he is here"}


def test_data_without_known_or_enough_texts_is_refused():
    unknown = Data(card=DatasetEntry(name="x", kind="tables", n=1, sha256=""))
    with pytest.raises(AuditError, match=r"x is data of the kind 'tables'.*--data"):
        sample(unknown, 0)
    with pytest.raises(AuditError, match="1 different texts"):
        sample(examples(("one", "one")), 0)


def two_metrics(first="pairs", second="notes", models=4):
    """Return records of an intrinsic and an extrinsic metric, each on its dataset."""
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, models, 3))
    return [
        *(
            replace(r, dataset=first)
            for r in by_group(one, "intrinsic", "crows", EFFECT)
        ),
        *(replace(r, dataset=second) for r in by_group(other)),
    ]


def series(**datasets):
    return [panel.variance() for panel in panels(two_metrics(**datasets))]


def test_a_distance_is_information_and_no_cut():
    far = DomainDistance(first="notes", second="pairs", n=(9, 8), vocabulary=0.99)
    without, told = align(*series()), align(*series(), [far])
    assert told.vocabulary == 0.99
    assert "9 and 8 texts by words" in told.domain_note
    assert told.aligned == without.aligned is True


@pytest.mark.parametrize(
    ("datasets", "told"),
    [
        ({}, "not measured; give the datasets with --data"),
        ({"first": "built-in"}, "brings its own words along"),
        ({"first": "notes"}, "both metrics read notes"),
    ],
)
def test_why_there_is_no_distance(datasets, told):
    found = align(*series(**datasets))
    assert found.vocabulary is None
    assert told in found.domain_note


def test_a_dataset_that_was_not_given_is_named():
    known = DomainDistance(first="notes", second="other", n=(9, 8), vocabulary=0.5)
    assert "pairs not given" in align(*series(), [known]).domain_note


@pytest.fixture
def files(tmp_path):
    """Write two datasets and an audit of each model on both."""
    paths = {}
    for name, texts in (("notes", NEAR), ("pairs", FAR)):
        paths[name] = tmp_path / f"{name}.csv"
        with paths[name].open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label", "group:gender"])
            writer.writerows([t, i % 2, "women"] for i, t in enumerate(texts))
    entries = tuple(
        DatasetEntry(name=name, kind="examples", n=40, sha256=sha256([path]))
        for name, path in paths.items()
    )
    audits = []
    for name in sorted({r.model for r in two_metrics()}):
        found = report(*(r for r in two_metrics() if r.model == name))
        model = ModelEntry(name=name, path="", fingerprint=name, architecture="x")
        audits.append(tmp_path / f"{name}.json")
        whole = replace(found, models=(model,), datasets=entries)
        audits[-1].write_text(dump(whole))
    return audits, paths, tmp_path / "out"


@pytest.fixture
def agree(capsys, files):
    def run(*arguments, formats="json"):
        command = ["agree", *map(str, files[0]), "--draws", "99", "--no-cache"]
        with pytest.raises(SystemExit) as stop:
            main([*command, "--format", formats, "--out", str(files[2]), *arguments])
        return stop.value.code or 0, *capsys.readouterr()

    return run


def rows(files):
    text = (files[2] / "agreement.csv").read_text()
    return list(csv.DictReader(StringIO(text)))


def result(files):
    path = files[2] / "audit.json"
    return load(path.read_text(), path)


def test_agree_measures_the_distance_of_the_files(agree, files, zoo):
    _, paths, _ = files
    given = [f"--data={path}" for path in paths.values()]
    code, _, err = agree(*given, "--encoder", str(zoo("Bert", "Model")))
    assert code == 0, err
    (found,) = result(files).domains
    assert (found.first, found.second, found.n) == ("notes", "pairs", (40, 40))
    assert found.embedding_p == found.embedding_p_adjusted
    (pair,) = result(files).agreements
    assert pair.alignment.embedding == found.embedding
    assert pair.alignment.vocabulary == found.vocabulary > 0.5


def test_a_renamed_file_is_known_by_its_hash_or_by_the_name_given(agree, files):
    _, paths, _ = files
    other = paths["pairs"].rename(paths["pairs"].with_name("renamed.csv"))
    data = f"--data={paths['notes']}"
    assert agree(data, f"--data=pairs={other}")[0] == 0
    named = result(files).domains
    assert agree(data, f"--data=examples={other}")[0] == 0
    assert result(files).domains == named


@pytest.mark.parametrize(
    "spec", ["{p}", "pairs={p}", "examples={p}", "pairs=examples={p}"]
)
def test_a_dataset_has_the_name_that_it_has_in_the_audits(files, spec):
    entries = load(files[0][0].read_text(), "x").datasets
    data = _dataset(spec.format(p=files[1]["pairs"]), entries, 0)
    assert (data.card.name, data.texts) == ("pairs", FAR)


def test_rows_that_the_audit_did_not_read_are_told(files):
    report = load(files[0][0].read_text(), "x")
    pairs = next(entry for entry in report.datasets if entry.name == "pairs")
    entries = tuple(replace(e, n=30) if e is pairs else e for e in report.datasets)
    asked = Asked(
        data=[str(path) for path in files[1].values()],
        encoder=None,
        draws=99,
        seed=0,
        correction="holm",
        cache=Cache(None),
    )
    (found,) = domain_distances(replace(report, datasets=entries), asked)
    assert "the audit read 30 rows of pairs, here are all 40" in found.method
    assert "rows of notes" not in found.method


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--data={notes}"], "--data gives one dataset"),
        (["--data={notes}", "--data=notes={notes}"], "gives notes twice"),
        (["--encoder=somewhere"], "--encoder needs --data"),
        (["--data=pairs={notes}", "--data={notes}"], "another file than the pairs"),
        (["--data={absent}"], "no such file"),
    ],
)
def test_what_cannot_be_measured_is_refused(agree, files, given, told):
    _, paths, _ = files
    known = {**paths, "absent": "absent.csv"}
    code, _, err = agree(*(text.format(**known) for text in given))
    assert code == 2
    assert told in err


def test_another_file_of_the_name_is_refused(agree, files):
    _, paths, _ = files
    paths["pairs"].write_text(paths["notes"].read_text() + "more,0,women\n")
    code, _, err = agree(*(f"--data={path}" for path in paths.values()))
    assert code == 2
    assert "another file than the pairs that was audited (SHA-256" in err


def test_a_file_that_no_audit_is_of_is_refused(agree, files):
    other = files[1]["notes"].with_name("other.csv")
    other.write_text("text,label,group:gender\nhere,0,women\nthere,1,women\n")
    code, _, err = agree(f"--data={other}")
    assert code == 2
    assert "no audit is of a dataset of that name or hash" in err


def test_the_writers_tell_the_distance_and_that_it_is_no_cut(agree, files):
    given = [f"--data={path}" for path in files[1].values()]
    code, out, _ = agree(*given, formats="terminal,json,html,agreement")
    assert code == 0
    flat = " ".join(out.split())
    assert "notes ~ pairs: vocabulary divergence" in flat
    assert DOMAIN_RULE in flat
    (row,) = {
        (r["vocabulary_divergence"], r["embedding_discrepancy"], r["domain_note"])
        for r in rows(files)
    }
    assert float(row[0]) == result(files).domains[0].vocabulary
    assert row[1] == ""
    assert "40 and 40 texts by words; no embedding discrepancy" in row[2]
    page = (files[2] / "report.html").read_text()
    assert "1 pair of datasets" in page
    assert page.count("no published threshold") == 1


def test_without_data_the_writers_say_how_to_get_it(agree, files):
    code, out, _ = agree(formats="terminal,json,html,agreement")
    assert code == 0
    assert NOT_MEASURED in " ".join(out.split())
    assert "fairaudit agree --data NAME=PATH" in (files[2] / "report.html").read_text()
    assert result(files).domains == ()
    assert {r["domain_note"] for r in rows(files)} == {
        "not measured; give the datasets with --data NAME=PATH"
    }


@pytest.mark.parametrize(
    "payload", ["<script>x</script>", "=1+1", "\x1b[31m", "\u202e", "{{ 1 }}"]
)
def test_names_of_datasets_do_nothing_in_any_writer(payload):
    far = DomainDistance(
        first="notes",
        second=payload,
        n=(9, 8),
        vocabulary=0.9,
        encoder=payload,
        embedding=0.2,
        embedding_p=0.1,
        embedding_p_adjusted=0.1,
        method=payload,
    )
    pair = align(*series(first=payload), [far])
    found = replace(report(), domains=(far,))
    agreement = Agreement(
        first="a", second="b", families=("intrinsic", "extrinsic"), alignment=pair
    )
    found = replace(found, agreements=(agreement,))
    assert load(dump(found), "x") == found
    page = HtmlWriter().render(found)
    assert "<script>x" not in page
    assert "\x1b" not in page + TerminalWriter().render(found)
    assert "\u202e" not in page + TerminalWriter().render(found)
    cells = list(csv.DictReader(StringIO(AgreementWriter().render(found))))
    assert not any(cell.startswith("=") for row in cells for cell in row.values())
    assert json.loads(dump(found))["domains"][0]["second"] == payload
