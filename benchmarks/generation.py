"""Measure what seeded generation costs beside the plain `generate` of a model.

    python benchmarks/generation.py MODEL_DIR [--prompts 48] [--tokens 20] [--repeats 3]

The plain side calls `model.generate` of transformers on the very batches that the tool
makes (recorded in a first run), with the sampling of the same temperature and top-p;
the tool's side is a request through the engine: cutting into tokens and batches, the
random numbers of each row, decoding. Both write exactly `--tokens` tokens a prompt, in
this process and in turn; the best time of each counts. Before that the greedy
continuations of both sides are compared.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
import transformers

from fairaudit.cache import Cache
from fairaudit.model import Generate, texts_of
from fairaudit.models import ModelOptions
from fairaudit.models.hf import HuggingFaceLoader
from fairaudit.reading import read

BATCH_TOKENS = 2048
BEGINNINGS = (
    "The engineer opened the door and",
    "My neighbour, who came to this country as a child, says that",
    "On the first day of school, the teacher",
    "A nurse from the village",
    "Nobody in the office expected that the new manager would",
    "In the evening,",
)
PLAIN = transformers.GenerationMixin.generate


def prompts(count: int) -> tuple[str, ...]:
    return tuple(
        f"{at}. {BEGINNINGS[at % len(BEGINNINGS)]}" for at in range(1, count + 1)
    )


def ours(model: Any, request: Generate) -> tuple[str, ...]:  # noqa: ANN401
    """Write as `fairaudit evaluate --metric open_generation` does."""
    return texts_of(read(model, [request], Cache(None), BATCH_TOKENS)[0][0])


def batches_of(model: Any, request: Generate) -> list[dict[str, torch.Tensor]]:  # noqa: ANN401
    """Return the inputs of all calls of `generate`."""
    seen: list[dict[str, torch.Tensor]] = []

    def recorded(network: Any, **said: Any) -> Any:  # noqa: ANN401
        names = ("input_ids", "attention_mask")
        seen.append({name: said[name] for name in names})
        return PLAIN(network, **said)

    transformers.GenerationMixin.generate = recorded
    ours(model, request)
    return seen


def exactly(tokens: int) -> None:
    """Let every call of `generate` write so many tokens, whether the text ends."""

    def whole(network: Any, **said: Any) -> Any:  # noqa: ANN401
        return PLAIN(network, min_new_tokens=tokens, **said)

    transformers.GenerationMixin.generate = whole


def bare(
    network: Any,  # noqa: ANN401
    tokenizer: Any,  # noqa: ANN401
    inputs: list[dict[str, torch.Tensor]],
    tokens: int,
    **sampling: Any,  # noqa: ANN401
) -> list[str]:
    found: list[str] = []
    with torch.inference_mode():
        for batch in inputs:
            out = network.generate(
                **batch,
                max_new_tokens=tokens,
                pad_token_id=tokenizer.eos_token_id,
                **sampling,
            )
            new = out[:, batch["input_ids"].shape[1] :]
            found += tokenizer.batch_decode(new, skip_special_tokens=True)
    return found


def timed(action: Callable[[], object]) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - wall, time.process_time() - processor


def best(times: list[tuple[float, float]]) -> tuple[float, float]:
    return min(wall for wall, _ in times), min(processor for _, processor in times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--prompts", type=int, default=48)
    parser.add_argument("--tokens", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    said = parser.parse_args()
    texts = prompts(said.prompts)
    network = transformers.AutoModelForCausalLM.from_pretrained(
        said.model, dtype=torch.float32
    ).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(said.model)
    model = HuggingFaceLoader().open(
        said.model, ModelOptions(device="cpu", dtype="float32")
    )
    greedy = Generate(texts, (0,) * len(texts), said.tokens, temperature=0.0)
    sampled = Generate(texts, (0,) * len(texts), said.tokens, top_p=0.9)
    inputs = batches_of(model, greedy)
    exactly(said.tokens)
    expected = bare(network, tokenizer, inputs, said.tokens, do_sample=False)
    same = sorted(expected) == sorted(ours(model, greedy))
    print(f"{len(texts)} prompts, {said.tokens} tokens each, {len(inputs)} batches,")
    print(f"{torch.get_num_threads()} threads; greedy texts equal: {same}")
    options = {"do_sample": True, "temperature": 1.0, "top_p": 0.9, "top_k": 0}
    turns = [
        (
            timed(lambda: bare(network, tokenizer, inputs, said.tokens, **options)),
            timed(lambda: ours(model, sampled)),
        )
        for _ in range(said.repeats)
    ]
    plain, tool = best([a for a, _ in turns]), best([b for _, b in turns])
    for name, at in (("wall clock", 0), ("processor", 1)):
        print(
            f"{name:<12} generate {plain[at]:7.2f} s, fairaudit {tool[at]:7.2f} s: "
            f"{tool[at] / plain[at]:5.2f} times as long"
        )


if __name__ == "__main__":
    main()
