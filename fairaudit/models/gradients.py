"""Gradients of a classifier's output with respect to its word embeddings.

One forward and one backward pass serve a batch: parameters are frozen, and the sum over
examples decouples because no operation mixes them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from fairaudit.model.sensitivity import Norm, Readout

Move: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
"""Where to differentiate, given the word embeddings (b, t, d) of a batch."""


@dataclass(frozen=True)
class Point:
    """Where a classifier was run.

    Parameters
    ----------
    embeddings
        Shape (b, t, d): the leaf of the graph.
    logits
        Shape (b, classes), in double precision, a function of `embeddings`.
    multi_label
        Whether classes are independent of one another.
    """

    embeddings: torch.Tensor
    logits: torch.Tensor
    multi_label: bool

    def log_odds(self, classes: torch.Tensor) -> torch.Tensor:
        """Return log(p / (1 - p)) of one class a row, shape (b,).

        Its gradient keeps its direction where p is so near 1 that 1 - p is lost.
        """
        own = self.logits.gather(-1, classes[:, None])
        if self.multi_label:
            return own[:, 0]
        others = self.logits.scatter(-1, classes[:, None], -torch.inf)
        return own[:, 0] - others.logsumexp(-1)

    def steepness(self, classes: torch.Tensor) -> torch.Tensor:
        """Return p (1 - p), the slope of the probability by its log-odds."""
        odds = self.log_odds(classes).detach()
        return odds.sigmoid() * (-odds).sigmoid()


@dataclass(frozen=True)
class Slopes:
    """Slopes of a batch; all are to be multiplied by `factor`.

    Parameters
    ----------
    signed
        Shape (b, t, d): w'J.
    absolute
        Shape (b, t, d): Σ_k w_k |J_k|; None where it was not wanted.
    norms
        Shape (b, t): Σ_k w_k ‖J_kt‖; None where it was not wanted.
    factor
        Shape (b,), in double precision: kept apart since it may be too small for single
        precision.
    """

    signed: torch.Tensor
    absolute: torch.Tensor | None
    norms: torch.Tensor | None
    factor: torch.Tensor


@contextmanager
def tapped(
    network: Any,  # noqa: ANN401
    *,
    wanted: bool,
    move: Move | None = None,
) -> Iterator[list[torch.Tensor]]:
    """Make the word embeddings a leaf of the graph while the network runs.

    A hook keeps the token ids in the call, on which position numbers and the choice of
    the classified token depend; passing ``inputs_embeds`` would lose both.

    Yields
    ------
    list
        The leaf, once the network has run. Anything but one tensor means that the
        network does not read its texts through one table of word embeddings.
    """
    leaves: list[torch.Tensor] = []

    def tap(_module: object, _args: object, out: torch.Tensor) -> torch.Tensor:
        moved = out if move is None else move(out.detach())
        leaves.append(moved.detach().requires_grad_())
        return leaves[-1]

    lookup = word_embeddings(network) if wanted else None
    handle = lookup.register_forward_hook(tap) if lookup is not None else None
    try:
        yield leaves
    finally:
        if handle is not None:
            handle.remove()


def word_embeddings(network: Any) -> torch.nn.Module | None:  # noqa: ANN401
    """Return the table of word embeddings, None where the network names none."""
    try:
        found = network.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        return None
    return found if isinstance(found, torch.nn.Module) else None


def point(
    leaves: Sequence[torch.Tensor], logits: torch.Tensor | None, *, multi_label: bool
) -> Point | None:
    """Return where the network ran, None where it cannot be differentiated."""
    if len(leaves) != 1 or logits is None or not logits.requires_grad:
        return None
    return Point(leaves[0], logits, multi_label)


def slopes(
    at: Point, classes: torch.Tensor, readout: Readout, norm: Norm
) -> Slopes | None:
    """Differentiate one class a row: w is one-hot, so |w'J| = w'|J|.

    Parameters
    ----------
    at
        A point whose graph is still there; it stays.
    classes
        Shape (b,).
    readout, norm
        As `fairaudit.model.Slope` says.

    Returns
    -------
    Slopes
        None where the output does not depend on the embeddings in a differentiable way.
    """
    logit = at.logits.gather(-1, classes[:, None])[:, 0]
    value = logit if readout == "logit" else at.log_odds(classes)
    found = _gradient(value, at.embeddings)
    if found is None:
        return None
    steep = at.steepness(classes)
    factor = steep if readout == "probability" else torch.ones_like(steep)
    return Slopes(found, found.abs(), token_norms(found, norm), factor)


def weighted_slopes(
    at: Point,
    weights: Sequence[float],
    readout: Readout,
    norm: Norm,
    *,
    unsigned: bool,
) -> Slopes | None:
    """Differentiate a weighted sum of classes.

    With `unsigned`, one backward pass for each class that has a weight: |J| cannot be
    had from w'J. Without, one in all.
    """
    if not unsigned:
        found = _gradient(_outputs(at, readout) @ _as(weights, at), at.embeddings)
        return None if found is None else Slopes(found, None, None, _ones(at))
    total: Slopes | None = None
    for number, weight in enumerate(weights):
        if weight:
            classes = torch.full_like(at.logits[:, 0], number, dtype=torch.long)
            one = slopes(at, classes, readout, norm)
            if one is None:
                return None
            total = _added(total, one, weight)
    return total


def token_norms(values: torch.Tensor, norm: Norm) -> torch.Tensor:
    """Return ‖·‖ over the last axis, without underflow of the squares."""
    size = values.abs()
    if norm == "l1":
        return size.sum(-1)
    largest = size.amax(-1, keepdim=True)
    if norm == "linf":
        return largest.squeeze(-1)
    unit = size / largest.masked_fill(largest == 0, 1.0)
    length: torch.Tensor = largest.squeeze(-1) * unit.square().sum(-1).sqrt()
    return length


def _gradient(value: torch.Tensor, leaf: torch.Tensor) -> torch.Tensor | None:
    # The leaf may be unknown to an output that was made without it.
    (found,) = torch.autograd.grad(
        value.sum(), leaf, retain_graph=True, allow_unused=True
    )
    return None if found is None else found.detach()


def _outputs(at: Point, readout: Readout) -> torch.Tensor:
    if readout == "logit":
        return at.logits
    if readout == "probability":
        return at.logits.sigmoid() if at.multi_label else at.logits.softmax(-1)
    like = at.logits[:, 0]
    numbers = range(at.logits.shape[-1])
    columns = [torch.full_like(like, k, dtype=torch.long) for k in numbers]
    return torch.stack([at.log_odds(column) for column in columns], dim=-1)


def _added(total: Slopes | None, one: Slopes, weight: float) -> Slopes:
    """Add a class; classes differ in their factor, so it is multiplied in."""
    scale = (weight * one.factor).to(one.signed)
    by_feature, by_token = scale[:, None, None], scale[:, None]
    signed = one.signed * by_feature
    absolute, norms = _times(one.absolute, by_feature), _times(one.norms, by_token)
    if total is not None:
        signed = total.signed + signed
        absolute, norms = _plus(total.absolute, absolute), _plus(total.norms, norms)
    return Slopes(signed, absolute, norms, torch.ones_like(one.factor))


def _times(values: torch.Tensor | None, scale: torch.Tensor) -> torch.Tensor | None:
    return None if values is None else values * scale


def _plus(one: torch.Tensor | None, other: torch.Tensor | None) -> torch.Tensor | None:
    return None if one is None or other is None else one + other


def _as(weights: Sequence[float], at: Point) -> torch.Tensor:
    return torch.tensor(weights, dtype=at.logits.dtype, device=at.logits.device)


def _ones(at: Point) -> torch.Tensor:
    return torch.ones_like(at.logits[:, 0]).detach()
