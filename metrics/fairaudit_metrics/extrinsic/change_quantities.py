"""What the metrics of counterfactual change measure."""

from typing import Final

from fairaudit.result import Quantity

GARG: Final = "Garg et al. 2019, arXiv 1809.10610, section 3"
CZARNOWSKA: Final = "Czarnowska, Vyas & Shah 2021, arXiv 2106.14574"
RIBEIRO: Final = "Ribeiro et al. 2020, arXiv 2005.04118"

MEAN: Final = Quantity(
    name="mean_absolute_change",
    unit="probability",
    ideal=0.0,
    low=0.0,
    high=1.0,
    definition=(
        "Mean over texts x of the mean of |f(x') - f(x)| over the versions x' of x "
        "that speak of another group; f the probability of one class, or else the "
        "total variation distance of all classes in place of the difference."
    ),
    reference=GARG,
)
LARGEST: Final = Quantity(
    name="largest_absolute_change",
    unit="probability",
    ideal=0.0,
    low=0.0,
    high=1.0,
    definition="Largest |f(x') - f(x)| of all pairs compared.",
    reference="own",
)
FLIPS: Final = Quantity(
    name="flip_rate",
    unit="proportion",
    ideal=0.0,
    low=0.0,
    high=1.0,
    definition=(
        "Mean over texts of the share of its versions for which the decision differs "
        "from that for the text."
    ),
    reference="as in TensorFlow Model Analysis, flip rates",
)
INCONSISTENT: Final = Quantity(
    name="inconsistency_rate",
    unit="proportion",
    ideal=0.0,
    low=0.0,
    high=1.0,
    definition=(
        "Share of texts with a version for which the decision differs, and the "
        "probability of the class decided on first changes by more than the tolerance."
    ),
    reference=f"{RIBEIRO}, invariance tests",
)
SIGNED: Final = Quantity(
    name="signed_change",
    unit="probability",
    ideal=0.0,
    low=-1.0,
    high=1.0,
    definition=(
        "Mean over texts of f(version of the second group) - f(version of the first)."
    ),
    reference="paired comparison as in Kiritchenko & Mohammad 2018, arXiv 1805.04508",
)
RANGE: Final = Quantity(
    name="score_range",
    unit="probability",
    ideal=0.0,
    low=0.0,
    high=1.0,
    definition="Mean over texts of the largest less the smallest f of all versions.",
    reference=f"{CZARNOWSKA}, perturbation score range",
)
DEVIATION: Final = Quantity(
    name="score_deviation",
    unit="probability",
    ideal=0.0,
    low=0.0,
    high=0.5,
    definition=(
        "Mean over texts of the standard deviation (ddof 0) of f over all versions."
    ),
    reference=f"{CZARNOWSKA}, perturbation score deviation",
)
CHANGES: Final = (MEAN, LARGEST, FLIPS, INCONSISTENT, SIGNED, RANGE, DEVIATION)
