"""The forms of accumulated prediction sensitivity and what their numbers mean."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from fairaudit.errors import AuditError, suggest
from fairaudit.model import Slope
from fairaudit.result import Quantity

SOURCE = (
    "Krishna et al. 2022, Measuring Fairness of Text Classifiers via Prediction "
    "Sensitivity, ACL (arXiv 2203.08670); the form is ours where the paper is open"
)
POINTED: Final = ("absolute", "token", "signed")
"""Forms along the gradient of a protected-status model."""
LISTED: Final = ("lexicon", "directional")
"""Forms along terms of a list."""
FORMS: Final = (*POINTED, *LISTED)
UNSIGNED: Final = ("absolute", "token", "lexicon")
"""Forms that take |J|: with several classes one backward pass each."""

_DEFINITIONS: Final[Mapping[str, str]] = {
    "absolute": "P = Σ_k w_k Σ_i |J_ki| v_i over features i, v = |∇g| / Σ|∇g|",
    "token": "P = Σ_k w_k Σ_t ‖J_kt‖ v_t over tokens t, v_t = ‖∇g_t‖ / Σ_u ‖∇g_u‖",
    "signed": "P = Σ_i (w'J)_i v_i over features i, v = ∇g / Σ|∇g|",
    "lexicon": "P = Σ_k w_k Σ_t ‖J_kt‖ v_t, v_t = 1 / (number of listed tokens) at "
    "tokens of listed terms, 0 elsewhere",
    "directional": "P = |Σ_t (w'J)_t · (e(x'_t) - e(x_t))|, x' having the listed terms "
    "swapped; of several x' the mean",
}
_SCALES: Final[Mapping[str, str]] = {
    "probability": "probability",
    "log_odds": "log-odds",
    "logit": "logit",
}


def _unit(form: str, slope: Slope) -> str:
    scale = _SCALES[slope.readout]
    if form == "directional":
        return scale
    relative = slope.step == "relative"
    per = f"{scale} per {'relative change' if relative else 'unit'} of embedding"
    pointed = form in POINTED and slope.normalise == "none"
    return f"{per}, times the slope of the PSM" if pointed else per


def level(form: str) -> Quantity:
    """Return the quantity of a form, with default parameters."""
    return Quantity(
        name=f"sensitivity_{form}",
        unit=_unit(form, Slope()),
        ideal=0.0,
        low=None if form == "signed" else 0.0,
        definition=f"Mean over texts of {_DEFINITIONS[form]}.",
        reference=SOURCE,
    )


def gap(form: str) -> Quantity:
    """Return the quantity of a form's difference between groups."""
    return Quantity(
        name=f"sensitivity_{form}_difference",
        unit=_unit(form, Slope()),
        ideal=0.0,
        low=0.0,
        definition="Largest difference between groups in the mean sensitivity.",
        reference="own",
    )


LEVELS: Final = {form: level(form) for form in FORMS}
GAPS: Final = {form: gap(form) for form in FORMS}


def measured(quantity: Quantity, form: str, slope: Slope) -> Quantity:
    """Return the quantity as these parameters measure it."""
    return replace(quantity, unit=_unit(form, slope))


def chosen(forms: str) -> tuple[str, ...]:
    """Parse the parameter `forms`.

    >>> chosen("token+lexicon")
    ('token', 'lexicon')
    """
    if forms == "all":
        return FORMS
    names = tuple(dict.fromkeys(part.strip() for part in forms.split("+")))
    for name in names:
        if name not in FORMS:
            raise AuditError(
                f"Parameter forms of sensitivity: there is no form {name!r}. "
                f"{suggest(name, (*FORMS, 'all'))} Join several with '+'."
            )
    return names
