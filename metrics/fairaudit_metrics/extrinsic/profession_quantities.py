"""What the figures about gaps of classes mean."""

from typing import Final

from fairaudit.result import Quantity

DE_ARTEAGA: Final = "De-Arteaga et al. (2019), arXiv 1901.09451"
RAVFOGEL: Final = "Ravfogel et al. (2020), arXiv 2004.07667"
DIFFERENCE: Final = "difference of proportions"
GAP: Final = Quantity(
    name="true_positive_rate_gap",
    unit=DIFFERENCE,
    ideal=0,
    low=-1,
    high=1,
    definition="True positive rate of a class in the first group minus the second.",
    reference=DE_ARTEAGA,
)
CHANGE: Final = Quantity(
    name="imbalance_change",
    unit=DIFFERENCE,
    ideal=0,
    low=-1,
    high=1,
    definition=(
        "Share of the first group among the texts of a class that are predicted "
        "correctly, minus its share among all texts of the class."
    ),
    reference=DE_ARTEAGA,
)
RMS: Final = Quantity(
    name="rms_gap",
    unit=DIFFERENCE,
    ideal=0,
    low=0,
    high=1,
    definition="Root mean square of the gaps over the classes.",
    reference=RAVFOGEL,
)
CORRELATION: Final = Quantity(
    name="gap_correlation",
    unit="correlation",
    ideal=0,
    low=-1,
    high=1,
    definition=(
        "Pearson's correlation, over the classes, of the gap and the first group's "
        "share of the texts of the class."
    ),
    reference=DE_ARTEAGA,
)
COMPOUNDING: Final = Quantity(
    name="compounding_share",
    unit="proportion",
    ideal=None,
    low=0,
    high=1,
    definition=(
        "Share of the classes whose imbalance is greater among the texts that are "
        "predicted correctly than among all."
    ),
    reference=DE_ARTEAGA,
)
