import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fairaudit import cache as module
from fairaudit.cache import Cache, default_directory, row_keys, take
from fairaudit.errors import AuditError
from fairaudit.model import Embed, Predict, Sensitivity
from fairaudit.reading import read
from tests.fakes import FakeModel, expected

ROOT = Path(__file__).parents[1]
TEXTS = tuple(f"text {'very ' * (i % 5)}number {i}" for i in range(40))
SPANS = ((0, 4),) * len(TEXTS)
REQUESTS = (Predict(TEXTS), Sensitivity(TEXTS[:9]), Embed(TEXTS, SPANS))
WHO = {"model": "f00d", "dtype": "float32", "torch": "1"}


def same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
        assert first[name].dtype == second[name].dtype


def run(model, directory, requests=REQUESTS, tokens=30):
    answers, cost = read(model, requests, Cache(directory), tokens)
    for request, answer in zip(requests, answers, strict=True):
        same(answer, expected(request))
    return cost


def shards(directory):
    return sorted(Path(directory).rglob("*.safetensors"))


def held(directory, request, who=WHO):
    """Return the rows of a request that a cache holds, each checked."""
    shelf = Cache(directory).shelf(request, who)
    rows = []
    for at, found in shelf.find(row_keys(request)):
        same(found, expected(request.take(at.tolist())))
        rows += at.tolist()
    return sorted(rows)


DTYPES = st.sampled_from([np.float32, np.float64, np.int32, np.int64, np.bool_])


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_plain_and_ragged_readings_come_back_as_they_were(tmp_path_factory, data):
    n = data.draw(st.integers(1, 8))
    request = Sensitivity(tuple(f"t{i}" for i in range(n)))
    lengths = data.draw(hnp.arrays(np.int64, n, elements=st.integers(0, 4)))
    reading = {
        "lengths": lengths,
        "wide": data.draw(hnp.arrays(data.draw(DTYPES), (n, 2))),
        "plain": data.draw(hnp.arrays(data.draw(DTYPES), n)),
        "contribution": data.draw(hnp.arrays(np.float32, int(lengths.sum()))),
        "start": data.draw(hnp.arrays(np.int32, int(lengths.sum()))),
        "end": data.draw(hnp.arrays(np.int32, int(lengths.sum()))),
    }
    cache, keys = Cache(tmp_path_factory.mktemp("c")), row_keys(request)
    shelf = cache.shelf(request, WHO)
    at = data.draw(st.integers(0, n))
    for rows in (np.arange(at), np.arange(at, n)):
        shelf.add(keys[rows], take(reading, rows, request.ragged))
        if data.draw(st.booleans()):
            shelf.flush()
    shelf.flush()
    wanted = data.draw(st.permutations(range(n)))
    found = list(cache.shelf(request, WHO).find(keys[wanted]))
    assert sorted(row for rows, _ in found for row in rows) == list(range(n))
    for rows, part in found:
        same(part, take(reading, np.array(wanted)[rows], request.ragged))


ROWS = Embed(("a text", "a text", "another"), ((0, 1), (2, 6), (0, 1)))


def test_row_keys_differ_by_text_and_by_row_settings():
    assert len(set(row_keys(ROWS).tolist())) == 3
    assert row_keys(ROWS)[0] == row_keys(Embed(("a text",), ((0, 1),), layer=3))[0]


@given(st.lists(st.text(st.characters()), unique=True, max_size=9))
def test_row_keys_are_equal_exactly_for_equal_texts(texts):
    keys = [bytes(key) for key in row_keys(Predict((*texts, *texts)))]
    assert keys[: len(texts)] == keys[len(texts) :]
    assert len(set(keys)) == len(texts)


