"""Requests about the likelihood of tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from fairaudit.arrays import AnyArray

Span: TypeAlias = tuple[int, int]
Masking: TypeAlias = Literal["each", "none"]
Start: TypeAlias = Literal["token", "none"]
TOKEN_COLUMNS = ("logprob", "token", "top1", "start", "end")


@dataclass(frozen=True)
class TokenLogProb:
    """Ask for the natural-log probability of every token of each text.

    A token counts when it stands for at least one character of the text; special tokens
    do not. Columns: ``truncated`` (n,), and one row a token in the ragged ``logprob``,
    ``token`` (id), ``top1`` (whether no token is more likely), ``start`` and ``end``
    (character offsets); with `attention` also ``attention``.

    Parameters
    ----------
    texts
        One text a row.
    mask
        For a masked language model: ``"each"`` masks one token at a time and gives
        log P(token | all others); ``"none"`` masks nothing. A causal language model
        always gives log P(token | left context) and takes ``"none"`` only.
    attention
        Ask for the attention each token receives, averaged over layers, heads and query
        positions (special tokens are queries too); needs ``mask="none"``.
    start
        For a causal language model, what the first token is conditioned on: the start
        token that its tokenizer adds, else its bos token, else its eos token.
        ``"none"``: as before for the first token, but the others do not see it.
    pairs
        For each text two that it is one of, in the order in which they are compared:
        only tokens that `shared_tokens` finds in both are asked for. Needs
        ``mask="each"``. Empty: all tokens.
    """

    texts: tuple[str, ...]
    mask: Masking = "each"
    attention: bool = False
    start: Start = "token"
    pairs: tuple[tuple[str, str], ...] = ()
    kind: ClassVar[str] = "token_logprob"

    def __post_init__(self) -> None:
        if self.attention and self.mask != "none":
            raise ValueError("attention is that of the unmasked text: mask='none'")
        if self.pairs and self.mask != "each":
            raise ValueError("pairs: tokens are chosen with mask='each' only")
        if self.pairs and len(self.pairs) != len(self.texts):
            raise ValueError("pairs: one for each text, or none at all")
        if any(t not in p for t, p in zip(self.texts, self.pairs, strict=False)):
            raise ValueError("pairs: a text is one of its pair")

    @property
    def ragged(self) -> tuple[str, ...]:
        """Names of the columns with one row a token."""
        return (*TOKEN_COLUMNS, *(("attention",) if self.attention else ()))

    @property
    def settings(self) -> Mapping[str, str]:
        """Everything but the rows that determines the answer."""
        attention = str(self.attention).lower()
        known = {"mask": self.mask, "attention": attention, "start": self.start}
        return {**known, "tokens": "shared"} if self.pairs else known

    def row_keys(self) -> tuple[str, ...]:
        """Return what, beside the text, determines each row's answer."""
        if not self.pairs:
            return ("",) * len(self.texts)
        return tuple(f"{len(first)}:{first}{second}" for first, second in self.pairs)

    def take(self, rows: Sequence[int]) -> "TokenLogProb":
        """Return the request for some of the rows."""
        pairs = tuple(self.pairs[row] for row in rows) if self.pairs else ()
        texts = tuple(self.texts[row] for row in rows)
        return replace(self, texts=texts, pairs=pairs)


