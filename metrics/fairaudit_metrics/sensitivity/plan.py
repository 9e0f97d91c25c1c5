"""What is asked of the two models, and why some forms are not."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fairaudit.data import Examples
from fairaudit.metric import Unmeasurable
from fairaudit.model import (
    Directional,
    ModelCard,
    Predict,
    Request,
    Sensitivity,
    Slope,
    Spans,
)
from fairaudit.perturbation import TermList
from fairaudit_metrics.sensitivity.forms import LISTED, POINTED, UNSIGNED, chosen
from fairaudit_metrics.sensitivity.parameters import Parameters
from fairaudit_metrics.sensitivity.protected import Status, status
from fairaudit_metrics.sensitivity.terms import Swaps, listed, mentions, swaps
from fairaudit_metrics.sensitivity.weighting import Weighting, weighting

APART = (
    "task classifier and PSM have different word embeddings, so a product feature by "
    "feature has no meaning; train both with frozen embeddings"
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is asked, and why some forms are not.

    Parameters
    ----------
    weighting, slope
        What is differentiated, and how slopes are measured.
    why_not
        The reason for each form that is not asked for.
    forms
        The others.
    status
        The axis that the PSM tells apart, None without a PSM.
    group
        Class of the PSM that is differentiated, -1 for the predicted one.
    terms, spans, swaps
        The list of terms, where they stand, and the texts with terms swapped.
    counterfactual
        Whether the swapped texts are to be predicted.
    """

    weighting: Weighting
    slope: Slope
    forms: tuple[str, ...]
    why_not: Mapping[str, str] = field(default_factory=dict)
    status: Status | None = None
    group: int = -1
    terms: TermList | None = None
    spans: tuple[Spans, ...] = ()
    swaps: Swaps | None = None
    counterfactual: bool = True

    @property
    def passes(self) -> int:
        """Backward passes of the classifier for a batch and point."""
        unsigned = any(form in UNSIGNED for form in self.forms)
        return self.weighting.passes if unsigned else 1

    def requests(self, data: Examples) -> Mapping[str, Request]:
        """Return the requests by name: texts, swaps and swapped texts."""
        found: dict[str, Request] = {
            "texts": Sensitivity(
                data.texts,
                classes=self.weighting.classes,
                terms=self.spans,
                group=self.group,
                slope=self.slope,
                psm=self.status is not None,
                unsigned=any(form in UNSIGNED for form in self.forms),
            )
        }
        if self.swaps is not None:
            rows = self.swaps.rows.tolist()
            found["swaps"] = Directional(
                tuple(data.texts[row] for row in rows),
                self.swaps.texts,
                classes=tuple(
                    self.weighting.classes[row]
                    for row in rows
                    if self.weighting.classes
                ),
                slope=self.slope,
            )
            if self.counterfactual:
                found["swapped"] = Predict(self.swaps.texts)
        return found


def make_plan(parameters: Parameters, data: Examples, card: ModelCard) -> Plan:
    """Find out which of the wanted forms can be asked for.

    Raises
    ------
    Unmeasurable
        Where none can.
    """
    weights = weighting(parameters.w, data, card)
    wanted = chosen(parameters.forms)
    known, unknown = _psm(wanted, data, card, parameters.group)
    terms = listed(parameters.terms, known.axis if known else None, data)
    made = swaps(terms, data.texts) if terms else None
    why_not = {**_signs(weights), **_listed(data, terms, made), **unknown}
    forms = tuple(form for form in wanted if form not in why_not)
    if not forms:
        raise Unmeasurable("; ".join(dict.fromkeys(why_not[form] for form in wanted)))
    pointed = any(form in POINTED for form in forms)
    directed = "directional" in forms or parameters.counterfactual
    return Plan(
        weighting=weights,
        slope=parameters.slope(weights.weights),
        forms=forms,
        why_not={form: why_not[form] for form in wanted if form in why_not},
        status=known if pointed else None,
        group=_group(card, parameters.group) if pointed else -1,
        terms=terms,
        spans=mentions(terms, data.texts) if terms and "lexicon" in forms else (),
        swaps=made if made and made.texts and directed else None,
        counterfactual=parameters.counterfactual,
    )


def _psm(
    forms: tuple[str, ...], data: Examples, card: ModelCard, group: str | None
) -> tuple[Status | None, Mapping[str, str]]:
    """Return the PSM's groups, and why forms that need it are not to be had."""
    if not any(form in POINTED for form in forms):
        return None, {}
    if "sensitivity" not in card.entry.reads:
        reason = (card.why_not or {}).get("sensitivity", "")
        reason = reason or "the model does not answer 'sensitivity'"
        return None, dict.fromkeys(POINTED, reason)
    try:
        found = status(data, card)
    except Unmeasurable as error:
        return None, dict.fromkeys(POINTED, str(error))
    if not card.shared_embedding:
        return found, dict.fromkeys(("absolute", "signed"), APART)
    labels = card.psm.labels if card.psm else ()
    if group is not None or len(labels) == 2:
        return found, {}
    reason = (
        f"the PSM tells {len(labels)} groups apart, so the sign has no meaning; "
        f"name one with the parameter group ({', '.join(labels)})"
    )
    return found, {"signed": reason}


def _signs(weights: Weighting) -> Mapping[str, str]:
    if not weights.mixed:
        return {}
    return dict.fromkeys(UNSIGNED, f"|J| takes no negative weights ({weights.told})")


def _listed(
    data: Examples, terms: TermList | None, made: Swaps | None
) -> Mapping[str, str]:
    """Return why forms that need listed terms are not to be had."""
    if terms is None or made is None:
        axes = ", ".join(data.axes) or "none"
        reason = f"no list of terms is known for the axes of the data ({axes})"
        return dict.fromkeys(LISTED, f"{reason}; name one with the parameter terms")
    if not made.texts:
        return {"directional": "no text has listed terms that can be swapped"}
    return {}


def _group(card: ModelCard, group: str | None) -> int:
    """Return the class of the PSM: of two the last, of more the predicted one."""
    labels = card.psm.labels if card.psm else ()
    if group is None:
        return 1 if len(labels) == 2 else -1
    if group not in labels:
        raise Unmeasurable(
            f"the PSM has no group {group!r}; its groups: {', '.join(labels)}"
        )
    return labels.index(group)
