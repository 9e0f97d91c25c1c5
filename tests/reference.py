"""The published codes' numbers for a tiny masked language model, and that model.

Sentences are token numbers: a text is the numbers' names, and a tokenizer of these
names alone stands in for the model's own.
"""

import json
import shutil
from functools import cache
from pathlib import Path

import numpy as np

from fairaudit.data import Pairs
from fairaudit.result import DatasetEntry

ORACLES = Path(__file__).with_name("oracles")


@cache
def oracle():
    path = ORACLES / "likelihood_tiny_bert.json"
    return json.loads(path.read_text(encoding="utf-8"))


def text(ids):
    return " ".join(f"t{number:03}" for number in ids)


def pairs(data):
    """Return the pairs of ``"cp"`` or ``"ss"``."""
    rows = oracle()[data]
    n = len(rows["more"])
    return Pairs(
        card=DatasetEntry(name=data, kind="pairs", n=n, sha256=""),
        first=tuple(map(text, rows["more"])),
        second=tuple(map(text, rows["less"])),
        categories=tuple(rows["bias_types"]),
        directions=tuple(rows.get("directions", ["stereo"] * n)),
    )


def write_model(folder):
    """Write the model with a tokenizer that reads such texts; return its folder."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    path = folder / "tiny_bert"
    shutil.copytree(ORACLES / "tiny_bert", path)
    size = json.loads((path / "config.json").read_text())["vocab_size"]
    names = {f"t{number:03}": number for number in range(size)}
    special = {f"{k}_token": f"t{n:03}" for k, n in oracle()["special"].items()}
    core = Tokenizer(models.WordLevel(names, unk_token=special["unk_token"]))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    begin, end = special["cls_token"], special["sep_token"]
    core.post_processor = TemplateProcessing(
        single=f"{begin} $A {end}",
        special_tokens=[(begin, names[begin]), (end, names[end])],
    )
    PreTrainedTokenizerFast(tokenizer_object=core, **special).save_pretrained(path)
    return path


def kaneko(name):
    """Return the scores of ``"cp_aul"`` and the like: more, less; null is NaN."""
    said = oracle()["kaneko"][name]
    columns = (said["pro_scores"], said["anti_scores"])
    return tuple(np.array(column, dtype=float) for column in columns)


def printed(name):
    """Return the shares of ``"cp_aul"`` and the like, by subject of a finding."""
    lines = oracle()["kaneko"][name]["printed"]
    said = dict(line.split(": ") for line in lines)
    said.pop("Accuracy")
    everything = {"all pairs": float(said.pop("Bias score"))}
    return everything | {f"bias type: {k}": float(v) for k, v in said.items()}
