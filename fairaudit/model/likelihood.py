"""Requests about the likelihood of tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias

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
    """

    texts: tuple[str, ...]
    mask: Masking = "each"
    attention: bool = False
    start: Start = "token"
    kind: ClassVar[str] = "token_logprob"

    def __post_init__(self) -> None:
        if self.attention and self.mask != "none":
            raise ValueError("attention is that of the unmasked text: mask='none'")

    @property
    def ragged(self) -> tuple[str, ...]:
        """Names of the columns with one row a token."""
        return (*TOKEN_COLUMNS, *(("attention",) if self.attention else ()))

    @property
    def settings(self) -> Mapping[str, str]:
        """Everything but the rows that determines the answer."""
        attention = str(self.attention).lower()
        return {"mask": self.mask, "attention": attention, "start": self.start}

    def row_keys(self) -> tuple[str, ...]:
        """Return what, beside the text, determines each row's answer."""
        return ("",) * len(self.texts)

    def take(self, rows: Sequence[int]) -> "TokenLogProb":
        """Return the request for some of the rows."""
        return replace(self, texts=tuple(self.texts[row] for row in rows))


@dataclass(frozen=True)
class SpanLogProb:
    """Ask a masked language model for a span's tokens, revealed from left to right.

    At step k the first k tokens of the span stand in the text, followed by one mask in
    place of all the others; the answer is log P(token k | that text). Columns as for
    `TokenLogProb`, one row a token of the span.

    Parameters
    ----------
    texts
        One text a row.
    spans
        Character offsets (start, end) of the span in each text.
    """

    texts: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    kind: ClassVar[str] = "span_logprob"
    ragged: ClassVar[tuple[str, ...]] = TOKEN_COLUMNS

    @property
    def settings(self) -> Mapping[str, str]:
        """Everything but the rows that determines the answer."""
        return {}

    def row_keys(self) -> tuple[str, ...]:
        """Return what, beside the text, determines each row's answer."""
        return tuple(f"{start}:{end}" for start, end in self.spans)

    def take(self, rows: Sequence[int]) -> "SpanLogProb":
        """Return the request for some of the rows."""
        texts = tuple(self.texts[row] for row in rows)
        return SpanLogProb(texts, tuple(self.spans[row] for row in rows))
