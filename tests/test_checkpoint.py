import json
import shutil
import subprocess
import sys

import pytest

from fairaudit.errors import AuditError
from fairaudit.model import Ask, Predict
from fairaudit.models import ModelOptions
from fairaudit.models.checkpoint import TRAINING_CARD, open_checkpoint
from fairaudit.models.hf import HuggingFaceLoader

OPTIONS = ModelOptions(device="cpu")
TEXTS = ("the nurse said she was tired", "bad cold !")


def read(model):
    import numpy as np

    (answer,) = model.read(TEXTS, [Ask(Predict(TEXTS), np.arange(2))])
    return answer["probabilities"]


@pytest.fixture
def copy(zoo, tmp_path):
    def make(*args, **kwargs):
        return shutil.copytree(zoo(*args, **kwargs), tmp_path / "model")

    return make


def change(path, **settings):
    config = json.loads((path / "config.json").read_text())
    config = {k: v for k, v in {**config, **settings}.items() if v is not None}
    (path / "config.json").write_text(json.dumps(config))


def tensors(path):
    from safetensors.torch import load_file

    return load_file(path / "model.safetensors")


def store(path, content):
    from safetensors.torch import save_file

    save_file(content, path / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    ("family", "head", "kind"),
    [
        ("Bert", "Model", "encoder"),
        ("Bert", "ForMaskedLM", "masked_lm"),
        ("Bert", "ForSequenceClassification", "classifier"),
        ("GPT2", "LMHeadModel", "causal_lm"),
        ("GPT2", "ForSequenceClassification", "classifier"),
        ("Roberta", "ForMaskedLM", "masked_lm"),
        ("Roberta", "ForSequenceClassification", "classifier"),
        ("DistilBert", "ForMaskedLM", "masked_lm"),
        ("DistilBert", "ForSequenceClassification", "classifier"),
        ("Albert", "ForMaskedLM", "masked_lm"),
        ("Albert", "ForSequenceClassification", "classifier"),
        ("Electra", "ForMaskedLM", "masked_lm"),
        ("Electra", "ForSequenceClassification", "classifier"),
        ("MPNet", "ForMaskedLM", "masked_lm"),
        ("MPNet", "ForSequenceClassification", "classifier"),
        ("DebertaV2", "ForMaskedLM", "masked_lm"),
        ("DebertaV2", "ForSequenceClassification", "classifier"),
    ],
)
def test_kind_from_configuration_and_tensors(zoo, family, head, kind):
    checkpoint = open_checkpoint(zoo(family, head), OPTIONS)
    assert checkpoint.kind == kind
    assert checkpoint.architecture == f"{family}{head}"
    assert len(checkpoint.embedding_fingerprint) == 64


@pytest.mark.parametrize("claim", ["ForMaskedLM", "ForSequenceClassification"])
def test_a_claimed_head_without_tensors_is_none(copy, claim):
    path = copy("Bert", "Model")
    change(path, architectures=[f"Bert{claim}"])
    model = HuggingFaceLoader().open(str(path), OPTIONS)
    assert model.checkpoint.kind == "encoder"
    assert model.checkpoint.labels == ()
    assert model.card.entry.reads == ("embed",)
    why = model.card.why_not["predict"]
    expected = {
        "ForSequenceClassification": "holds no classification head",
        "ForMaskedLM": "has no classification head",
    }
    assert expected[claim] in why
    assert model.card.why_not["sensitivity"] == why


def test_an_untied_language_model_needs_its_own_head(copy):
    path = copy("Bert", "Model")
    change(path, architectures=["BertLMHeadModel"], tie_word_embeddings=False)
    assert open_checkpoint(path, OPTIONS).kind == "encoder"


def test_labels_stand_in_the_order_of_the_output(copy):
    path = copy()
    names = {str(i): f"class {i}" for i in reversed(range(12))}
    change(path, id2label=names)
    assert open_checkpoint(path, OPTIONS).labels == tuple(
        f"class {i}" for i in range(12)
    )


def test_default_labels(copy):
    path = copy()
    change(path, id2label=None, label2id=None)
    assert open_checkpoint(path, OPTIONS).labels == ("LABEL_0", "LABEL_1")


def test_one_output_is_no_classifier_of_classes(zoo, opened):
    model = opened(zoo("Bert", num_labels=1))
    assert model.card.entry.reads == ("embed",)
    assert "regression" in model.card.why_not["predict"]


def test_a_psm_with_one_output_is_refused(zoo, opened):
    model = opened(zoo(), zoo("Bert", num_labels=1))
    assert "regression" in model.card.why_not["sensitivity"]


def test_a_psm_may_read_less_or_other_tokens(zoo, opened):
    shorter = opened(zoo(), zoo("Bert", max_position_embeddings=32))
    other = opened(zoo(), zoo("Roberta"))
    for model in (shorter, other):
        assert "sensitivity" in model.card.entry.reads
    assert not other.card.shared_embedding
    assert opened(zoo(), zoo()).card.shared_embedding


def test_a_psm_that_is_no_classifier_is_refused(zoo, opened):
    model = opened(zoo(), zoo("Bert", "ForMaskedLM"))
    assert "no classifier" in model.card.why_not["sensitivity"]


def test_fingerprint_covers_weights_tokenizer_and_configuration(copy):
    path = copy()

    def look():
        return open_checkpoint(path, OPTIONS).fingerprint

    seen = [look()]
    (path / TRAINING_CARD).write_text("{}")
    assert look() == seen[0]
    (path / "README.md").write_text("a note")
    assert look() == seen[0]
    change(path, layer_norm_eps=1e-6)
    seen.append(look())
    content = tensors(path)
    content["classifier.bias"][0] += 1
    store(path, content)
    seen.append(look())
    tokenizer = path / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace('"the"', '"teh"'))
    seen.append(look())
    assert len(set(seen)) == 4


