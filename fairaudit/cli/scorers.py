"""Words of ``--scorer`` turned into classifiers."""

import re
from typing import TYPE_CHECKING, Final

from fairaudit.errors import AuditError, suggest
from fairaudit.registry import open_model

if TYPE_CHECKING:
    from fairaudit.engine import Scorer
    from fairaudit.models import ModelOptions

_SPEC: Final = re.compile(
    r"(?P<name>[a-z]\w*):(?P<label>[^=]+)=(?P<path>.+)", re.DOTALL
)


def scorer(spec: str, options: "ModelOptions") -> "tuple[str, Scorer]":
    """Return the score's name and the classifier.

    Raises
    ------
    AuditError
        Where the words are not ``NAME:LABEL=DIR``, the model is no classifier, or it
        has no such label.
    """
    from fairaudit.engine import Scorer

    match = _SPEC.fullmatch(spec)
    if match is None:
        raise AuditError(
            f"--scorer {spec!r} is not of the form NAME:LABEL=DIR, such as "
            "toxicity:toxic=my-classifier."
        )
    model, label = open_model(match["path"], options), match["label"]
    if "predict" not in model.card.entry.reads:
        why = (model.card.why_not or {}).get("predict", "it is no classifier")
        raise AuditError(f"--scorer {match['path']} cannot score texts: {why}.")
    if label not in model.card.labels:
        hint = suggest(label, model.card.labels)
        raise AuditError(f"--scorer {match['path']} has no label {label!r}. {hint}")
    return match["name"], Scorer(model, label)
