"""Accumulated prediction sensitivity."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array, BoolArray
from fairaudit.data import Examples, Group
from fairaudit.metric import Metric, Unmeasurable
from fairaudit.model import ModelCard, Reading, Request, Sensitivity
from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.auc import auc, delong_interval
from fairaudit.stats.means import mean_difference, mean_interval

_SOURCE = (
    "Krishna et al. 2022, Measuring Fairness of Text Classifiers via Prediction "
    "Sensitivity, ACL (arXiv 2203.08670); the form is ours where the paper is open"
)
_FORMS = {
    "absolute": "P = Σ|s_i| v_i over features i, v = |∇g| / Σ|∇g|",
    "token": "P = Σ‖s_t‖₂ v_t over tokens t, v_t = ‖∇g_t‖₂ / Σ_u‖∇g_u‖₂",
}


def _quantities(form: str) -> tuple[Quantity, Quantity]:
    unit = "probability per unit of embedding"
    level = Quantity(
        name=f"sensitivity_{form}",
        unit=unit,
        ideal=0.0,
        low=0.0,
        definition=f"Mean over texts of {_FORMS[form]}, s = ∇ of the predicted class.",
        reference=_SOURCE,
    )
    gap = Quantity(
        name=f"sensitivity_{form}_difference",
        unit=unit,
        ideal=0.0,
        low=0.0,
        definition="Largest difference between groups in the mean sensitivity.",
        reference="own",
    )
    return level, gap


_QUALITY = Quantity(
    name="psm_auc",
    unit="probability",
    ideal=None,
    low=0.0,
    high=1.0,
    definition=(
        "AUC of the protected-status model for one group against its other groups on "
        "the audited texts of either: how well its gradient can be told to point there."
    ),
    reference="own",
)
_BY_FORM = {form: _quantities(form) for form in _FORMS}


@dataclass(frozen=True)
class AccumulatedSensitivity(Metric[Examples]):
    r"""Assess how far predictions move along what tells protected status.

    With task classifier f and protected-status model (PSM) g over the word embeddings
    x of a text, :math:`P(x) = w^\top |J| v`, where w picks the predicted class,
    :math:`J = \partial f / \partial x` and v comes from :math:`\nabla g` of the PSM's
    predicted group. Two forms of v are reported: per feature (``absolute``) and per
    token (``token``).

    Parameters
    ----------
    min_auc
        PSM quality below which P is withheld: its gradient then points nowhere.
    min_count
        Smallest group for which a mean is reported.
    draws
        Bootstrap and permutation draws.
    level
        Level of the intervals.

    Notes
    -----
    The paper's exact choices of w, of absolute values and of the normalisation of v
    could not be confirmed; this is a metric of that family, defined as above. v sums
    to 1, so that P does not depend on the scale of the PSM. Special tokens and padding
    are no part of x. ``detail`` holds the same mean with uniform v: a ratio above 1
    says that the classifier attends to protected status more than to other features.
    Levels depend on the scale of the embeddings: compare P within one model.

    References
    ----------
    .. [1] S. Krishna et al., "Measuring Fairness of Text Classifiers via Prediction
       Sensitivity", ACL 2022, arXiv:2203.08670.
    """

    name = "sensitivity"
    family = "sensitivity"
    accepts = Examples
    quantities = (*_BY_FORM["absolute"], *_BY_FORM["token"], _QUALITY)
    summary = "Movement of predictions along what tells protected status"
    formula = "P(x) = wᵀ|J|v, w one-hot on the predicted class, v from ∇ of the PSM"
    limits = (
        "First order: says nothing about large changes; small where the classifier is "
        "saturated. Levels are not comparable between models with other embeddings."
    )
    source = _SOURCE
    asks = ("sensitivity",)

    min_auc: float = 0.7
    min_count: int = 10
    draws: int = 2000
    level: float = 0.95

    def needs(self, data: Examples, card: ModelCard) -> Mapping[str, Request]:
        """Ask for one forward and one backward pass of both models."""
        _axis(data, card)
        return {"sensitivity": Sensitivity(data.texts)}

    def score(
        self,
        data: Examples,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterable[Finding]:
        """Return PSM quality, then both forms overall and by group."""
        reading = readings["sensitivity"]
        axis, groups = _axis(data, card)
        usable = np.isfinite(reading["absolute"]) & np.isfinite(reading["token"])
        members = np.any([group.member & group.known for _, group in groups], axis=0)
        quality = [
            self._quality(group, column, reading["psm"], usable & members)
            for column, group in groups
        ]
        yield from quality
        for form in _FORMS:
            yield from self._form(form, axis, data, reading, usable, quality, card, rng)

    def _quality(
        self, group: Group, column: int, psm: Array, usable: BoolArray
    ) -> Finding:
        known = usable & group.known
        inside, outside = known & group.member, known & ~group.member
        subject = f"PSM: {group.label} vs rest of the axis"
        if min(inside.sum(), outside.sum()) < self.min_count:
            counts = f"{inside.sum()} texts of the group and {outside.sum()} others"
            reason = f"{counts}; {self.min_count} of each are needed"
            return Finding(quantity=_QUALITY, subject=subject, reason=reason)
        scores = psm[inside, column], psm[outside, column]
        low, high = delong_interval(*scores, self.level)
        return Finding(
            quantity=_QUALITY,
            subject=subject,
            value=auc(*scores),
            n=int(known.sum()),
            interval=Interval(low, high, self.level, "DeLong"),
        )

    def _form(
        self,
        form: str,
        axis: str,
        data: Examples,
        reading: Reading,
        usable: BoolArray,
        quality: list[Finding],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterable[Finding]:
        level, gap = _BY_FORM[form]
        if reason := self._withhold(form, quality, usable, card):
            yield Finding(quantity=level, subject="all texts", reason=reason)
            return
        values = reading[form]
        detail = _detail(form, reading, usable)
        yield self._mean(level, "all texts", values[usable], rng, detail)
        parts = {g.label: values[usable & g.known & g.member] for g in data.axes[axis]}
        for label, part in parts.items():
            yield self._mean(level, label, part, rng, {})
        yield self._gap(gap, axis, parts, rng)

    def _withhold(
        self, form: str, quality: list[Finding], usable: BoolArray, card: ModelCard
    ) -> str:
        if form == "absolute" and not card.shared_embedding:
            return (
                "task classifier and PSM have different word embeddings, so a product "
                "feature by feature has no meaning; train both with frozen embeddings"
            )
        if usable.sum() < self.min_count:
            found = f"{usable.sum()} texts gave finite gradients"
            return f"{found}; {self.min_count} are needed"
        if undefined := [f.subject for f in quality if f.value is None]:
            return f"the quality of the PSM is unknown ({', '.join(undefined)})"
        low = [f for f in quality if f.value is not None and f.value < self.min_auc]
        if low:
            worst = min(f.value for f in low if f.value is not None)
            return f"not interpretable: PSM AUC {worst:.3f} is below {self.min_auc}"
        return ""

    def _mean(
        self,
        quantity: Quantity,
        subject: str,
        values: Array,
        rng: np.random.Generator,
        detail: Mapping[str, Json],
    ) -> Finding:
        if len(values) < self.min_count:
            reason = f"{len(values)} texts; {self.min_count} are needed"
            return Finding(quantity=quantity, subject=subject, reason=reason)
        low, high = mean_interval(values, self.draws, self.level, rng)
        return Finding(
            quantity=quantity,
            subject=subject,
            value=float(values.mean()),
            n=len(values),
            interval=Interval(low, high, self.level, "bootstrap over texts"),
            detail=detail,
        )

    def _gap(
        self,
        quantity: Quantity,
        axis: str,
        parts: Mapping[str, Array],
        rng: np.random.Generator,
    ) -> Finding:
        large = {k: v for k, v in parts.items() if len(v) >= self.min_count}
        if len(large) < 2:
            reason = f"fewer than two groups of {axis} with {self.min_count} texts"
            return Finding(quantity=quantity, subject=axis, reason=reason)
        ordered = sorted(large, key=lambda label: float(large[label].mean()))
        bottom, top = large[ordered[0]], large[ordered[-1]]
        gap = mean_difference(list(large.values()), self.draws, self.level, rng)
        return Finding(
            quantity=quantity,
            subject=f"{ordered[-1]} vs {ordered[0]}",
            value=float(top.mean() - bottom.mean()),
            n=sum(map(len, large.values())),
            interval=Interval(gap.low, gap.high, self.level, gap.method),
            p_value=gap.p_value,
            null=f"the mean sensitivity is the same in all groups of {axis}",
            detail={"left_out": sorted(set(parts) - set(large))},
        )


def _axis(data: Examples, card: ModelCard) -> tuple[str, list[tuple[int, Group]]]:
    """Return the axis whose groups the PSM tells apart, with the PSM's columns."""
    labels = card.psm.labels if card.psm else ()
    for axis, groups in data.axes.items():
        names = {group.name: group for group in groups}
        if labels and set(labels) <= set(names):
            return axis, [(i, names[label]) for i, label in enumerate(labels)]
    raise Unmeasurable(
        "no group axis of the data has the PSM's groups "
        f"({', '.join(labels) or 'none'}); its axes: {', '.join(data.axes) or 'none'}"
    )


def _detail(form: str, reading: Reading, usable: BoolArray) -> Mapping[str, Json]:
    flat = reading["uniform" if form == "absolute" else "uniform_token"][usable]
    values = reading[form][usable]
    top = reading["probabilities"][usable].max(axis=1)
    return {
        "deciles": np.quantile(values, np.linspace(0, 1, 11)).tolist(),
        "mean_with_uniform_v": float(flat.mean()),
        "ratio_to_uniform_v": float(values.mean() / flat.mean()) if any(flat) else None,
        "mean_confidence": float(top.mean()),
        "share_saturated": float((top > 0.99).mean()),
        "texts_without_finite_gradient": int((~usable).sum()),
        "texts_truncated": int(reading["truncated"][usable].sum()),
    }
