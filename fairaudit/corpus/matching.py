"""Find stimulus words in blocks of text.

A stimulus matches where it stands as a whole word: neither side touches a letter, a
digit or an underscore, nor a hyphen that joins it to one. So ``kind`` is not found in
``kindness`` and ``term`` is not found in ``short-term``, while ``short-term`` is, and
``he`` is found in ``he's`` and in ``he--she``. A stimulus with a capital matches in
exactly that case (``Rose`` the name); any other matches in every case.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fairaudit.arrays import AnyArray, IntArray
from fairaudit.corpus.scan import pieces
from fairaudit.errors import AuditError

_RUN = re.compile(rb"[A-Za-z0-9_]+")
_TOUCHES_LEFT = re.compile(r"\w[-\u2010\u2011]?\Z")
_TOUCHES_RIGHT = re.compile(r"[-\u2010\u2011]?\w")
_KEY = 8
_MIX, _LENGTH_MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_MASKS = np.array([(1 << (8 * n)) - 1 for n in range(_KEY + 1)], dtype="<u8")


@dataclass(frozen=True)
class Stimulus:
    """A word to look for.

    Parameters
    ----------
    word
        As the word list spells it.
    """

    word: str

    @cached_property
    def encoded(self) -> bytes:
        """The word as UTF-8."""
        return self.word.encode()

    @cached_property
    def cased(self) -> bool:
        """Whether the word has a capital, so that case counts."""
        return self.word != self.word.lower()

    @cached_property
    def anchor(self) -> re.Match[bytes] | None:
        """The longest run of ASCII letters and digits, if any, to search for."""
        return max(_RUN.finditer(self.encoded), key=lambda m: len(m[0]), default=None)

    def matches(self, before: str, found: str, after: str) -> bool:
        """Tell whether the text found between the two others is the word.

        >>> Stimulus("kind").matches("So ", "Kind", ", she said")
        True
        >>> Stimulus("kind").matches("So ", "kind", "-hearted")
        False
        """
        same = found == self.word or (not self.cased and found.lower() == self.word)
        return (
            same
            and not _TOUCHES_LEFT.search(before[-2:])
            and not _TOUCHES_RIGHT.match(after)
        )


class Finder:
    """Look for all stimuli at once.

    Tokens of ASCII letters and digits are reduced to 64-bit keys and looked up in a
    table, all with array operations, so the number of stimuli hardly matters. What is
    found are candidates: few are no match, none is missed.

    Parameters
    ----------
    stimuli
        Each begins and ends with a letter or digit.
    """

    def __init__(self, stimuli: Sequence[Stimulus]) -> None:
        by_key: dict[int, list[tuple[int, int]]] = {}
        for number, stimulus in enumerate(stimuli):
            if stimulus.anchor:
                key = _key_of(stimulus.anchor[0])
                by_key.setdefault(key, []).append((number, stimulus.anchor.start()))
        self._keys = np.array(sorted(by_key), dtype=np.uint64)
        self._at_key = [by_key[key] for key in sorted(by_key)]
        self._possible = np.zeros(1 << 16, dtype=bool)
        self._possible[self._keys >> np.uint64(48)] = True
        self._others = _Others(
            [(n, s.word) for n, s in enumerate(stimuli) if not s.anchor]
        )

    def find(self, content: bytes) -> Iterator[tuple[int, IntArray]]:
        """Yield the number of a stimulus and the byte offsets of its candidates."""
        found = [self._look_up(*piece) for piece in pieces(content)]
        if not found:
            return
        offsets = np.concatenate([offsets for offsets, _ in found])
        where = np.concatenate([where for _, where in found])
        order = np.argsort(where, kind="stable")
        keys, first = np.unique(where[order], return_index=True)
        for key, at in zip(
            keys.tolist(), np.split(offsets[order], first[1:]), strict=False
        ):
            for number, shift in self._at_key[key]:
                yield number, at - shift
        yield from self._others.find(content)

    def _look_up(self, begin: int, piece: bytes) -> tuple[IntArray, IntArray]:
        """Return where known keys are in a piece, and their places in the table."""
        offsets, keys = _tokens(piece)
        likely = np.flatnonzero(self._possible[(keys >> np.uint64(48)).view(np.int64)])
        offsets, keys = offsets[likely] + begin, keys[likely]
        where = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        exact = np.flatnonzero(self._keys[where] == keys) if len(keys) else likely
        return offsets[exact], where[exact]


class _Others:
    """Look for stimuli without ASCII letters by one pattern, which is slower."""

    def __init__(self, words: Sequence[tuple[int, str]]) -> None:
        self._numbers: dict[bytes, list[int]] = {}
        for number, word in words:
            for form in _forms(word):
                self._numbers.setdefault(form.encode(), []).append(number)
        forms = sorted(self._numbers, key=len, reverse=True)
        self._pattern = re.compile(
            b"(?=(" + b"|".join(map(re.escape, forms)) + rb")(?![\x80-\xbf]))"
        )

    def find(self, content: bytes) -> Iterator[tuple[int, IntArray]]:
        if not self._numbers or content.isascii():
            return
        at: dict[int, list[int]] = {}
        for match in self._pattern.finditer(content):
            for form in self._shorter(match[1]):
                for number in self._numbers[form]:
                    at.setdefault(number, []).append(match.start())
        for number in sorted(at):
            yield number, np.array(at[number], dtype=np.int64)

    def _shorter(self, longest: bytes) -> list[bytes]:
        return [form for form in self._numbers if longest.startswith(form)]


def _forms(word: str) -> set[str]:
    if word != word.lower():
        return {word}
    return {word, word.capitalize(), word.title(), word.upper()}


def check_words(words: Sequence[str], origin: str) -> tuple[str, ...]:
    """Return the words, each once; each must begin and end with a letter or digit."""
    found = tuple(dict.fromkeys(word.strip() for word in words if word.strip()))
    for word in found:
        if not re.fullmatch(r"\w(.*\w)?", word):
            raise AuditError(
                f"{origin}: the word {word!r} does not begin and end with a letter or "
                "digit, so it cannot be found as a word. Mend or remove it."
            )
    if not found:
        raise AuditError(f"{origin}: there are no words. Give one on each line.")
    return found


def _tokens(content: bytes) -> tuple[IntArray, AnyArray]:
    """Return offsets and keys of the tokens of ASCII letters and digits."""
    text, size = np.frombuffer(content, np.uint8), len(content)
    # Small letters; digits stay what they are, and what else changes is masked.
    folded = np.zeros(size + _KEY, np.uint8)
    np.bitwise_or(text, ord(" "), out=folded[:size])
    inside = np.zeros(size + 2, dtype=bool)
    middle = inside[1:-1]
    np.less(folded[:size] - np.uint8(ord("a")), 26, out=middle)
    middle |= text - np.uint8(ord("0")) < 10
    middle |= text == ord("_")
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    begins, lengths = edges[::2], edges[1::2] - edges[::2]
    words = np.ndarray((size + 1,), "<u8", folded, strides=(1,))
    return begins, _keys(words[begins], lengths)


def _keys(first: AnyArray, lengths: IntArray) -> AnyArray:
    """Mix the first eight bytes of tokens with their lengths."""
    kept = first & _MASKS[np.minimum(lengths, _KEY)]
    mixed: AnyArray = kept * _MIX + lengths.astype(np.uint64) * _LENGTH_MIX
    return mixed


def _key_of(token: bytes) -> int:
    return int(_tokens(token)[1][0])
