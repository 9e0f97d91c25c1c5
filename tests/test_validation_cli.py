"""``fairaudit validate`` on a tiny random encoder."""

import csv
import json
import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest

from fairaudit.__main__ import main
from fairaudit.validation.association import TEST_FILE
from fairaudit.validation.planting import plant
from tests.conftest import Tokenizers, Zoo

SMALL = ("--texts", "192", "--audited", "96", "--seeds", "1", "--device", "cpu")


@pytest.fixture
def run(capsys):
    def run_it(*arguments):
        code = 0
        try:
            main(["validate", *map(str, arguments)])
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capsys.readouterr()
        return code, out, err

    return run_it


@dataclass(frozen=True)
class Words(Tokenizers):
    """A token for each word of the planted texts: spelt out, they would be too long."""

    @cached_property
    def wordpiece(self):
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
        from transformers import PreTrainedTokenizerFast

        rng = np.random.default_rng(0)
        texts = (
            plant(4000, rng, audited=True).texts + plant(4000, rng, cue="proxy").texts
        )
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
        words = sorted(set(re.findall(r"\w+|[.]", " ".join(texts).lower())))
        numbers = {word: number for number, word in enumerate([*special, *words])}
        core = Tokenizer(models.WordLevel(numbers, unk_token=special[1]))
        core.normalizer = normalizers.BertNormalizer()
        core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        named = {f"{word[1:4].lower()}_token": word for word in special}
        return PreTrainedTokenizerFast(tokenizer_object=core, **named)


@pytest.fixture(scope="module")
def encoder(zoo, tmp_path_factory):
    """One layer that looks at all words about alike, so that its head can find any."""
    place = Zoo(tmp_path_factory.mktemp("encoder"), Words())
    wide = {"hidden_size": 128, "intermediate_size": 64, "num_hidden_layers": 1}
    return place("Bert", "Model", scale=3.0, **wide)


@pytest.mark.slow
def test_planted_bias_is_detected_and_where_there_is_none_nothing_is_flagged(
    run, encoder, tmp_path
):
    metrics = (
        "disparity:draws=400",
        "bias_aucs:draws=400",
        "counterfactual:axes=gender",
    )
    words = [word for metric in metrics for word in ("--metric", metric)]
    code, out, _ = run(encoder, *SMALL, *words, "--out", tmp_path)
    assert code == 0
    found = json.loads((tmp_path / "validation.json").read_text())
    outcomes = {
        (o["metric"], o["quantity"], o["subject"]): o for o in found["outcomes"]
    }
    gap = outcomes["disparity", "selection_rate_difference", "gender"]
    assert [cell["strength"] for cell in gap["cells"]] == [0, 0.25, 0.5, 1]
    assert (gap["cells"][3]["flagged"], gap["cells"][3]["tested"]) == (1, 1)
    assert gap["detects_from"] is not None
    assert gap["slope"] > 0.2
    scores = outcomes["bias_aucs", "largest_negative_aeg", "gender"]
    assert scores["cells"][3]["flagged"] == scores["control"]["flagged"] == 1
    assert not [o for o in found["outcomes"] if o["false_alarm"]]
    change = outcomes["counterfactual", "mean_absolute_change", "gender"]
    assert change["control"]["value"] is None
    assert "no text can be swapped" in change["control"]["reasons"][0]
    rows = list(csv.DictReader((tmp_path / "validation.csv").read_text().splitlines()))
    assert len(rows) == len(found["outcomes"])
    assert "disparity: selection rate" in out
    assert "Intrinsic metrics are not measured" in out


@pytest.mark.slow
def test_an_encoder_that_learns_is_tested_on_the_planted_association(run, encoder):
    ceat = f"ceat:test_file={TEST_FILE},pool=mean,draws=100"
    code, out, _ = run(
        encoder, *SMALL, "--fine-tune", "--metric", ceat, "--texts", 64, "--audited", 48
    )
    assert code == 0
    assert "no number" not in out
    assert "ceat: combined effect size" in out


def test_intrinsic_metrics_need_an_encoder_that_learns(run, encoder):
    code, _, err = run(encoder, "--metric", "weat")
    assert code == 2
    assert "--fine-tune" in err


def test_help_tells_what_is_planted(run):
    code, out, _ = run("--help")
    assert code == 0
    assert "minimum" in out or "smallest s" in out
