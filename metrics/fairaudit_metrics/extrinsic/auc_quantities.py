"""What the figures about AUCs mean."""

from typing import Final

from fairaudit.result import Quantity

BORKAN: Final = "Borkan et al. (2019), arXiv 1903.04561"
OWN: Final = "own"
AUC_KINDS: Final = ("subgroup_auc", "bpsn_auc", "bnsp_auc")
AEG_KINDS: Final = ("negative_aeg", "positive_aeg")


def _auc(name: str, definition: str, reference: str = BORKAN) -> Quantity:
    return Quantity(
        name=name,
        unit="probability",
        ideal=None,
        low=0,
        high=1,
        definition=definition,
        reference=reference,
    )


def _shift(
    name: str, definition: str, low: float, high: float, reference: str = BORKAN
) -> Quantity:
    return Quantity(
        name=name,
        unit="difference of probabilities",
        ideal=0,
        low=low,
        high=high,
        definition=definition,
        reference=reference,
    )


OVERALL: Final = _auc(
    "overall_auc", "Chance that a positive outscores a negative; all rows together."
)
BY_GROUP: Final = {
    "subgroup_auc": _auc(
        "subgroup_auc",
        "Chance that a positive of the group outscores a negative of the group.",
    ),
    "bpsn_auc": _auc(
        "bpsn_auc",
        "Chance that a positive of the background outscores a negative of the group.",
    ),
    "bnsp_auc": _auc(
        "bnsp_auc",
        "Chance that a positive of the group outscores a negative of the background.",
    ),
    "negative_aeg": _shift(
        "negative_aeg",
        "Average equality gap of negatives: chance that one of the group outscores one "
        "of the background, minus 1/2.",
        -0.5,
        0.5,
    ),
    "positive_aeg": _shift(
        "positive_aeg",
        "Average equality gap of positives: chance that one of the group outscores one "
        "of the background, minus 1/2.",
        -0.5,
        0.5,
    ),
}
LOWEST: Final = {
    kind: _auc(f"lowest_{kind}", f"Smallest {kind} of the groups of an axis.", OWN)
    for kind in AUC_KINDS
}
MEANS: Final = {
    kind: _auc(
        f"generalized_mean_{kind}",
        f"Power mean M_p = (mean of m^p)^(1/p) of {kind} over the groups of an axis.",
        "Jigsaw Unintended Bias in Toxicity Classification (2019), evaluation",
    )
    for kind in AUC_KINDS
}
FINAL: Final = _auc(
    "final_metric",
    "A quarter of the overall AUC and a quarter of each generalized mean.",
    "Jigsaw Unintended Bias in Toxicity Classification (2019), evaluation",
)
LARGEST: Final = {
    "subgroup_auc": _shift(
        "subgroup_auc_difference",
        "Largest difference between the subgroup AUC of a group and the AUC of its "
        "background.",
        0,
        1,
        OWN,
    ),
    "negative_aeg": _shift(
        "largest_negative_aeg", "Largest negative AEG of the groups, unsigned.", 0, 0.5
    ),
    "positive_aeg": _shift(
        "largest_positive_aeg", "Largest positive AEG of the groups, unsigned.", 0, 0.5
    ),
}
NULLS: Final = {
    "subgroup_auc": "every group of {} has the AUC of its background",
    "negative_aeg": "negatives of every group of {} score like those of its background",
    "positive_aeg": "positives of every group of {} score like those of its background",
}