def test_tokenizer_fingerprint_leaves_out_padding_and_truncation(copy):
    path = copy()
    before = open_checkpoint(path, OPTIONS).tokenizer_fingerprint
    file = path / "tokenizer.json"
    content = json.loads(file.read_text())
    cut = {
        "direction": "Right",
        "max_length": 9,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    file.write_text(json.dumps({**content, "truncation": cut}))
    assert open_checkpoint(path, OPTIONS).tokenizer_fingerprint == before
    content["normalizer"]["lowercase"] = False
    file.write_text(json.dumps(content))
    assert open_checkpoint(path, OPTIONS).tokenizer_fingerprint != before


def test_embedding_fingerprint_is_of_the_word_embeddings_alone(copy):
    path = copy()
    before = open_checkpoint(path, OPTIONS).embedding_fingerprint
    content = tensors(path)
    content["classifier.weight"] += 1
    content["bert.embeddings.position_embeddings.weight"] += 1
    store(path, content)
    assert open_checkpoint(path, OPTIONS).embedding_fingerprint == before
    content["bert.embeddings.word_embeddings.weight"][5, 3] += 1e-3
    store(path, content)
    assert open_checkpoint(path, OPTIONS).embedding_fingerprint != before


def test_opening_imports_no_torch(zoo):
    code = (
        "import sys\n"
        "from fairaudit.models import ModelOptions\n"
        "from fairaudit.models.hf import HuggingFaceLoader\n"
        f"model = HuggingFaceLoader().open({str(zoo())!r}, ModelOptions())\n"
        "model.card, model.checkpoint.embedding_fingerprint\n"
        "print(sorted({'torch', 'transformers', 'pandas'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def refused(path, **options):
    said = ModelOptions(device="cpu", **options)
    with pytest.raises(AuditError) as caught:
        read(HuggingFaceLoader().open(str(path), said))
    return str(caught.value)


def test_not_a_model_directory(tmp_path):
    assert "no config.json" in refused(tmp_path)


def test_a_configuration_that_is_no_json(copy):
    path = copy()
    (path / "config.json").write_text("{")
    assert "not valid JSON" in refused(path)
    (path / "config.json").write_text("[1]")
    assert "no JSON object" in refused(path)


def test_configuration_without_weights(copy):
    path = copy()
    (path / "model.safetensors").unlink()
    message = refused(path)
    assert "no weights" in message
    assert "model.safetensors" in message


def test_weights_without_tokenizer(copy):
    path = copy()
    for file in path.glob("token*"):
        file.unlink()
    assert "no tokenizer" in refused(path)


def pickle_only(path):
    import torch

    torch.save(tensors(path), path / "pytorch_model.bin")
    (path / "model.safetensors").unlink()
    return path


def test_a_pickle_is_refused_unless_allowed(copy, zoo, opened):
    path = pickle_only(copy())
    assert "--allow-pickle" in refused(path)
    allowed = opened(path, allow_pickle=True)
    assert allowed.card.entry.reads == ("embed", "predict", "gradient")
    assert read(allowed).tolist() == read(opened(zoo())).tolist()


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_an_allowed_pickle_runs_no_code(copy, tmp_path):
    import torch

    path = pickle_only(copy())
    content = torch.load(path / "pytorch_model.bin", weights_only=True)
    torch.save({**content, "x": Bomb(tmp_path / "boom")}, path / "pytorch_model.bin")
    assert "cannot be loaded" in refused(path, allow_pickle=True)
    assert not (tmp_path / "boom").exists()


def test_own_code_is_refused(copy):
    path = copy()
    change(path, auto_map={"AutoModel": "modeling_own.Own"})
    message = refused(path)
    assert "auto_map" in message
    assert "--trust-remote-code" in message


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite(copy, value):
    path = copy()
    content = tensors(path)
    content["bert.encoder.layer.1.output.dense.weight"][0, 0] = value
    store(path, content)
    message = refused(path)
    assert "bert.encoder.layer.1.output.dense.weight" in message
    assert "NaN" in message


@pytest.mark.parametrize(
    "name",
    [
        "classifier.bias",
        "bert.pooler.dense.weight",
        "bert.encoder.layer.0.attention.self.query.weight",
    ],
)
def test_missing_tensors_are_never_made_up(copy, name):
    path = copy()
    content = tensors(path)
    del content[name]
    store(path, content)
    message = refused(path)
    assert name in message
    assert "random" in message


def test_a_tensor_of_another_shape(copy):
    import torch

    path = copy()
    store(path, {**tensors(path), "classifier.weight": torch.ones(3, 16)})
    assert refused(path).startswith(str(path))


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 40, b"\x01" + bytes(7) + b"3", b"not safetensors"]
)
def test_unreadable_safetensors(copy, content):
    path = copy()
    (path / "model.safetensors").write_bytes(content)
    assert "not a readable safetensors file" in refused(path)


def test_cut_off_safetensors(copy):
    path = copy()
    file = path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    assert "cannot be loaded" in refused(path)


def test_a_hub_id_needs_the_network(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "--allow-network" in refused("some-owner/some-model")


def test_an_unknown_device(copy):
    with pytest.raises(AuditError, match="--device cpu or auto"):
        read(HuggingFaceLoader().open(str(copy()), ModelOptions(device="nonsense")))
