"""What the data behind two metrics share."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from fairaudit.agreement.series import Series
from fairaudit.data import BUILT_IN
from fairaudit.result import Alignment, DomainDistance
from fairaudit.result.agreement import ALIGNED

_HOW: Final = "give the datasets with --data NAME=PATH"


def align(
    first: Series, second: Series, domains: Sequence[DomainDistance] = ()
) -> Alignment:
    """Return what two series share: groups, notion, domain, language and task.

    The distance of their texts is taken from `domains` and is no part of the rule.

    What is not known is left empty and does not count against the pair, except the
    groups: without groups on both sides a pair is not called aligned.
    """
    found = Alignment(
        groups=jaccard(first.groups, second.groups),
        shared_groups=tuple(sorted(first.groups & second.groups)),
        notions=_both("notion", first, second),
        domains=_both("domain", first, second),
        languages=_both("language", first, second),
        tasks=_both("task", first, second),
    )
    found = _apart(found, (first.dataset, second.dataset), domains)
    return replace(found, aligned=_aligned(found))


def _apart(
    found: Alignment, names: tuple[str, str], domains: Sequence[DomainDistance]
) -> Alignment:
    """Say how far the texts are apart, or why that is not known."""
    known = {frozenset((each.first, each.second)): each for each in domains}
    distance = known.get(frozenset(names))
    if distance is None:
        return replace(found, domain_note=_why_not(names, domains))
    return replace(
        found,
        vocabulary=distance.vocabulary,
        embedding=distance.embedding,
        embedding_p=distance.embedding_p,
        embedding_p_adjusted=distance.embedding_p_adjusted,
        domain_note=_told(distance),
    )


def _why_not(names: tuple[str, str], domains: Sequence[DomainDistance]) -> str:
    if BUILT_IN.card.name in names:
        return "not measured: a metric brings its own words along and reads no dataset"
    if names[0] == names[1]:
        return f"not measured: both metrics read {names[0]}"
    measured = {name for each in domains for name in (each.first, each.second)}
    absent = [name for name in names if name not in measured]
    if domains:
        return f"not measured: {' and '.join(absent)} not given; {_HOW}"
    return f"not measured; {_HOW}"


def _told(distance: DomainDistance) -> str:
    words = f"{distance.n[0]:,} and {distance.n[1]:,} texts by words"
    if distance.embedding is None:
        return f"{words}; {distance.reason}"
    first, second = distance.n_embedded
    return f"{words}, {first:,} and {second:,} by vectors of {distance.encoder}"


def jaccard(first: frozenset[str], second: frozenset[str]) -> float | None:
    """Return the share of all groups that both have; None where a side has none.

    >>> jaccard(frozenset({"women", "men"}), frozenset({"women"}))
    0.5
    """
    if not first or not second:
        return None
    return len(first & second) / len(first | second)


def _both(trait: str, first: Series, second: Series) -> tuple[str, str]:
    return first.traits.get(trait, ""), second.traits.get(trait, "")


def _aligned(found: Alignment) -> bool:
    traits = (found.notions, found.languages, found.tasks)
    differ = any(one and other and one != other for one, other in traits)
    return found.groups is not None and found.groups >= ALIGNED and not differ
