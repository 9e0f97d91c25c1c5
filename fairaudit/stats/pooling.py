"""Random-effects pooling of effect sizes."""

from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array


@dataclass(frozen=True)
class Pooled:
    """Pooled effects; every field has the leading axes of the input.

    Parameters
    ----------
    effect
        Weighted mean effect.
    se
        Its standard error under the random-effects model.
    tau2
        Variance between the effects beyond their own variances.
    q
        Cochran's heterogeneity statistic.
    p_two_sided
        Normal-theory p-value of a zero effect.
    """

    effect: Array
    se: Array
    tau2: Array
    q: Array
    p_two_sided: Array


def random_effects(effects: Array, variances: Array) -> Pooled:
    r"""Pool effects along the last axis under a DerSimonian-Laird model.

    With weights :math:`W_i = 1/V_i`, :math:`Q = \sum W_i (e_i - \bar e_W)^2` and
    :math:`c = \sum W_i - \sum W_i^2 / \sum W_i`, the variance between effects is
    :math:`\tau^2 = \max(0, (Q - (N - 1)) / c)`. The pooled effect is the mean weighted
    by :math:`v_i = 1/(V_i + \tau^2)`, its standard error
    :math:`\sqrt{1/\sum v_i}` and its p-value :math:`2(1 - \Phi(|effect/se|))`.

    Parameters
    ----------
    effects, variances
        Shape (..., N), N at least 1; the variances positive.

    References
    ----------
    DerSimonian & Laird 1986, doi:10.1016/0197-2456(86)90046-2.
    Guo & Caliskan 2021, supplement 8.2, uses it for contextual effect sizes.

    Notes
    -----
    One effect (N = 1) has no variance between effects: then tau2 and q are 0, and the
    effect is returned with its own standard error.

    Examples
    --------
    >>> pooled = random_effects(np.array([0.1, 0.2, 0.3, 0.4]), np.full(4, 0.01))
    >>> round(float(pooled.effect), 6), round(float(pooled.tau2), 6)
    (0.25, 0.006667)
    """
    _check(effects, variances)
    fixed = 1.0 / variances
    q = _cochran_q(effects, fixed)
    tau2 = _variance_between(q, fixed)
    weights = 1.0 / (variances + tau2[..., None])
    effect = _weighted_mean(effects, weights)
    se = np.sqrt(1.0 / weights.sum(axis=-1))
    return Pooled(effect, se, tau2, q, _p_two_sided(effect / se))


def _check(effects: Array, variances: Array) -> None:
    if effects.shape != variances.shape or effects.shape[-1] < 1:
        raise ValueError("effects and variances need one shape (..., N), N at least 1")
    if not (variances > 0).all():
        raise ValueError("variances must be positive")


def _weighted_mean(values: Array, weights: Array) -> Array:
    mean: Array = (weights * values).sum(axis=-1) / weights.sum(axis=-1)
    return mean


def _cochran_q(effects: Array, weights: Array) -> Array:
    centre = _weighted_mean(effects, weights)[..., None]
    q: Array = (weights * (effects - centre) ** 2).sum(axis=-1)
    return q


def _variance_between(q: Array, weights: Array) -> Array:
    degrees = weights.shape[-1] - 1
    if degrees == 0:
        return np.zeros_like(q)
    total = weights.sum(axis=-1)
    scale = total - (weights**2).sum(axis=-1) / total
    between: Array = np.maximum(0.0, (q - degrees) / scale)
    return between


def _p_two_sided(z: Array) -> Array:
    from scipy.special import ndtr

    p: Array = 2.0 * ndtr(-np.abs(z))
    return p
