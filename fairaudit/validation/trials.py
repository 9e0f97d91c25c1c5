"""Train a classifier on planted bias, audit it, and keep what the metrics said."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import numpy as np

from fairaudit.engine import Settings, audit
from fairaudit.errors import AuditError
from fairaudit.recipe import Recipe
from fairaudit.registry import open_model
from fairaudit.result import Record
from fairaudit.training import load_card, trained
from fairaudit.validation.association import contexts
from fairaudit.validation.planting import AXIS, GROUPS, STRENGTHS, Cue, Planted, plant

if TYPE_CHECKING:
    from fairaudit.data import Examples
    from fairaudit.models import ModelOptions
    from fairaudit.planning import AnyMetric
    from fairaudit.training import TrainingCard

HEAD: Final = Recipe(
    freeze="encoder", epochs=30, learning_rate=0.01, batch_size=64, held_out=0.2
)
"""How the head alone learns; the encoder is read once."""
WHOLE: Final = Recipe(
    freeze="embeddings", epochs=6, learning_rate=1e-4, batch_size=16, held_out=0.2
)
"""How the encoder learns too, all but its word embeddings."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is validated, and how.

    Parameters
    ----------
    encoder
        Directory of the encoder.
    metrics
        The metrics to validate.
    options
        How models are opened.
    texts, audited
        How many texts are learnt from and audited; raised to a multiple of 16.
    seeds
        How many times all is done, with other texts and another training.
    seed
        The first seed.
    fine_tune
        Train the encoder too.
    strengths
        Of the bias that is planted.
    """

    encoder: str
    metrics: "Sequence[AnyMetric]"
    options: "ModelOptions"
    texts: int = 320
    audited: int = 160
    seeds: int = 3
    seed: int = 0
    fine_tune: bool = False
    strengths: tuple[float, ...] = STRENGTHS

    @property
    def unnamed(self) -> int:
        """How many texts that name no group an encoder learns from beside the others.

        They keep deeds telling where the label of all others is the group.
        """
        return self.texts // 2 if self.fine_tune else 0

    @property
    def recipe(self) -> Recipe:
        """How classifiers are trained."""
        base = WHOLE if self.fine_tune else HEAD
        return replace(base, device=self.options.device, dtype=self.options.dtype)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One classifier: the bias planted, how well it learnt, and what metrics said.

    Parameters
    ----------
    seed, strength, cue
        Of the texts.
    accuracy, auc
        On held-out texts labelled like those learnt from, so with the planted bias.
    records
        Of the audit, p-values corrected over the audit of this model.
    """

    seed: int
    strength: float
    cue: Cue
    accuracy: float
    auc: float | None
    records: Sequence[Record] = field(repr=False)


def run(plan: Plan, settings: Settings) -> tuple[list[Trial], "TrainingCard"]:
    """Return all trials, and how good the protected-status model is.

    Each seed draws texts anew and trains anew: one classifier for each strength, on the
    same texts with other labels, and a control at the largest strength whose texts name
    the group by a proxy alone. The protected-status model is trained once, on texts of
    its own.

    Raises
    ------
    AuditError
        Where the encoder cannot be trained from.
    """
    if plan.seeds < 1:
        raise AuditError(f"--seeds {plan.seeds}: give at least 1.")
    with TemporaryDirectory(prefix="fairaudit-") as place:
        cache = Path(place)
        rng = np.random.default_rng([plan.seed, 1 << 20])
        data = plant(plan.texts, rng).examples("protected status")
        psm = trained(
            plan.encoder,
            data,
            replace(plan.recipe, task="group", axis=AXIS, groups=GROUPS),
            cache,
            settings.watch,
        )
        work = _Work(plan, settings, cache, psm)
        trials = [
            trial
            for seed in range(plan.seed, plan.seed + plan.seeds)
            for trial in work.of_seed(seed)
        ]
        return trials, load_card(psm)


@dataclass(frozen=True)
class _Work:
    plan: Plan
    settings: Settings
    cache: Path
    psm: Path

    def of_seed(self, seed: int) -> Iterator[Trial]:
        """Return the trials of a seed: all strengths, then the control."""
        cues: dict[Cue, tuple[float, ...]] = {
            "identity": self.plan.strengths,
            "proxy": (max(self.plan.strengths),),
        }
        for number, (cue, strengths) in enumerate(cues.items()):
            learnt_from, audited = self._texts(seed, number, cue)
            examples = audited.examples("planted")
            for strength in strengths:
                yield self._trial(seed, cue, strength, learnt_from, examples)

    def _texts(self, seed: int, number: int, cue: Cue) -> tuple[Planted, Planted]:
        rng = np.random.default_rng([seed, number])
        first, second = rng.spawn(2)
        return (
            plant(self.plan.texts, first, cue=cue, unnamed=self.plan.unnamed),
            plant(self.plan.audited, second, cue=cue, audited=True),
        )

    def _trial(
        self, seed: int, cue: Cue, strength: float, texts: Planted, data: "Examples"
    ) -> Trial:
        recipe = replace(self.plan.recipe, seed=seed)
        name = f"{cue} {strength:g} seed {seed}"
        path = trained(
            self.plan.encoder,
            texts.examples(name, strength),
            recipe,
            self.cache,
            self.settings.watch,
        )
        card = load_card(path)
        model = open_model(str(path), self.plan.options, str(self.psm))
        settings = replace(self.settings, seed=seed)
        # A frozen encoder has one association, whatever was planted.
        read = [data, contexts()] if self.plan.fine_tune else [data]
        report = audit([model], self.plan.metrics, read, settings)
        # A classifier is as large as its encoder, and is not needed any more.
        rmtree(path.parent)
        return Trial(
            seed=seed,
            strength=strength,
            cue=cue,
            accuracy=card.held_out_accuracy,
            auc=card.held_out_auc,
            records=report.records,
        )


def tallied(trials: Sequence[Trial]) -> Mapping[str, tuple[float, ...]]:
    """Return the accuracies by strength, the control last, for the report."""
    found: dict[str, tuple[float, ...]] = {}
    for trial in trials:
        name = f"{trial.strength:g}" + " (proxy)" * (trial.cue == "proxy")
        found[name] = (*found.get(name, ()), trial.accuracy)
    return found
