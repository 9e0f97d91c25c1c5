"""Points around a text at which a classifier is differentiated."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from fairaudit.model.sensitivity import Slope
from fairaudit.models.encoded import Encoded
from fairaudit.models.gradients import Move


def around(slope: Slope, texts: Sequence[str], batch: Encoded) -> Iterator[Move]:
    """Yield the points that `fairaudit.model.Slope` describes."""
    if slope.smooth == "noise":
        for number in range(slope.points):
            yield _Noise(slope.noise, number, texts, batch)
    else:
        inside = torch.from_numpy(batch.text)
        for share in midpoints(slope.points):
            yield _Shrunk(share, inside)


def towards(
    slope: Slope, texts: Sequence[str], batch: Encoded, step: torch.Tensor
) -> Iterator[Move]:
    """Yield the same points; a path leads along `step`, shape (b, t, d)."""
    if slope.smooth == "noise":
        yield from around(slope, texts, batch)
    else:
        for share in midpoints(slope.points):
            yield _Stepped(share, step)


def midpoints(points: int) -> list[float]:
    """Return the middle of each of equal parts of the unit interval.

    >>> midpoints(2)
    [0.25, 0.75]
    """
    return [(number + 0.5) / points for number in range(points)]


@dataclass(frozen=True)
class _Noise:
    """Add noise that depends on the text and the number of the draw alone."""

    scale: float
    number: int
    texts: Sequence[str]
    batch: Encoded

    def __call__(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Return the moved embeddings."""
        text = torch.from_numpy(self.batch.text).to(embeddings.device)[..., None]
        count = (text.sum((1, 2)) * embeddings.shape[-1]).clamp(min=1)
        mean_square = (embeddings.square() * text).sum((1, 2)) / count
        spread = self.scale * mean_square.sqrt()
        return embeddings + spread[:, None, None] * self._draw(embeddings)

    def _draw(self, embeddings: torch.Tensor) -> torch.Tensor:
        noise = np.zeros(tuple(embeddings.shape))
        lengths = self.batch.inputs["attention_mask"].sum(1).tolist()
        for row, (text, length) in enumerate(zip(self.texts, lengths, strict=True)):
            shape = (length, embeddings.shape[-1])
            noise[row, :length] = _generator(text, self.number).standard_normal(shape)
        return torch.from_numpy(noise).to(embeddings)


@dataclass(frozen=True)
class _Shrunk:
    """Scale the embeddings of the text's own tokens towards 0."""

    share: float
    inside: torch.Tensor

    def __call__(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Return the moved embeddings."""
        own = self.inside.to(embeddings.device)[..., None]
        return torch.where(own, self.share * embeddings, embeddings)


@dataclass(frozen=True)
class _Stepped:
    """Go part of a step."""

    share: float
    step: torch.Tensor

    def __call__(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Return the moved embeddings."""
        return embeddings + self.share * self.step


def _generator(text: str, number: int) -> np.random.Generator:
    digest = hashlib.sha256(f"{number}\0{text}".encode("utf-8", "surrogatepass"))
    return np.random.default_rng(np.frombuffer(digest.digest(), dtype=np.uint32))