@dataclass(frozen=True)
class SpanLogProb:
    """Ask a masked language model for a span's tokens, revealed from left to right.

    At step k the first k tokens of the span stand in the text, followed by one mask in
    place of all the others; the answer is log P(token k | that text). Columns as for
    `TokenLogProb`, one row a token of the span, and ``unknown`` (n,): whether some
    token of the span or of a hidden one stands for what the tokenizer does not know.

    Parameters
    ----------
    texts
        One text a row.
    spans
        Character offsets (start, end) of the span in each text.
    hidden
        For each text the spans that the model does not see either: one mask stands in
        place of each, however many tokens it has, so that a hidden word's number of
        tokens is hidden too. Empty: none in any text.
    """

    texts: tuple[str, ...]
    spans: tuple[Span, ...]
    hidden: tuple[tuple[Span, ...], ...] = ()
    kind: ClassVar[str] = "span_logprob"
    ragged: ClassVar[tuple[str, ...]] = TOKEN_COLUMNS

    def __post_init__(self) -> None:
        if self.hidden and len(self.hidden) != len(self.texts):
            raise ValueError("hidden: one tuple of spans for each text, or none at all")
        for span, others in zip(self.spans, self.hidden, strict=False):
            if any(begin < span[1] and end > span[0] for begin, end in others):
                raise ValueError(f"hidden: {others} overlaps the span {span} asked for")

    @property
    def settings(self) -> Mapping[str, str]:
        """Everything but the rows that determines the answer."""
        return {"hidden": "one mask a span"}

    def row_keys(self) -> tuple[str, ...]:
        """Return what, beside the text, determines each row's answer."""
        hidden = self.hidden or ((),) * len(self.texts)
        pairs = zip(self.spans, hidden, strict=True)
        return tuple("|".join(map(_key, (span, *others))) for span, others in pairs)

    def take(self, rows: Sequence[int]) -> "SpanLogProb":
        """Return the request for some of the rows."""
        return SpanLogProb(
            tuple(self.texts[row] for row in rows),
            tuple(self.spans[row] for row in rows),
            tuple(self.hidden[row] for row in rows) if self.hidden else (),
        )


@dataclass(frozen=True)
class Fill:
    """Ask a masked language model which single tokens it would put in place of a span.

    One mask stands in place of the span. Columns: ``id`` and ``logprob`` (n, k), the
    most likely first; ``truncated`` (n,); ``unknown`` (n,): whether some token of the
    text outside the span stands for what the tokenizer does not know; and the ragged
    ``words``, which `fills` decodes. Special tokens are never among them; the
    log-probabilities are those over the whole vocabulary, special tokens included.
    Where the model does not read the span, ``id`` is -1, ``logprob`` NaN and there are
    no words.

    Parameters
    ----------
    texts
        One text a row.
    spans
        Character offsets (start, end) of the span in each text.
    k
        How many tokens.
    """

    texts: tuple[str, ...]
    spans: tuple[Span, ...]
    k: int = 3
    kind: ClassVar[str] = "fill"
    ragged: ClassVar[tuple[str, ...]] = ("words",)

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError("k must be at least 1")

    @property
    def settings(self) -> Mapping[str, str]:
        """Everything but the rows that determines the answer."""
        return {"k": str(self.k)}

    def row_keys(self) -> tuple[str, ...]:
        """Return what, beside the text, determines each row's answer."""
        return tuple(map(_key, self.spans))

    def take(self, rows: Sequence[int]) -> "Fill":
        """Return the request for some of the rows."""
        texts = tuple(self.texts[row] for row in rows)
        return Fill(texts, tuple(self.spans[row] for row in rows), self.k)


Likelihood: TypeAlias = TokenLogProb | SpanLogProb | Fill
"""Requests that only a language model answers."""


def fills(reading: Mapping[str, AnyArray]) -> list[tuple[str, ...]]:
    r"""Return the words of each row of an answer to `Fill`, the most likely first.

    A word is its token as text, without the space before it. The column ``words`` holds
    UTF-8 with a zero byte behind each word, since readings are arrays of numbers.

    >>> column = np.frombuffer("she\0he\0".encode(), dtype=np.uint8)
    >>> fills({"words": column, "lengths": np.array([7, 0])})
    [('she', 'he'), ()]
    """
    rows = np.split(reading["words"], np.cumsum(reading["lengths"]))[:-1]
    return [tuple(row.tobytes().decode().split("\0")[:-1]) for row in rows]


def filled(rows: Sequence[Sequence[str]]) -> Mapping[str, AnyArray]:
    """Return the columns ``words`` and ``lengths`` for words; the inverse of `fills`.

    >>> fills(filled([["she", "he"], []]))
    [('she', 'he'), ()]
    """
    found = [
        "".join(word.replace("\0", "\ufffd") + "\0" for word in row).encode()
        for row in rows
    ]
    return {
        "words": np.frombuffer(b"".join(found), dtype=np.uint8),
        "lengths": np.array([len(row) for row in found], dtype=np.int64),
    }


def _key(span: Span) -> str:
    return f"{span[0]}:{span[1]}"
