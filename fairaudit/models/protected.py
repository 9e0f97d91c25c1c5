"""The protected-status model of an audit, on the texts of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from fairaudit.arrays import AnyArray, BoolArray
from fairaudit.errors import AuditError
from fairaudit.model import Slope
from fairaudit.models.accumulation import Protected
from fairaudit.models.alignment import shares
from fairaudit.models.differentiated import Classifier, Outputs
from fairaudit.models.encoded import Encoded
from fairaudit.models.gradients import Point, Slopes, slopes


@dataclass(frozen=True)
class Companion:
    """A protected-status model and the batch that it accompanies.

    Parameters
    ----------
    model
        The protected-status model (PSM).
    texts, beside
        The texts, and how the task classifier cuts them.
    """

    model: Classifier
    texts: Sequence[str]
    beside: Encoded

    @cached_property
    def batch(self) -> Encoded:
        """The texts as the PSM cuts them."""
        return self.model.encode(self.texts)

    @cached_property
    def outputs(self) -> Outputs:
        """What the PSM says of the texts."""
        return self.model.at(self.batch, None)

    @property
    def probabilities(self) -> AnyArray:
        """Shape (b, groups)."""
        found = self.outputs.probabilities
        if found is None:
            raise AuditError("the protected-status model gave no probabilities")
        return np.asarray(found)

    @cached_property
    def alike(self) -> BoolArray:
        """Which texts both models cut into the same tokens."""
        mine, other = self.beside, self.batch
        width = max(mine.text.shape[1], other.text.shape[1])
        text, theirs = (_padded(x.text, width) for x in (mine, other))
        offsets, others = (_padded(x.offsets, width) for x in (mine, other))
        places = ((offsets == others).all(axis=-1) | ~text).all(axis=1)
        found: BoolArray = (text == theirs).all(axis=1) & places
        return found

    def protected(
        self, at: Point | None, group: int, slope: Slope, task: Slopes
    ) -> tuple[Protected | None, AnyArray]:
        """Return what the PSM names as protected at a point, and faults by text.

        Its probability is differentiated by its log-odds: the direction is the same,
        and is not lost where the PSM is sure. Where the two models cut a text
        differently, token norms go to the task classifier's tokens by the characters
        in common, and there are no features.
        """
        found = None if at is None else _slopes(at, group, slope)
        if found is None or found.norms is None:
            return None, np.full(len(self.texts), 3, dtype=np.int8)
        norms = self._norms(found.norms)
        protected = Protected(self._features(found.signed, task), norms, found.factor)
        return protected, self._faults(norms)

    def _norms(self, theirs: torch.Tensor) -> torch.Tensor:
        norms = _fitted(theirs, self.beside.text.shape[1])
        if self.alike.all():
            return norms
        spread = torch.from_numpy(shares(self.beside, self.batch)).to(theirs)
        inside = torch.from_numpy(self.batch.text).to(theirs.device)
        moved = (spread @ theirs.masked_fill(~inside, 0.0)[..., None])[..., 0]
        alike = torch.from_numpy(self.alike).to(theirs.device)
        return torch.where(alike[:, None], norms, moved)

    def _features(self, theirs: torch.Tensor, task: Slopes) -> torch.Tensor | None:
        """Return ∇g, NaN for texts that are cut differently; None if all are."""
        if not self.alike.any() or theirs.shape[-1] != task.signed.shape[-1]:
            return None
        unlike = torch.from_numpy(~self.alike).to(theirs.device)
        features = _fitted(theirs, self.beside.text.shape[1])
        return features.masked_fill(unlike[:, None, None], torch.nan)

    def _faults(self, norms: torch.Tensor) -> AnyArray:
        inside = np.where(self.beside.text, norms.detach().cpu().numpy(), 0.0)
        faults = np.where(inside.any(1), 0, 5).astype(np.int8)
        faults[~np.isfinite(inside).all(1)] = 2
        return faults


def _slopes(at: Point, group: int, slope: Slope) -> Slopes | None:
    groups = at.logits.detach().nan_to_num().argmax(-1)
    if group >= 0:
        groups = torch.full_like(groups, group)
    return slopes(at, groups, "probability", slope.norm)


def _padded(columns: AnyArray, width: int) -> AnyArray:
    rest = [(0, 0)] * (columns.ndim - 2)
    return np.pad(columns, [(0, 0), (0, width - columns.shape[1]), *rest])


def _fitted(columns: torch.Tensor, width: int) -> torch.Tensor:
    """Return as many columns: what is added or lost is padding of texts cut alike."""
    kept = columns[:, :width]
    missing = width - kept.shape[1]
    if not missing:
        return kept
    empty = kept.new_zeros(len(kept), missing, *kept.shape[2:])
    return torch.cat([kept, empty], dim=1)
