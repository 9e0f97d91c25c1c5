"""Seeded generation: the distribution, and independence of batches."""

import numpy as np
import pytest
import torch

from fairaudit.model.generation import CUT, EMPTY, ENDED, FULL, Generate, texts_of
from fairaudit.models.generation import Gumbel, Writer, batches

PROMPTS = (
    "the nurse said",
    "a patient",
    "good food and a good day make",
    "she is",
)


@pytest.fixture(scope="module")
def writer(zoo):
    import transformers

    path = zoo("GPT2", "LMHeadModel", scale=2.0)
    network = transformers.AutoModelForCausalLM.from_pretrained(path).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    tokenizer.pad_token = tokenizer.eos_token
    return Writer(network, tokenizer, 64, int(tokenizer.bos_token_id))


def test_noise_draws_from_the_distribution():
    scores = torch.log(torch.tensor([[0.5, 0.3, 0.2]])).repeat(4000, 1)
    drawn = Gumbel(range(4000))(torch.empty(0), scores).argmax(-1)
    share = np.bincount(drawn.numpy(), minlength=3) / 4000
    assert share == pytest.approx([0.5, 0.3, 0.2], abs=0.03)


def test_a_row_does_not_depend_on_the_others(writer):
    request = Generate(PROMPTS * 2, (0,) * 4 + (1,) * 4, max_new_tokens=8)
    together = texts_of(writer.answer(request))
    alone = [texts_of(writer.answer(request.take([row])))[0] for row in range(8)]
    assert list(together) == alone
    assert together[:4] != together[4:]


def test_order_does_not_matter(writer):
    request = Generate(PROMPTS, (0,) * 4, max_new_tokens=6)
    turned = request.take([3, 1, 0, 2])
    found, other = texts_of(writer.answer(request)), texts_of(writer.answer(turned))
    assert [found[i] for i in (3, 1, 0, 2)] == list(other)


def test_temperature_zero_is_greedy(writer):
    request = Generate(PROMPTS[:1], (0,), max_new_tokens=5, temperature=0.0)
    again = Generate(PROMPTS[:1], (7,), max_new_tokens=5, temperature=0.0, seed=9)
    ids = writer.tokenizer(PROMPTS[0], return_tensors="pt")["input_ids"]
    for _ in range(5):
        logits = writer.network(ids).logits[:, -1]
        ids = torch.cat([ids, logits.argmax(-1, keepdim=True)], dim=1)
    new = ids[0, -5:].tolist()
    expected = writer.tokenizer.decode(new, skip_special_tokens=True)
    assert texts_of(writer.answer(request)) == texts_of(writer.answer(again))
    assert texts_of(writer.answer(request))[0] == expected


def test_a_prompt_that_fills_the_window_is_a_state(writer):
    long = "good " * 80
    answer = writer.answer(Generate((long, "she is"), (0, 0), max_new_tokens=4))
    assert answer["state"][0] == FULL
    assert answer["state"][1] in {CUT, ENDED, EMPTY}
    assert texts_of(answer)[0] == ""


def test_a_prompt_near_the_window_gets_the_room_that_is_left(writer):
    ids = len(writer.tokenizer("good day " * 6)["input_ids"])
    near = "good day " * (6 * 60 // ids)
    length = len(writer.tokenizer(near)["input_ids"])
    answer = writer.answer(Generate((near,), (0,), max_new_tokens=50))
    assert answer["tokens"][0] <= 64 - length


def test_an_end_at_once_is_a_state_and_not_a_zero(writer, monkeypatch):
    monkeypatch.setattr(writer.network.generation_config, "eos_token_id", None)

    def end(**inputs):
        rows = inputs["input_ids"]
        stop = torch.full((len(rows), 1), writer.tokenizer.eos_token_id)
        return torch.cat([rows, stop], dim=1)

    monkeypatch.setattr(writer.network, "generate", end)
    answer = writer.answer(Generate(PROMPTS[:2], (0, 0)))
    assert answer["state"].tolist() == [EMPTY, EMPTY]
    assert answer["tokens"].tolist() == [0, 0]


def test_batches_hold_rows_of_equal_room():
    room = np.array([5, 5, 2, 0, 5])
    found = list(batches([3, 9, 60, 70, 4], room))
    assert [sorted(rows) for rows in found] == [[0, 1, 4], [2]]


def test_keys_tell_samples_and_settings_apart():
    one, other = Generate(("a",), (0,)), Generate(("a",), (1,))
    assert one.row_keys() != other.row_keys()
    assert one.settings != Generate(("a",), (0,), seed=1).settings
    assert one.settings != Generate(("a",), (0,), top_p=0.5).settings
