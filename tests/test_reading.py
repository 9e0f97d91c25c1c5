import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fairaudit import reading as module
from fairaudit.cache import Cache
from fairaudit.model import Embed, Predict, Sensitivity
from fairaudit.reading import Table, batches, read
from tests.fakes import FakeModel, expected

NONE = Cache(None)
TEXTS = tuple(f"text {'very ' * (i % 5)}number {i}" for i in range(23))
REQUESTS = (
    Predict(TEXTS),
    Predict(TEXTS[::-2]),
    Embed(TEXTS[:5] * 2 + TEXTS[:2], ((0, 4),) * 5 + ((2, 6),) * 5 + ((0, 4),) * 2),
    Embed(TEXTS[3:6], ((0, 4),) * 3, layer=0),
    Embed(TEXTS[3:6], ((0, 4),) * 3, pool="mean"),
    Sensitivity(("", *TEXTS[:7], "only asked here", TEXTS[0])),
)


def same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
        assert first[name].dtype == second[name].dtype


def test_each_unique_text_is_read_once_and_every_row_is_right():
    model = FakeModel()
    answers, cost = read(model, REQUESTS, NONE, batch_tokens=40)
    for request, answer in zip(REQUESTS, answers, strict=True):
        same(answer, expected(request))
    unique = {text for request in REQUESTS for text in request.texts}
    assert model.seen == dict.fromkeys(unique, 1)
    assert (cost.forward_passes, cost.unique_texts) == (25, 25)
    assert cost.tokens == sum(len(text.split()) + 2 for text in unique)
    assert model.counted == 1


def test_one_batch_serves_all_that_is_asked_about_its_texts():
    model = FakeModel()
    forward = [r for r in REQUESTS if r.kind != "sensitivity"]
    read(model, forward, NONE, batch_tokens=10_000)
    assert len(model.batches) == 1
    model = FakeModel()
    read(model, REQUESTS, NONE, batch_tokens=10_000)
    assert len(model.batches) == 2


@settings(deadline=None)
@given(
    tokens=st.integers(1, 300),
    order=st.permutations(range(len(REQUESTS))),
    kept=st.integers(1, len(REQUESTS)),
)
def test_answers_depend_on_nothing_but_the_request(tokens, order, kept):
    chosen = [REQUESTS[i] for i in order[:kept]]
    answers, _ = read(FakeModel(), chosen, NONE, tokens)
    for request, answer in zip(chosen, answers, strict=True):
        same(answer, expected(request))


@settings(deadline=None, max_examples=30)
@given(
    first=st.lists(st.sampled_from(TEXTS), max_size=12),
    second=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=12),
)
def test_a_cache_that_holds_a_part_gives_the_same_and_reads_the_rest(
    tmp_path_factory, first, second
):
    cache = Cache(tmp_path_factory.mktemp("cache"))
    kinds = (Predict, Sensitivity)
    read(FakeModel(), [kind(tuple(first)) for kind in kinds], cache, 20)
    model = FakeModel()
    asked = [kind(tuple(second)) for kind in kinds]
    answers, cost = read(model, asked, cache, 20)
    for request, answer in zip(asked, answers, strict=True):
        same(answer, expected(request))
    assert set(model.seen) == set(second) - set(first)
    assert cost.unique_texts == len(set(second))
    assert cost.forward_passes == len(model.seen)


def test_a_text_known_for_one_request_is_read_only_for_the_other(tmp_path):
    cache = Cache(tmp_path)
    read(FakeModel(), [Predict(TEXTS)], cache, 100)
    model = FakeModel()
    answers, _ = read(model, [Predict(TEXTS), Sensitivity(TEXTS[:3])], cache, 100)
    assert set(model.seen) == set(TEXTS[:3])
    same(answers[0], expected(Predict(TEXTS)))


def test_nothing_asked_reads_nothing():
    model = FakeModel()
    answers, cost = read(model, [], NONE, 100)
    assert answers == []
    assert (model.counted, cost.forward_passes) == (0, 0)


def test_progress_counts_texts_to_the_end():
    steps = []
    read(FakeModel(), REQUESTS, NONE, 40, lambda *step: steps.append(step))
    done = [step[0] for step in steps]
    assert steps[-1] == (25, 25)
    assert done == sorted(set(done))


def test_a_lone_surrogate_in_a_text_is_a_text():
    request = Predict(("\ud800", "x"))
    answers, _ = read(FakeModel(), [request], NONE, 40)
    same(answers[0], expected(request))


COUNTS = st.lists(st.integers(1, 60), max_size=80).map(
    lambda counts: np.array(counts, dtype=np.int64)
)


@given(counts=COUNTS, budget=st.integers(1, 200))
def test_batches_hold_every_index_once_within_the_budget(counts, budget):
    made = list(batches(counts, budget))
    assert sorted(itertools.chain(*made)) == list(range(len(counts)))
    for batch in made:
        assert batch
        assert len(batch) == 1 or counts[batch].max() * len(batch) <= budget


@given(counts=COUNTS, budget=st.integers(1, 200))
def test_batches_are_longest_first_and_no_larger_number_than_greed_makes(
    counts, budget
):
    made = list(batches(counts, budget))
    lengths = [int(counts[i]) for batch in made for i in batch]
    assert lengths == sorted(lengths, reverse=True)
    for batch, following in itertools.pairwise(made):
        assert counts[batch].max() * (len(batch) + 1) > budget
        assert counts[batch].min() >= counts[following].max()


def test_a_memory_mapped_answer_is_the_same(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "MEMORY_BUDGET", 100)
    answers, _ = read(FakeModel(), REQUESTS, Cache(tmp_path), 40)
    again, _ = read(FakeModel(), REQUESTS, Cache(tmp_path), 40)
    assert isinstance(answers[2]["vectors"], np.memmap)
    assert isinstance(again[2]["vectors"], np.memmap)
    assert not isinstance(answers[3]["vectors"], np.memmap)
    for request, *both in zip(REQUESTS, answers, again, strict=True):
        for answer in both:
            same(answer, expected(request))


def test_a_memory_mapping_leaves_no_file(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "MEMORY_BUDGET", 0)
    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path))
    table = Table(2, ())
    table.put(np.array([1, 0]), {"a": np.array([1.0, 2.0])})
    column = table.reading()["a"]
    assert isinstance(column, np.memmap)
    assert column.tolist() == [2.0, 1.0]
    assert list(tmp_path.iterdir()) == []


@given(data=st.data())
def test_ragged_rows_that_arrive_in_any_order_come_out_in_order(data):
    lengths = np.array(data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=9)))
    order = data.draw(st.permutations(range(len(lengths))))
    cut = data.draw(st.integers(1, len(lengths)))
    table = Table(len(lengths), ("part",))
    for begin in range(0, len(order), cut):
        rows = np.array(order[begin : begin + cut])
        flat = [10 * row + at for row in rows for at in range(lengths[row])]
        table.put(rows, {"lengths": lengths[rows], "part": np.array(flat, float)})
    reading = table.reading()
    assert reading["lengths"].tolist() == lengths.tolist()
    wanted = [10 * row + at for row, n in enumerate(lengths) for at in range(n)]
    assert reading["part"].tolist() == wanted
