"""Requests about how a classifier's output moves with its word embeddings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Final, Literal, TypeAlias

Readout: TypeAlias = Literal["probability", "log_odds", "logit"]
Norm: TypeAlias = Literal["l1", "l2", "linf"]
Normalisation: TypeAlias = Literal["sum", "unit", "none"]
Step: TypeAlias = Literal["unit", "relative"]
Smoothing: TypeAlias = Literal["none", "noise", "path"]
Spans: TypeAlias = tuple[tuple[int, int], ...]

FAULTS: Final[Mapping[int, str]] = {
    1: "no token of the text was read",
    2: "a gradient is not finite",
    3: "the model's output cannot be differentiated by its word embeddings",
    4: "the text has no label that says which class to differentiate",
    5: "the gradient is zero in single precision, so it has no direction",
}
"""Why a text has no slope, by the number in the columns ``fault`` and ``psm_fault``."""


@dataclass(frozen=True)
class Slope:
    """Which output is differentiated, where, and how slopes are measured.

    Parameters
    ----------
    readout
        Of a class k: its probability, its log-odds log(p / (1 - p)), or its logit.
    weights
        One weight a class for w'J; empty: one class a row, that of the request.
    norm
        Over the dimensions of one token.
    normalise
        What the weights v of a text are divided by: their sum, their Euclidean length,
        or nothing.
    step
        ``"unit"``: slopes per unit of embedding; ``"relative"``: times the Euclidean
        length of the token's embedding, so that the scale of a table drops out.
    smooth
        ``"noise"`` averages over `points` draws x + N(0, s²), s being `noise` times
        the root mean square of the text's embeddings; a draw depends on the text and
        its number alone. ``"path"`` averages over the midpoints of `points` equal parts
        of a straight line to x, from where the embeddings of the text's tokens are 0.
        What is averaged is the result, not the gradient.
    """

    readout: Readout = "probability"
    weights: tuple[float, ...] = ()
    norm: Norm = "l2"
    normalise: Normalisation = "sum"
    step: Step = "unit"
    smooth: Smoothing = "none"
    points: int = 10
    noise: float = 0.1

    @property
    def settings(self) -> Mapping[str, str]:
        """Return the fields that determine the answer, as text."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        unused = {"none": ("points", "noise"), "path": ("noise",), "noise": ()}
        for name in unused[self.smooth]:
            del found[name]
        return {name: str(value) for name, value in found.items()}


