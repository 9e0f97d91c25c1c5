"""Two proportions compared."""


def difference_interval(
    first: tuple[int, int], second: tuple[int, int], level: float
) -> tuple[float, float]:
    """Return Newcombe's interval of the difference of two proportions.

    Each is given as (successes, total). The hybrid score interval of Newcombe 1998
    (doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I, method 10)
    is made of the Wilson intervals of both.

    Raises
    ------
    ValueError
        Where a total is 0.

    Examples
    --------
    >>> low, high = difference_interval((9, 10), (3, 10), 0.95)
    >>> round(low, 4), round(high, 4)
    (0.1705, 0.809)
    """
    from statsmodels.stats.proportion import confint_proportions_2indep

    if not (first[1] and second[1]):
        raise ValueError("the proportion of an empty total is undefined")
    low, high = confint_proportions_2indep(
        *first, *second, method="newcomb", compare="diff", alpha=1 - level
    )
    return float(low), float(high)


def fisher_p(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Return the two-sided p-value of Fisher's exact test of equal proportions.

    Examples
    --------
    >>> round(fisher_p((9, 10), (3, 10)), 4)
    0.0198
    """
    from scipy.stats import fisher_exact

    table = [[hits, total - hits] for hits, total in (first, second)]
    return float(fisher_exact(table).pvalue)
