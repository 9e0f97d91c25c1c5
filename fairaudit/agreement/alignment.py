"""What the data behind two metrics share."""

from dataclasses import replace

from fairaudit.agreement.series import Series
from fairaudit.result import Alignment
from fairaudit.result.agreement import ALIGNED


def align(first: Series, second: Series) -> Alignment:
    """Return what two series share: groups, notion, domain, language and task.

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
    return replace(found, aligned=_aligned(found))


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
