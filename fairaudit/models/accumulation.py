"""Slopes of a classifier accumulated over the tokens of its texts."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from fairaudit.model.sensitivity import Normalisation
from fairaudit.models.gradients import Slopes

REACH = "reach"
"""Σ_i |(w'J)_i|: finite where slopes are."""
FORMS = ("signed", "absolute", "token", "lexicon", "uniform", "uniform_token")


@dataclass(frozen=True)
class Protected:
    """What the protected-status model names as protected.

    Parameters
    ----------
    features
        Shape (b, t, d): ∇g in the classifier's embedding space; None where the models
        do not share one.
    norms
        Shape (b, t): ‖∇g_t‖.
    factor
        Shape (b,): what the two have to be multiplied by.
    """

    features: torch.Tensor | None
    norms: torch.Tensor
    factor: torch.Tensor


@dataclass(frozen=True)
class Tokens:
    """Which tokens count.

    Parameters
    ----------
    text
        Shape (b, t), True at tokens of the text: special tokens and padding count
        neither in the sums nor in the normalisation.
    terms
        Shape (b, t), True at tokens of a listed term.
    size
        Shape (b, t): what slopes are multiplied by, None for 1.
    """

    text: torch.Tensor
    terms: torch.Tensor
    size: torch.Tensor | None = None


def accumulate(
    task: Slopes, protected: Protected | None, tokens: Tokens, how: Normalisation
) -> Mapping[str, torch.Tensor]:
    """Return the summands of every form that can be had and of `REACH`, shape (b, t).

    `fairaudit.model.Sensitivity` defines the forms. Summands are on the CPU in double
    precision and exactly zero outside the text. Weights of a text that are all zero
    have no direction: normalised, its summands are NaN, never zero.
    """
    reach = task.signed.abs().sum(-1)
    parts = {REACH: reach, **_flat(task, tokens, how), **_listed(task, tokens, how)}
    if protected is not None:
        parts |= _pointed(task, protected, tokens.text, how)
    return {name: _finished(part, task, tokens) for name, part in parts.items()}


def _pointed(
    task: Slopes, protected: Protected, text: torch.Tensor, how: Normalisation
) -> dict[str, torch.Tensor]:
    """Return the summands of the forms that follow the protected-status model."""
    scale = protected.factor if how == "none" else torch.ones_like(protected.factor)
    found: dict[str, torch.Tensor] = {}
    if protected.features is not None:
        v = _weights(protected.features, text, how)
        found["signed"] = _over_features(task.signed, v)
        if task.absolute is not None:
            found["absolute"] = _over_features(task.absolute, v.abs())
    if task.norms is not None:
        v = _weights(protected.norms, text, how)
        found["token"] = task.norms.to(v) * v
    return {
        name: part.cpu().double() * scale[:, None].cpu() for name, part in found.items()
    }


def _flat(task: Slopes, tokens: Tokens, how: Normalisation) -> dict[str, torch.Tensor]:
    """Return the summands under equal weights."""
    if task.absolute is None or task.norms is None:
        return {}
    count = tokens.text.sum(-1).to(task.norms)
    features = _divisor(count * task.absolute.shape[-1], how)
    return {
        "uniform": task.absolute.sum(-1) / features[:, None],
        "uniform_token": task.norms / _divisor(count, how)[:, None],
    }


def _listed(
    task: Slopes, tokens: Tokens, how: Normalisation
) -> dict[str, torch.Tensor]:
    """Return the summands at the tokens of listed terms; NaN where there are none."""
    if task.norms is None:
        return {}
    listed = tokens.terms & tokens.text
    count = listed.sum(-1).to(task.norms)
    none = torch.where(count > 0, 1.0, torch.nan).to(task.norms)
    divisor = _divisor(count, how) * none
    return {"lexicon": task.norms.masked_fill(~listed, 0.0) / divisor[:, None]}


def _divisor(count: torch.Tensor, how: Normalisation) -> torch.Tensor:
    """Return what equal weights of that number are divided by."""
    if how == "sum":
        return count
    return count.sqrt() if how == "unit" else torch.ones_like(count)


def _weights(v: torch.Tensor, text: torch.Tensor, how: Normalisation) -> torch.Tensor:
    keep = text.reshape(*text.shape, *[1] * (v.dim() - 2))
    v = v.masked_fill(~keep, 0.0)
    if how == "none":
        return v
    over = tuple(range(1, v.dim()))
    # Only directions count; scaled to 1, small weights survive being squared.
    v = v / v.abs().amax(over, keepdim=True)
    size = v.abs() if how == "sum" else v.square()
    total = size.sum(over, keepdim=True)
    return v / (total if how == "sum" else total.sqrt())


def _over_features(slope: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    return (slope.to(v) * v).sum(-1)


def _finished(part: torch.Tensor, task: Slopes, tokens: Tokens) -> torch.Tensor:
    sized = part if tokens.size is None else part * tokens.size.to(part)
    inside = tokens.text.to(sized.device)
    kept = sized.masked_fill(~inside, 0.0).cpu().double()
    return kept * task.factor[:, None].cpu()
