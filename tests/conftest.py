"""Tiny random models, made once in a test session without a network."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# `make test` tries the same cases on every machine; `make fuzz` tries new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("fuzz", max_examples=500, deadline=None)
settings.load_profile(os.environ.get("FAIRAUDIT_HYPOTHESIS", "repeatable"))

SENTENCES = (
    "the nurse said she was tired and the doctor said he was late",
    "a patient called the clinic because the pain was bad",
    "the old man and the young woman walked to the market",
    "good food and a good day make a happy person",
    "bad weather and a bad cold make an unhappy person",
    "she is a kind mother , he is a kind father !",
    "reading , walking and unwanted noise were mentioned again",
)
SPLIT = {"unwanted", "walking", "unhappy", "reading", "mentioned"}
PIECES = ("un", "walk", "##want", "##happy", "##ing", "##ed")
WIDTH, LENGTH = 16, 64
SMALL = {
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "hidden_size": WIDTH,
    "intermediate_size": 2 * WIDTH,
    "max_position_embeddings": LENGTH,
}
DISTIL = {
    "n_layers": 2,
    "n_heads": 2,
    "dim": WIDTH,
    "hidden_dim": 2 * WIDTH,
    "max_position_embeddings": LENGTH,
}
GPT = {"n_layer": 2, "n_head": 2, "n_embd": WIDTH, "n_positions": LENGTH}
ALBERT = {**SMALL, "embedding_size": 8}
SHAPES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "Bert": ("wordpiece", SMALL),
    "Albert": ("wordpiece", ALBERT),
    "Electra": ("wordpiece", {**SMALL, "embedding_size": 8}),
    "DistilBert": ("wordpiece", DISTIL),
    "MPNet": ("bpe", {**SMALL, "pad_token_id": 1}),
    "DebertaV2": (
        "wordpiece",
        {
            **SMALL,
            "relative_attention": True,
            "pos_att_type": ["c2p", "p2c"],
            "position_biased_input": False,
            "type_vocab_size": 0,
        },
    ),
    "Roberta": ("bpe", {**SMALL, "pad_token_id": 1}),
    "GPT2": ("gpt", GPT),
}


@dataclass(frozen=True)
class Tokenizers:
    """Fast tokenizers made from the sentences above."""

    @cached_property
    def wordpiece(self) -> Any:
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        letters = sorted(set("".join(SENTENCES)) - {" "})
        words = sorted(set(" ".join(SENTENCES).split()) - SPLIT)
        more = [f"##{letter}" for letter in letters]
        pieces = dict.fromkeys([*special, *letters, *more, *PIECES, *words])
        vocabulary = {piece: number for number, piece in enumerate(pieces)}
        core = Tokenizer(models.WordPiece(vocabulary, **{"unk_token": special[1]}))
        core.normalizer = normalizers.BertNormalizer()
        core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        core.post_processor = _template(core, "[CLS]", "[SEP]")
        names = ("pad", "unk", "cls", "sep", "mask")
        return _fast(core, dict(zip(names, special, strict=True)))

    @cached_property
    def bpe(self) -> Any:
        special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        core = _byte_level(special)
        core.post_processor = _template(core, "<s>", "</s>")
        names = ("cls", "pad", "sep", "unk", "mask")
        found = dict(zip(names, special, strict=True))
        return _fast(core, {**found, "bos": "<s>", "eos": "</s>"})

    @cached_property
    def gpt(self) -> Any:
        core = _byte_level(["<|endoftext|>"])
        end = "<|endoftext|>"
        return _fast(core, {"bos": end, "eos": end, "unk": end})


def _byte_level(special: list[str]) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(SENTENCES, trainer)
    return core


def _template(core: Any, begin: str, end: str) -> Any:
    from tokenizers.processors import TemplateProcessing

    ids = [(token, core.token_to_id(token)) for token in (begin, end)]
    return TemplateProcessing(single=f"{begin} $A {end}", special_tokens=ids)


def _fast(core: Any, special: Mapping[str, str]) -> Any:
    from transformers import PreTrainedTokenizerFast

    named = {f"{name}_token": token for name, token in special.items()}
    return PreTrainedTokenizerFast(
        tokenizer_object=core, model_max_length=10_000, **named
    )


@dataclass(frozen=True)
class Zoo:
    """Makes a model directory by architecture and seed, each only once."""

    root: Path
    tokenizers: Tokenizers

    def __call__(
        self,
        family: str = "Bert",
        head: str = "ForSequenceClassification",
        seed: int = 0,
        scale: float = 8.0,
        **config: Any,
    ) -> Path:
        """Return the directory; weights are scaled up so that outputs vary."""
        said = "-".join(f"{key}_{value}" for key, value in sorted(config.items()))
        name = f"{family}{head}-{seed}-{scale}-{said}".replace("/", "")
        path = self.root / "".join(
            c if c.isalnum() or c in "-_." else "_" for c in name
        )
        if not path.exists():
            self._make(path, family, head, seed, scale, config)
        return path

    def _make(
        self,
        path: Path,
        family: str,
        head: str,
        seed: int,
        scale: float,
        config: Mapping[str, Any],
    ) -> None:
        import torch
        import transformers

        kind, shape = SHAPES[family]
        tokenizer = getattr(self.tokenizers, kind)
        own = getattr(transformers, f"{family}Config")
        said = own(
            **{
                "vocab_size": len(tokenizer),
                "pad_token_id": tokenizer.pad_token_id,
                "bos_token_id": tokenizer.bos_token_id,
                "eos_token_id": tokenizer.eos_token_id,
                **shape,
                **config,
            }
        )
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network = getattr(transformers, f"{family}{head}")(said)
            with torch.no_grad():
                for parameter in network.parameters():
                    if parameter.dim() > 1:
                        parameter.mul_(scale)
        network.save_pretrained(path)
        tokenizer.save_pretrained(path)


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    import torch

    # Networks this small only wait for one another on several threads.
    torch.set_num_threads(1)
    return Zoo(tmp_path_factory.mktemp("zoo"), Tokenizers())


@pytest.fixture(scope="session")
def opened(zoo: Zoo) -> Callable[..., Any]:
    """Open a model with its weights at hand, on the CPU."""
    from fairaudit.models import ModelOptions
    from fairaudit.models.hf import HuggingFaceLoader

    loader = HuggingFaceLoader()

    def open_it(path: Path, psm: Path | None = None, **options: Any) -> Any:
        said = ModelOptions(device="cpu", **options)
        return loader.open(str(path), said, str(psm) if psm else None)

    return open_it