@dataclass(frozen=True)
class Sensitivity:
    """Ask how a classifier's output moves along what another model, or a list, names.

    With s_t the gradient of the output by the embedding of token t, J one row of slopes
    a class, and a_t the gradient of the protected-status model (PSM), every form is a
    sum over the tokens of the text; special tokens and padding are none. Columns of
    shape (n,), each NaN where it is undefined:

    ``signed``: Σ_ti s_ti a_ti. ``absolute``: Σ_ti Σ_k w_k |J_kti| |a_ti|.
    ``token``: Σ_t Σ_k w_k ‖J_kt‖ ‖a_t‖. ``lexicon``: Σ_t Σ_k w_k ‖J_kt‖ over tokens of
    `terms`. ``uniform`` and ``uniform_token``: the absolute and the token form with an
    equal weight on all. The weights on features or tokens are normalised as `slope`
    says.

    Further: ``probabilities`` (n, classes), ``psm`` (n, groups), ``terms`` (tokens that
    `terms` cover), ``steepness`` (p (1 - p) of the differentiated class: what turns
    log-odds into probability; NaN with general weights), ``fault`` and ``psm_fault``
    (numbers of `FAULTS`, 0 for none), ``truncated``; and the ragged ``contribution``
    (summands of ``token``, without a PSM of ``lexicon``), ``start`` and ``end``
    (character offsets), one row a token.

    Parameters
    ----------
    texts
        One text a row.
    classes
        Class of each row that is differentiated, -1 for none; empty: the predicted one.
    terms
        Character offsets (start, end) of the terms of each text; empty: none.
    group
        Class of the PSM that is differentiated, -1 for the predicted one.
    slope
        How slopes are measured.
    psm
        Whether the PSM is read; without it only ``lexicon`` and the uniform forms.
    unsigned
        With general weights, whether |J| and ‖J‖ are wanted: they cost a backward pass
        for each class with a weight, ``signed`` costs one.
    """

    texts: tuple[str, ...]
    classes: tuple[int, ...] = ()
    terms: tuple[Spans, ...] = ()
    group: int = -1
    slope: Slope = Slope()
    psm: bool = True
    unsigned: bool = True
    ragged: ClassVar[tuple[str, ...]] = ("contribution", "start", "end")

    @property
    def kind(self) -> str:
        """Name what has to be read: both models, or the classifier alone."""
        return "sensitivity" if self.psm else "gradient"

    @property
    def settings(self) -> Mapping[str, str]:
        """Everything but the rows that determines the answer."""
        own = {"group": str(self.group), "unsigned": str(self.unsigned).lower()}
        return {"form": "text", **own, **self.slope.settings}

    def row_keys(self) -> tuple[str, ...]:
        """Return what, beside the text, determines each row's answer."""
        rows = range(len(self.texts))
        classes = self.classes or ("",) * len(rows)
        terms = self.terms or ((),) * len(rows)
        return tuple(f"{classes[row]} {_offsets(terms[row])}" for row in rows)

    def take(self, rows: Sequence[int]) -> "Sensitivity":
        """Return the request for some of the rows."""
        return replace(
            self,
            texts=tuple(self.texts[row] for row in rows),
            classes=tuple(self.classes[row] for row in rows if self.classes),
            terms=tuple(self.terms[row] for row in rows if self.terms),
        )


@dataclass(frozen=True)
class Directional:
    """Ask how a classifier's output moves towards another text, to first order.

    Columns: ``directional`` (n,), w'J v with v_t = e(x'_t) - e(x_t) at the tokens in
    which text x and counterpart x' differ and 0 elsewhere, NaN where it is undefined;
    ``moved`` (how many tokens differ) and ``aligned`` (whether x' differs by nothing
    but tokens in the place of as many others: then the value is the first-order term
    of the change); ``probabilities``, ``steepness``, ``fault`` and ``truncated`` as for
    `Sensitivity`.

    Where a run of tokens stands in the place of a run of another length, every token
    moves towards the mean embedding of the new run. Tokens that only one of the texts
    has move nowhere.

    Parameters
    ----------
    texts, counterparts
        Two texts a row.
    classes, slope
        As for `Sensitivity`; of `slope` only the output and the smoothing matter. A
        path leads from x to x': its mean tends to the finite change where `aligned`.
    """

    texts: tuple[str, ...]
    counterparts: tuple[str, ...]
    classes: tuple[int, ...] = ()
    slope: Slope = Slope()
    kind: ClassVar[str] = "gradient"
    ragged: ClassVar[tuple[str, ...]] = ()

    @property
    def settings(self) -> Mapping[str, str]:
        """Everything but the rows that determines the answer."""
        own = self.slope.settings
        plain = {k: v for k, v in own.items() if k not in {"norm", "normalise", "step"}}
        return {"form": "directional", **plain}

    def row_keys(self) -> tuple[str, ...]:
        """Return what, beside the text, determines each row's answer."""
        classes = self.classes or ("",) * len(self.texts)
        pairs = zip(classes, self.counterparts, strict=True)
        return tuple(f"{number} {text}" for number, text in pairs)

    def take(self, rows: Sequence[int]) -> "Directional":
        """Return the request for some of the rows."""
        return replace(
            self,
            texts=tuple(self.texts[row] for row in rows),
            counterparts=tuple(self.counterparts[row] for row in rows),
            classes=tuple(self.classes[row] for row in rows if self.classes),
        )


def _offsets(spans: Spans) -> str:
    return ",".join(f"{start}:{end}" for start, end in spans)
