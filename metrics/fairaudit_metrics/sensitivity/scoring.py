"""The answers of one audit, turned into findings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.data import Examples, Group
from fairaudit.model import ModelCard, Reading
from fairaudit.result import Finding, Json, unit_keys
from fairaudit_metrics.sensitivity import evidence
from fairaudit_metrics.sensitivity.counterfactual import CHANGE, Counterfactual
from fairaudit_metrics.sensitivity.forms import GAPS, LEVELS, POINTED, measured
from fairaudit_metrics.sensitivity.human import CHANGE as CHANGED
from fairaudit_metrics.sensitivity.human import HumanAgreement
from fairaudit_metrics.sensitivity.judgements import read_judgements
from fairaudit_metrics.sensitivity.levels import ALL, Levels
from fairaudit_metrics.sensitivity.parameters import Parameters
from fairaudit_metrics.sensitivity.plan import Plan
from fairaudit_metrics.sensitivity.protected import Quality

FLAT = (
    "the probabilities of all classes sum to 1, so their equally weighted sum never "
    "moves: w'J is 0 whatever the model attends to; give other weights or output=logit"
)


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What the models answered about a dataset."""

    data: Examples
    card: ModelCard
    plan: Plan
    readings: Mapping[str, Reading]
    metric: Parameters

    @property
    def reading(self) -> Reading:
        """Answers about the texts."""
        return self.readings["texts"]

    @cached_property
    def quality(self) -> Quality | None:
        """How good the PSM is, None without one."""
        if self.plan.status is None:
            return None
        known = np.asarray(np.isfinite(self.reading["psm"]).all(axis=1))
        return Quality(
            status=self.plan.status,
            card=self.card,
            probabilities=self.reading["psm"],
            usable=known,
            clusters=self.data.clusters,
            min_count=self.metric.min_count,
            min_auc=self.metric.min_auc,
            level=self.metric.level,
        )

    @cached_property
    def against(self) -> Counterfactual | None:
        """The texts against the same texts with terms swapped."""
        swaps = self.plan.swaps
        if swaps is None:
            return None
        return Counterfactual(
            swaps=swaps,
            towards=self.readings["swaps"],
            swapped=self.readings.get("swapped"),
            classes=self._classes,
            slope=self.plan.slope,
            clusters=self.data.clusters,
            min_count=self.metric.min_count,
            draws=self.metric.draws,
            level=self.metric.level,
        )

    @property
    def _predicted(self) -> IntArray:
        found: IntArray = np.nan_to_num(self.reading["probabilities"]).argmax(axis=1)
        return found

    @property
    def _classes(self) -> IntArray:
        given = self.plan.weighting.classes
        return np.array(given, dtype=np.int64) if given else self._predicted

    def saturation(self) -> Finding:
        """Return the share of saturated texts."""
        m = self.metric
        table = self.reading["probabilities"]
        return evidence.saturation(table, m.saturated, m.most_saturated, m.level)

    def form(self, form: str, rng: np.random.Generator) -> Iterator[Finding]:
        """Return the findings of one form, or the reason why there are none."""
        quantity = measured(LEVELS[form], form, self.plan.slope)
        if reason := self._withheld(form):
            detail = self._psm(form)
            yield Finding(quantity=quantity, subject=ALL, reason=reason, detail=detail)
            return
        values = self._values(form)
        yield from Levels(
            quantity=quantity,
            gap=measured(GAPS[form], form, self.plan.slope),
            values=values,
            axes=self._axes(form),
            predicted=self._predicted,
            classes=self.card.labels,
            keys=unit_keys(self.data.texts),
            clusters=self.data.clusters,
            min_count=self.metric.min_count,
            draws=self.metric.draws,
            level=self.metric.level,
            detail=self._detail(form, values),
        ).findings(rng)

    def counterfactual(self, rng: np.random.Generator) -> Iterator[Finding]:
        """Return the counterfactual change and how the forms go with it."""
        found = self.against
        if found is None or found.swapped is None:
            return
        yield from Levels(
            quantity=CHANGE,
            gap=CHANGE,
            values=found.change,
            axes={},
            predicted=self._predicted,
            classes=(),
            keys=unit_keys(self.data.texts),
            clusters=self.data.clusters,
            min_count=self.metric.min_count,
            draws=self.metric.draws,
            level=self.metric.level,
            detail={"texts_without_swap": found.swaps.left_out, **self._terms()},
        ).findings(rng)
        yield from found.rank_correlations(self._measured(), rng)
        yield found.linearisation(rng)

    def human(self, rng: np.random.Generator) -> Iterator[Finding]:
        """Return the agreement with human judgements, where there are any."""
        if self.metric.human is None:
            return
        values = dict(self._measured())
        if self.against is not None and self.against.swapped is not None:
            values[CHANGED] = self.against.change
        yield from HumanAgreement(
            judgements=read_judgements(Path(self.metric.human), self.data),
            values=values,
            clusters=self.data.clusters,
            min_count=self.metric.min_count,
            draws=self.metric.draws,
            level=self.metric.level,
        ).findings(rng)

    def _measured(self) -> Mapping[str, Array]:
        """Return the values of the forms that are not withheld."""
        forms = (form for form in self.plan.forms if not self._withheld(form))
        return {form: self._values(form) for form in forms}

    def _withheld(self, form: str) -> str:
        if reason := self.plan.why_not.get(form):
            return reason
        slope, flat = self.plan.slope, self.plan.weighting.uniform
        signed = form in {"signed", "directional"} and slope.readout == "probability"
        if signed and flat and self._sums_to_one:
            return FLAT
        if form in POINTED and self.quality is not None:
            return self.quality.reason
        return ""

    @property
    def _sums_to_one(self) -> bool:
        total = self.reading["probabilities"].sum(axis=1)
        return bool(np.allclose(total[np.isfinite(total)], 1.0))

    def _values(self, form: str) -> Array:
        if form == "directional" and self.against is not None:
            return self.against.directional
        found: Array = self.reading[form]
        return found

    def _axes(self, form: str) -> Mapping[str, tuple[Group, ...]]:
        """Return the PSM's axis, where the data has it; without a PSM all axes."""
        status = self.plan.status
        if status is not None and status.axis is not None:
            return {status.axis: self.data.axes[status.axis]}
        return {} if form in POINTED else self.data.axes

    def _psm(self, form: str) -> Mapping[str, Json]:
        if form not in POINTED or self.quality is None:
            return {}
        return {"psm": self.quality.detail}

    def _terms(self) -> Mapping[str, Json]:
        terms = self.plan.terms
        return {} if terms is None else {"terms": terms.axis}

    def _detail(self, form: str, values: Array) -> Mapping[str, Json]:
        reading, slope = self.reading, self.plan.slope
        found: dict[str, Json] = {
            "w": self.plan.weighting.told,
            "backward_passes": self.plan.passes if form != "directional" else 1,
            "texts_without_value": evidence.missing(reading, form, values),
            "texts_truncated": int(reading["truncated"].sum()),
            **self._psm(form),
        }
        if form not in POINTED:
            found |= self._terms()
        if form == "directional":
            return {**found, "comparability": "a change in the output: comparable"}
        found["comparability"] = evidence.COMPARABLE[slope.step]
        flat = "uniform" if form in {"absolute", "signed"} else "uniform_token"
        found |= evidence.against_uniform(values, reading[flat])
        if slope.readout == "probability" and slope.smooth == "none":
            found |= evidence.confidence(values, reading)
        return {**found, **self._listed(form, values)}

    def _listed(self, form: str, values: Array) -> Mapping[str, Json]:
        """Return the texts with the largest values, and all values where wanted."""
        found: dict[str, Json] = {}
        if form == ("token" if self.plan.status is not None else "lexicon"):
            texts = evidence.Texts(self.data.texts, self.card.labels, self.reading)
            found["top"] = texts.top(values, self.metric.examples)
        if self.metric.values:
            known = np.isfinite(values)
            pairs = zip(values.tolist(), known.tolist(), strict=True)
            found["values"] = [value if keep else None for value, keep in pairs]
        return found