def test_shelves_differ_by_request_settings_and_by_all_that_names_the_model():
    cache = Cache(Path("c"))
    requests = (
        ROWS,
        replace(ROWS, layer=0),
        replace(ROWS, pool="mean"),
        Predict(ROWS.texts),
        Sensitivity(ROWS.texts),
    )
    others = [{**WHO, key: "another"} for key in WHO]
    more = [{**WHO, "psm": "beef"}, {**WHO, "transformers": "6"}]
    places = [cache.shelf(request, WHO).place for request in requests]
    places += [cache.shelf(ROWS, who).place for who in (*others, *more)]
    assert len(set(places)) == len(requests) + len(others) + len(more)
    assert cache.shelf(ROWS, dict(reversed(WHO.items()))).place == places[0]
    assert cache.shelf(ROWS.take([1]), WHO).place == places[0]


@pytest.mark.parametrize("key", [*WHO, "transformers"])
def test_another_model_dtype_or_version_reads_afresh(tmp_path, key):
    run(FakeModel(), tmp_path)
    model = FakeModel(known={**WHO, key: "another"})
    run(model, tmp_path)
    assert set(model.seen) == set(TEXTS)


def test_an_unchanged_rerun_asks_nothing_of_the_model(tmp_path):
    run(FakeModel(), tmp_path)
    before = shards(tmp_path)
    model = FakeModel()
    cost = run(model, tmp_path)
    assert (model.counted, model.batches) == (0, [])
    assert (cost.forward_passes, cost.tokens, cost.unique_texts) == (0, 0, len(TEXTS))
    assert shards(tmp_path) == before


def test_without_a_directory_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(FakeModel(), None)
    assert list(tmp_path.iterdir()) == []


def flip(content):
    return content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]


DAMAGES = {
    "emptied": lambda _content: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "overwritten": lambda content: b"\xff" * len(content),
    "one bit flipped": flip,
    "another file": lambda _content: b"not a shard",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_shard_is_ignored_and_its_rows_are_read_again(tmp_path, damage):
    request = Predict(TEXTS)
    run(FakeModel(), tmp_path, [Predict(TEXTS[:10])])
    (spoilt,) = shards(tmp_path)
    run(FakeModel(), tmp_path, [request])
    spoilt.write_bytes(DAMAGES[damage](spoilt.read_bytes()))
    assert held(tmp_path, request) == list(range(10, len(TEXTS)))
    model = FakeModel()
    run(model, tmp_path, [request])
    assert set(model.seen) == set(TEXTS[:10])
    assert held(tmp_path, request) == list(range(len(TEXTS)))


def test_an_interrupt_leaves_what_was_read_on_disk(tmp_path):
    stopped = FakeModel(fail_at=3)
    with pytest.raises(KeyboardInterrupt):
        run(stopped, tmp_path)
    model = FakeModel()
    run(model, tmp_path)
    assert len(stopped.seen) > 3
    assert set(model.seen) == set(TEXTS) - set(stopped.seen)


def test_an_interrupt_while_a_shard_is_written_loses_no_row(tmp_path, monkeypatch):
    shelf = Cache(tmp_path).shelf(Predict(TEXTS), WHO)
    shelf.add(row_keys(Predict(TEXTS)), expected(Predict(TEXTS)))

    def interrupt(_handle):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            shelf.flush()
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    shelf.flush()
    assert held(tmp_path, Predict(TEXTS)) == list(range(len(TEXTS)))


@pytest.mark.parametrize("setting", ["_SHARD_BYTES", "_SECONDS"])
def test_rows_reach_the_disk_while_reading_when_many_or_long_wait(
    tmp_path, monkeypatch, setting
):
    monkeypatch.setattr(module, setting, -1)
    counts = []
    model = FakeModel(before=lambda _number: counts.append(len(shards(tmp_path))))
    run(model, tmp_path, [Predict(TEXTS)])
    assert counts == list(range(len(model.batches)))
    run(FakeModel(fail_at=0), tmp_path, [Predict(TEXTS)])


READER = f"""
import sys
from pathlib import Path
from fairaudit import cache
from fairaudit.model import Embed, Predict, Sensitivity, Slope
from fairaudit.reading import read
from tests.fakes import FakeModel

cache._SHARD_BYTES = 1
directory, last = Path(sys.argv[1]), int(sys.argv[2])

def before(number):
    if number == last:
        print("here", flush=True)
        sys.stdin.read()

read(FakeModel(before=before), {REQUESTS!r}, cache.Cache(directory), 30)
"""


def start(directory, last):
    return subprocess.Popen(
        [sys.executable, "-c", READER, str(directory), str(last)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), "metrics"])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def test_a_killed_run_leaves_a_cache_that_the_next_run_completes(tmp_path):
    with start(tmp_path, last=4) as process:
        assert process.stdout.readline() == b"here\n"
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    reference = FakeModel()
    run(reference, None)
    done = {text for batch in reference.batches[:4] for text in batch}
    (tmp_path / "readings").joinpath("half").mkdir()
    model = FakeModel()
    run(model, tmp_path)
    assert set(model.seen) == set(TEXTS) - done
    last = FakeModel()
    run(last, tmp_path)
    assert last.batches == []


