"""Area under the ROC curve and its interval."""

from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array


def auc(positives: Array, negatives: Array) -> float:
    """Compute P(s+ > s-) + P(s+ = s-) / 2 over all pairs, from ranks.

    It equals the Mann-Whitney U of the positives over the number of pairs.

    Raises
    ------
    ValueError
        Where one of the classes is empty.

    Examples
    --------
    >>> auc(np.array([0.9, 0.5]), np.array([0.5, 0.1]))
    0.875
    """
    return float(_placements(positives, np.sort(negatives)).mean())


@dataclass(frozen=True)
class AucEstimate:
    """An AUC with DeLong's variance, 0 where a class has one row.

    `units` are the independent units of the smaller class, where rows are not: clusters
    of rows; 0 stands for rows.
    """

    value: float
    variance: float
    positives: int
    negatives: int
    units: int = 0

    def interval(self, level: float) -> tuple[float, float]:
        """Compute the interval that `delong_interval` describes."""
        if self.variance <= 0 or not 0 < self.value < 1:
            trials = self.units or min(self.positives, self.negatives)
            return _bound(self.value, trials, level)
        from scipy.special import expit, logit, ndtri

        error = np.sqrt(self.variance) / (self.value * (1 - self.value))
        half, centre = ndtri((1 + level) / 2) * error, logit(self.value)
        return float(expit(centre - half)), float(expit(centre + half))


def delong_interval(
    positives: Array, negatives: Array, level: float
) -> tuple[float, float]:
    """Compute an interval for the AUC with DeLong's variance, on the logit scale.

    With A the AUC, V+ the placements of the positives (share of negatives below, ties
    half) and V- those of the negatives, the variance is var(V+)/m + var(V-)/n (DeLong,
    DeLong and Clarke-Pearson 1988); the interval is logit(A) +- z se / (A (1 - A)),
    mapped back.

    That variance is 0 or undefined when the AUC is 0 or 1, when all scores are equal,
    or when a class has one row. Then no AUC has a variance above A (1 - A) / min(m, n)
    (van Dantzig 1951), that of a proportion of min(m, n) trials, and the interval is
    the Clopper-Pearson interval of A min(m, n) successes: wider than needed, never of
    width zero.

    Raises
    ------
    ValueError
        Where one of the classes is empty.

    Examples
    --------
    >>> low, high = delong_interval(np.array([2.0, 3.0]), np.array([0.0, 1.0]), 0.95)
    >>> round(low, 3), high
    (0.158, 1.0)
    """
    return delong(positives, negatives).interval(level)


def delong(positives: Array, negatives: Array) -> AucEstimate:
    """Compute the AUC and DeLong's variance; `delong_interval` states the formula."""
    positives, negatives = np.sort(positives), np.sort(negatives)
    above = _placements(positives, negatives)
    below = _placements(negatives, positives)
    m, n = len(above), len(below)
    enough = min(m, n) > 1
    variance = above.var(ddof=1) / m + below.var(ddof=1) / n if enough else 0.0
    return AucEstimate(float(above.mean()), float(variance), m, n)


def _placements(scores: Array, ordered: Array) -> Array:
    """Return the share of `ordered` below each score, ties half."""
    if not len(scores) or not len(ordered):
        raise ValueError("an AUC needs positives and negatives")
    left = np.searchsorted(ordered, scores, side="left")
    right = np.searchsorted(ordered, scores, side="right")
    return np.asarray((left + right) / (2 * len(ordered)), dtype=float)


def _bound(value: float, trials: int, level: float) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a proportion of `trials` trials."""
    from scipy.special import betaincinv

    hits, tail = value * trials, (1 - level) / 2
    low = betaincinv(hits, trials - hits + 1, tail) if hits > 0 else 0.0
    high = betaincinv(hits + 1, trials - hits, 1 - tail) if hits < trials else 1.0
    return float(low), float(high)
