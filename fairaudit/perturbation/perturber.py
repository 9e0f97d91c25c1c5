"""Swap the terms that name one group for those of another."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from fairaudit.errors import AuditError, suggest
from fairaudit.perturbation.context import english
from fairaudit.perturbation.lexicon import Found, Lexicon, Mention
from fairaudit.perturbation.swapped import State, Swapped
from fairaudit.perturbation.terms import TermList, term_list
from fairaudit.perturbation.tokens import Tokens, capitalised
from fairaudit.perturbation.writing import (
    NO_COUNTERPART,
    Span,
    Undecided,
    apply,
    edits,
)

TARGETS = ("all", "first", "one")
SEVERAL_GROUPS = "names more than one group"
BOUND = "a word that ties the text to a group"
FULL_NAME = "part of a proper name"
UNCLEAR = "a word that may or may not speak of a group"
NO_WAY_BACK = "swapping back gives another text"
_NAMED_PARTS = ("noun", "adjective", "name")
_JOINTS = ("", "'", "'s", "\u2019", "\u2019s")


class Perturber:
    """Swaps terms of one axis in texts, by rules that never guess.

    A text is swapped where it names one group only and every term in it has a
    counterpart of the same part of speech and number. Letter case, possessives and the
    articles a and an are kept in agreement. Whatever the rules cannot decide leaves
    the text out, with the reason.

    Parameters
    ----------
    terms
        An axis of the bundled lists (`AXES`) or a list of terms.
    targets
        Into which other groups: ``"all"``, the ``"first"`` that has counterparts, in
        the list's order, ``"one"`` such group chosen by seed and text, or names.
    mixed
        Also texts that name two groups, which change places.
    seed
        For ``targets="one"``: the choice depends on the seed and the text alone.

    Notes
    -----
    The rules are for English. A pronoun's sense (her: his or him) is told from the
    words around it by lists; so are words with senses that concern no people (black,
    old). A text is asymmetric where it names several groups, has a word bound to a
    group, a proper name ("King Charles"; a given name before a surname) or a term
    without counterpart. Every new text is swapped back: where that gives another text
    than the source (letter case apart where a list mixes proper and common nouns), the
    source is ambiguous.

    Examples
    --------
    >>> swapped = Perturber("gender").swap(
    ...     ["Her aunt met a waitress.", "Nobody came.", "He saw her.", "Hey guys!"]
    ... )
    >>> swapped.texts
    ('His uncle met a waiter.',)
    >>> swapped.states
    ('swapped', 'no term', 'asymmetric', 'ambiguous')
    >>> Perturber("religion", targets=("Jews",)).swap(["A Muslim man."]).texts
    ('A Jewish man.',)
    """

    def __init__(
        self,
        terms: str | TermList,
        *,
        targets: str | Sequence[str] = "all",
        mixed: bool = False,
        seed: int = 0,
    ) -> None:
        self.terms = term_list(terms) if isinstance(terms, str) else terms
        self.targets = _checked(targets, self.terms)
        self.mixed = mixed
        self.seed = seed
        self._lexicon = Lexicon.of(self.terms)

    def swap(self, texts: Iterable[str]) -> Swapped:
        """Swap the terms of each text."""
        made = _Made()
        for row, text in enumerate(texts):
            state, reason = self._swap_one(row, text, made)
            made.states.append(state)
            made.reasons.append(reason)
        return made.swapped(self.terms.axis)

    def _swap_one(self, row: int, text: str, made: "_Made") -> tuple[State, str]:
        found = self._lexicon.find(text)
        if problem := self._problem(found):
            return problem
        failures: list[str] = []
        done = 0
        for turn in self._turns(found):
            try:
                made.add(row, turn, *self._written(found, turn))
            except Undecided as error:
                failures.append(str(error))
                continue
            done += 1
            if self.targets in ("first", "one"):
                break
        return _outcome(done, failures, made)

    def _problem(self, found: Found) -> tuple[State, str] | None:
        """Return state and reason where the text is not to be swapped."""
        groups = found.groups
        if not groups:
            return ("ambiguous", UNCLEAR) if found.unclear else ("no term", "")
        if len(groups) > (2 if self.mixed else 1):
            return "asymmetric", SEVERAL_GROUPS
        if found.bound:
            return "asymmetric", BOUND
        if any(_in_name(found.tokens, m) for m in found.mentions):
            return "asymmetric", FULL_NAME
        return ("ambiguous", UNCLEAR) if found.unclear else None

    def _turns(self, found: Found) -> Iterator[dict[str, str]]:
        """Yield which group becomes which, variant by variant."""
        first, *others = found.groups
        if others:
            yield {first: others[0], others[0]: first}
            return
        for name in self._ordered(found.tokens.text):
            if name != first:
                yield {first: name}

    def _ordered(self, text: str) -> Sequence[str]:
        names = self.terms.groups
        if self.targets == "one":
            digest = hashlib.sha256(f"{self.seed}\0{text}".encode()).digest()
            start = int.from_bytes(digest[:8], "big") % len(names)
            return (*names[start:], *names[:start])
        return names if isinstance(self.targets, str) else self.targets

    def _written(
        self, found: Found, turn: dict[str, str]
    ) -> tuple[str, list[Span], list[Span]]:
        """Return the new text with its spans, if it does not read back differently."""
        text = found.tokens.text
        old = edits(found, turn)
        new, spans = apply(text, old)
        back = {after: before for before, after in turn.items()}
        if not self._reads_back(text, new, back):
            raise Undecided(NO_WAY_BACK)
        return new, [edit.span for edit in old], spans

    def _reads_back(self, text: str, new: str, back: dict[str, str]) -> bool:
        found = self._lexicon.find(new)
        if found.groups.keys() != back.keys() or self._problem(found):
            return False
        try:
            return apply(new, edits(found, back))[0].casefold() == text.casefold()
        except Undecided:
            # Her may be open to two readings where his was not.
            return True


@dataclass
class _Made:
    """Columns as they grow."""

    rows: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    turns: list[tuple[str, str]] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)
    old: list[Span] = field(default_factory=list)
    new: list[Span] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)

    def add(
        self,
        row: int,
        turn: dict[str, str],
        text: str,
        old: list[Span],
        new: list[Span],
    ) -> None:
        """Add a new text."""
        self.rows.append(row)
        self.texts.append(text)
        self.turns.append(next(iter(turn.items())))
        self.changes.append(len(old))
        self.old += old
        self.new += new

    def swapped(self, axis: str) -> Swapped:
        """Return the columns as arrays."""
        return Swapped(
            axis=axis,
            rows=np.array(self.rows, dtype=np.int64),
            texts=tuple(self.texts),
            from_groups=tuple(before for before, _ in self.turns),
            to_groups=tuple(after for _, after in self.turns),
            changes=np.array(self.changes, dtype=np.int64),
            old_spans=np.array(self.old, dtype=np.int64).reshape(-1, 2),
            new_spans=np.array(self.new, dtype=np.int64).reshape(-1, 2),
            states=tuple(self.states),
            reasons=tuple(self.reasons),
            left_out=dict(sorted(self.left_out.items())),
        )


def _outcome(done: int, failures: list[str], made: _Made) -> tuple[State, str]:
    """Tell what became of a text; count the variants that a swapped one lacks."""
    if done:
        for reason in failures:
            made.left_out[reason] = made.left_out.get(reason, 0) + 1
        return "swapped", ""
    unsure = [reason for reason in failures if reason != NO_COUNTERPART]
    return ("ambiguous", unsure[0]) if unsure else ("asymmetric", NO_COUNTERPART)


def _in_name(tokens: Tokens, mention: Mention) -> bool:
    """Tell whether a capitalised term stands in a proper name: Emily Smith."""
    part, at = mention.entry.readings[0].part, mention.at
    if part == "title" or tokens.text[slice(*mention.span)].islower():
        return False
    first = capitalised(tokens.raw(at))
    if part not in _NAMED_PARTS:
        return first and tokens.blank(at) and not tokens.begins(at)
    if capitalised(tokens.raw(mention.end - 1)) and _behind(tokens, mention.end):
        return True
    may_follow = first and (part == "name" or mention.entry.listed[0].islower())
    return may_follow and tokens.blank(at) and _ahead(tokens, at - 1)


def _behind(tokens: Tokens, end: int) -> bool:
    joined = tokens.gaps[end].strip() in _JOINTS
    return end < len(tokens.words) and joined and _name_like(tokens, end)


def _ahead(tokens: Tokens, at: int) -> bool:
    """Tell whether the word ahead is part of a name, not the capital of a sentence."""
    words = english()
    plain = words["closed"] | words["unsure"] | words["degree"]
    first = tokens.begins(at) and tokens.word(at) in plain
    return _name_like(tokens, at) and not first


def _name_like(tokens: Tokens, at: int) -> bool:
    raw = tokens.raw(at)
    return len(raw) > 1 and capitalised(raw)


def _checked(targets: str | Sequence[str], terms: TermList) -> str | tuple[str, ...]:
    if isinstance(targets, str):
        if targets in TARGETS:
            return targets
        targets = (targets,)
    for name in targets:
        if name not in terms.groups:
            raise AuditError(
                f"{terms.axis} has no group {name!r} to swap into. "
                f"{suggest(name, (*terms.groups, *TARGETS))}"
            )
    return tuple(targets)