def test_a_part_left_by_a_kill_while_writing_is_no_shard(tmp_path):
    run(FakeModel(), tmp_path, [Predict(TEXTS)])
    (shard,) = shards(tmp_path)
    shard.rename(shard.with_name(".part-abc"))
    model = FakeModel()
    run(model, tmp_path, [Predict(TEXTS)])
    assert set(model.seen) == set(TEXTS)


def test_two_processes_that_write_one_shelf_lose_nothing(tmp_path):
    both = [start(tmp_path, last=2) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == b"here\n"
    for process in both:
        process.communicate(b"")
        assert process.returncode == 0
    for request in REQUESTS:
        assert held(tmp_path, request) == list(range(len(request.texts)))
    model = FakeModel()
    run(model, tmp_path)
    assert model.seen == Counter()


def test_a_cache_that_cannot_be_written_says_so_before_anything_is_read(tmp_path):
    place = tmp_path / "file"
    place.write_text("not a directory")
    model = FakeModel()
    with pytest.raises(AuditError, match=r"cannot be written .*--cache.*--no-cache"):
        run(model, place)
    assert (model.counted, model.batches) == (0, [])


def test_a_full_disk_says_so(tmp_path, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    model = FakeModel(before=lambda _n: monkeypatch.setattr(module.os, "fsync", full))
    with pytest.raises(AuditError, match="No space left on device"):
        run(model, tmp_path, tokens=10_000)
    assert list(tmp_path.rglob(".part-*")) == []


def test_the_manifest_says_what_a_shelf_holds(tmp_path):
    run(FakeModel(), tmp_path, [replace(REQUESTS[2], layer=-2)])
    (path,) = tmp_path.rglob("manifest.json")
    text = path.read_text(encoding="utf-8")
    assert '"request.layer": "-2"' in text
    assert '"identity.model": "f00d"' in text


def test_the_default_directory_follows_the_environment(monkeypatch):
    monkeypatch.setenv("FAIRAUDIT_CACHE", "/here")
    assert default_directory() == Path("/here")
    monkeypatch.delenv("FAIRAUDIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/there")
    assert default_directory() == Path("/there/fairaudit")


@given(data=st.data())
def test_take_gives_the_rows_in_the_order_asked_for(data):
    lengths = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=7))
    parts = [[10 * row + at for at in range(n)] for row, n in enumerate(lengths)]
    reading = {
        "lengths": np.array(lengths),
        "part": np.array(list(chain(*parts)), dtype=float),
        "plain": np.arange(len(lengths)),
    }
    rows = data.draw(st.lists(st.integers(0, len(lengths) - 1), max_size=9))
    taken = take(reading, np.array(rows, dtype=np.int64), ("part",))
    assert taken["plain"].tolist() == rows
    assert taken["lengths"].tolist() == [lengths[row] for row in rows]
    assert taken["part"].tolist() == [x for row in rows for x in parts[row]]


def test_a_row_that_two_shards_hold_is_found_once(tmp_path):
    run(FakeModel(), tmp_path, [Predict(TEXTS), Predict(TEXTS[:5])])
    assert len(shards(tmp_path)) == 2
    assert held(tmp_path, Predict(TEXTS)) == list(range(len(TEXTS)))
    assert held(tmp_path, Predict(TEXTS[:3] * 2)) == list(range(6))
