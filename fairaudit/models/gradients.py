"""Gradients with respect to word embeddings, and what is reduced from them.

One forward and one backward pass serve a batch: parameters are frozen, and the sum over
examples decouples because no operation mixes them.
"""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Sensitivities:
    """Accumulated prediction sensitivity of a batch, reduced to texts and tokens.

    Parameters
    ----------
    absolute, uniform
        Shape (b,): element-wise form, and the same with equal weight on all features.
    token, uniform_token
        Shape (b,): token-level form, and the same with equal weight on all tokens.
    contribution
        Shape (b, t): the summands of `token`, exactly zero outside the text's tokens.

    A text whose ∇g is zero (a saturated model) or that has no tokens has no v: it gets
    NaN, never zero.
    """

    absolute: torch.Tensor
    uniform: torch.Tensor
    token: torch.Tensor
    uniform_token: torch.Tensor
    contribution: torch.Tensor


def embedding_gradient(
    probabilities: torch.Tensor, embeddings: torch.Tensor
) -> torch.Tensor:
    """Differentiate the probability of the predicted class.

    Parameters
    ----------
    probabilities
        Shape (b, classes), a function of `embeddings`.
    embeddings
        Shape (b, t, d).

    Returns
    -------
    Tensor of shape (b, t, d).
    """
    chosen = probabilities.max(dim=-1).values.sum()
    (gradient,) = torch.autograd.grad(chosen, embeddings, retain_graph=False)
    return gradient.detach()


def accumulate(
    task: torch.Tensor, protected: torch.Tensor, text: torch.Tensor
) -> Sensitivities:
    """Combine the gradients of task classifier and protected-status model.

    With s = ∇c of the task classifier's predicted class, a = ∇g of the protected-status
    model's predicted group, sums over the tokens t of the text and dimensions i:

    absolute = Σ_ti |s_ti| v_ti with v = |a| / Σ|a|;
    token = Σ_t ‖s_t‖₂ v_t with v_t = ‖a_t‖₂ / Σ_u ‖a_u‖₂.

    Parameters
    ----------
    task, protected
        Shape (b, t, d).
    text
        Shape (b, t), True at tokens of the text: special tokens and padding count
        neither in the sums nor in the normalisation.
    """
    keep = text.unsqueeze(-1)
    s, a = task.abs() * keep, protected.abs() * keep
    # Only directions of ∇g count; scaled to 1, small ones survive being squared.
    a = a / a.amax((-1, -2), keepdim=True)
    s_norm, a_norm = _norm(s), _norm(a)
    contribution = s_norm * a_norm / a_norm.sum(-1, keepdim=True)
    tokens = text.sum(-1)
    return Sensitivities(
        absolute=(s * a).sum((-1, -2)) / a.sum((-1, -2)),
        uniform=s.sum((-1, -2)) / (tokens * task.shape[-1]),
        token=contribution.sum(-1),
        uniform_token=s_norm.sum(-1) / tokens,
        contribution=contribution.masked_fill(~text, 0.0),
    )


def _norm(values: torch.Tensor) -> torch.Tensor:
    """Return ‖·‖₂ over the last axis, without underflow of the squares."""
    largest = values.amax(-1, keepdim=True)
    unit = values / largest.masked_fill(largest == 0, 1.0)
    norm: torch.Tensor = largest.squeeze(-1) * unit.square().sum(-1).sqrt()
    return norm
