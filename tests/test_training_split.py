"""No text and no cluster on both sides of a split."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairaudit.errors import AuditError
from fairaudit.recipe import Recipe, part, select
from tests.test_training import RECIPE, notes


def hanging(seed, n=120, texts=40, authors=30):
    """Rows of which many have a text or an author in common."""
    rng = np.random.default_rng(seed)
    data = notes(n)
    return replace(
        data,
        texts=tuple(f"note {i}" for i in rng.integers(0, texts, n)),
        clusters=rng.integers(0, authors, n) + np.arange(n) // 4 * 100,
    )


def sides(data, *parts):
    texts = [{data.texts[row] for row in rows} for rows in parts]
    authors = [set(data.clusters[rows].tolist()) for rows in parts]
    return texts, authors


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.sampled_from([0.1, 0.2, 0.5]))
def test_no_text_and_no_cluster_is_on_two_sides(seed, share):
    data = hanging(seed, texts=400)
    recipe = Recipe(held_out=share, patience=2, validation=0.2, seed=seed)
    rows = select(data, recipe)
    parts = (rows.train, rows.validation, rows.held_out)
    assert sorted(np.concatenate(parts)) == list(range(120))
    assert all(len(part) for part in parts)
    for found in sides(data, *parts):
        assert not found[0] & found[1] | found[0] & found[2] | found[1] & found[2]


def test_equal_texts_stay_together_without_clusters():
    data = notes(80)
    data = replace(data, texts=data.texts[:40] * 2)
    rows = select(data, RECIPE)
    train = {data.texts[row] for row in rows.train}
    held_out = {data.texts[row] for row in rows.held_out}
    assert not train & held_out
    assert rows.blocks == len(set(data.texts))


def test_without_patience_no_row_is_spent_on_validation():
    assert len(select(notes(80), RECIPE).validation) == 0
    rows = select(notes(80), replace(RECIPE, patience=1, validation=0.25))
    held = np.bincount(rows.classes[rows.validation])
    # A quarter of the 60 rows that are not held out, by class.
    assert held.tolist() == [8, 8]


def test_a_class_that_hangs_together_cannot_be_split():
    data = notes(80)
    clusters = np.where(data.labels == 1, -1, np.arange(80))
    with pytest.raises(AuditError, match="'positive' is left to learn from"):
        select(replace(data, clusters=clusters), RECIPE)


def test_the_fingerprint_tells_rows_and_division_apart():
    data = notes(80)
    base = select(data, RECIPE).fingerprint
    assert select(data, RECIPE).fingerprint == base
    others = [
        select(data, replace(RECIPE, seed=1)),
        select(replace(data, labels=1 - data.labels), RECIPE),
        select(replace(data, texts=(*data.texts[:-1], "another")), RECIPE),
        select(replace(data, clusters=np.arange(80) // 2), RECIPE),
    ]
    assert len({base, *(rows.fingerprint for rows in others)}) == 5


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000))
def test_audited_and_learnt_rows_share_no_text_and_no_cluster(seed):
    data = hanging(seed, texts=400)
    data = replace(data, labels=np.where(np.arange(120) < 8, -1, data.labels))
    learning, audited = part(data, 0.2, seed)
    assert len(learning.texts) + len(audited.texts) == 120
    assert 0 < len(audited.texts) <= 40
    assert not set(learning.texts) & set(audited.texts)
    assert not set(learning.clusters.tolist()) & set(audited.clusters.tolist())


def test_parts_carry_their_groups_ids_and_counts():
    data = notes(80)
    data = replace(data, ids=tuple(f"row-{i}" for i in range(80)))
    learning, audited = part(data, 0.25, 3)
    for found in (learning, audited):
        rows = [int(name.partition("-")[2]) for name in found.ids]
        assert found.texts == tuple(data.texts[row] for row in rows)
        assert (found.labels == data.labels[rows]).all()
        for mine, group in zip(found.groups, data.groups, strict=True):
            assert (mine.member == group.member[rows]).all()
            assert (mine.known == group.known[rows]).all()
            n = int((mine.member & mine.known).sum())
            assert found.card.groups["gender"][mine.name] == n
        assert found.card.n == len(rows)
    assert audited.card.left_out == {"learnt from": learning.card.n}
    assert learning.card.left_out == {"kept for the audit": audited.card.n}
    assert sorted((*learning.ids, *audited.ids)) == sorted(data.ids)


def test_rows_that_all_hang_together_cannot_be_parted():
    data = replace(notes(40), clusters=np.zeros(40, dtype=np.int64))
    with pytest.raises(AuditError, match="--train-data"):
        part(data, 0.2, 0)
