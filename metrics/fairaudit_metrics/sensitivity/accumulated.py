"""Accumulated prediction sensitivity."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fairaudit.data import Examples
from fairaudit.metric import Metric
from fairaudit.model import ModelCard, Reading, Request
from fairaudit.result import Finding
from fairaudit_metrics.sensitivity import counterfactual, evidence, human, protected
from fairaudit_metrics.sensitivity.forms import GAPS, LEVELS, SOURCE, chosen
from fairaudit_metrics.sensitivity.judgements import read_judgements
from fairaudit_metrics.sensitivity.parameters import Parameters
from fairaudit_metrics.sensitivity.plan import make_plan
from fairaudit_metrics.sensitivity.scoring import Scored


@dataclass(frozen=True)
class AccumulatedSensitivity(Parameters, Metric[Examples]):
    r"""Assess how far predictions move along what tells protected status.

    With task classifier f over the word embeddings x of a text and
    :math:`J = \partial f / \partial x`, :math:`P(x) = w^\top J v`: w picks classes, v
    picks features. Several forms of v are reported:

    ``absolute``
        :math:`w^\top |J| v`, v = \|∇g\| of a protected-status model (PSM) g.
    ``token``
        The same with the norms of tokens in place of features: it needs no common
        embedding space, only the texts. Where the two tokenizers differ, a PSM token's
        weight goes to the classifier's tokens by the characters in common.
    ``signed``
        :math:`w^\top J v`, v = ∇g of one group: above 0 where the way to that group is
        the way to the class. Terms cancel, so a small value says nothing.
    ``lexicon``
        v = 1 at tokens of listed terms, 0 elsewhere: it needs no PSM.
    ``directional``
        v = e(x') - e(x) at the tokens that a swap of listed terms changes: the
        first-order part of the change in prediction. It needs no PSM.

    Parameters
    ----------
    forms
        Joined by ``+``, or ``all``. ``signed`` is not among the defaults, since a mean
        of signed values near 0 can hide large movements.
    w
        ``predicted``, ``true``, ``class:NAME``, ``uniform`` or ``weights:W1+W2+...``,
        one a class. By default one-hot on the predicted class: the output that the
        text's decision rests on, and :math:`|w^\top J| = w^\top |J|` costs one backward
        pass. With general weights the forms with \|J\| cost a backward pass for each
        class with a weight, so 1 + K passes in all with K classes.
    output
        ``probability``, ``log_odds`` or ``logit``. By default probability, the output
        that decisions are made on and the one of the counterfactual metric; it
        saturates, so the log-odds stand beside it.
    norm
        Over the dimensions of a token: ``l2``, which does not depend on the axes of the
        embedding space; ``l1`` or ``linf``.
    normalise
        What v is divided by: its ``sum``, so that P is a weighted mean of slopes and
        does not depend on the scale or confidence of the PSM; its Euclidean length
        (``unit``); or ``none``, the literal w'|J||∇g|. `directional` is never
        normalised.
    step
        ``unit``: slopes per unit of embedding, the literal form; ``relative``: times
        ‖e_t‖, so that the scale of the embedding table drops out.
    smooth, points, noise
        ``noise`` takes the mean of P over `points` draws x + N(0, s²), s being `noise`
        times the root mean square of the text's embeddings, after SmoothGrad; ``path``
        over a straight line to x, after integrated gradients: from embeddings of 0, or
        for `directional` from x to x'. P is averaged, not the gradient, so slopes of
        unlike sign do not cancel. It costs `points` times as much.
    group
        Group of the PSM that g is the probability of. By default the second of two
        (only `signed` depends on which), the predicted one of more.
    terms
        Axis of a bundled list of English terms, or a file of terms (CSV or JSON) with
        their counterparts. By default the bundled list of the PSM's axis, or else of
        the first axis of the data that has one.
    counterfactual
        Whether the texts with terms swapped are predicted too, one forward pass each:
        how much the prediction changes, how the forms rank with that, and how good the
        first-order change is.
    human
        A .csv or .tsv file of judgements: a column ``id`` or ``text``, then one column
        an annotator, or the columns ``annotator`` and ``judgement``.
    min_auc
        PSM quality below which P is withheld: its gradient then points nowhere.
    min_count
        Smallest number of texts for which a mean is reported.
    saturated, most_saturated
        A text is saturated where the predicted class is more probable than `saturated`;
        a share of more than `most_saturated` is flagged.
    examples
        How many texts with the largest P are listed with their tokens.
    values
        Whether P of every text is listed.
    draws, level
        Of intervals and permutation tests.

    Notes
    -----
    The paper's exact choices of w, of absolute values and of the normalisation of v
    could not be confirmed; this is a metric of that family, defined as above, and its
    numbers are not claimed to be those of the paper. The forms ``lexicon``, ``token``
    and ``directional``, the smoothing and all normalisations are ours.

    Special tokens and padding are no part of x: they count neither in the sums nor in
    the normalisation. A listed word counts wherever it stands, whatever its sense; a
    swap is made only where rules can decide it. ``ratio_to_uniform_v`` compares with
    equal weights on all features or tokens: above 1, the classifier attends to
    protected status more than to the rest. P = 0 over the features of g shows no
    dependence on them; it shows statistical parity only if nothing else in the text
    depends on the group.

    References
    ----------
    .. [1] S. Krishna et al., "Measuring Fairness of Text Classifiers via Prediction
       Sensitivity", ACL 2022, arXiv:2203.08670.
    .. [2] K. Maughan and J. P. Near, "Towards a Measure of Individual Fairness for Deep
       Learning", 2020, arXiv:2009.13650.
    .. [3] S. Garg et al., "Counterfactual Fairness in Text Classification through
       Robustness", AIES 2019, arXiv:1809.10610.
    .. [4] D. Smilkov et al., "SmoothGrad", 2017, arXiv:1706.03825.
    .. [5] M. Sundararajan et al., "Axiomatic Attribution for Deep Networks", 2017,
       arXiv:1703.01365.
    """

    name = "sensitivity"
    family = "sensitivity"
    accepts = Examples
    quantities = (
        *(q for form in LEVELS for q in (LEVELS[form], GAPS[form])),
        *(protected.AUC, protected.ACCURACY, protected.BRIER),
        evidence.SATURATED,
        *(counterfactual.CHANGE, counterfactual.AGREEMENT, counterfactual.LINEAR),
        *(human.AGREEMENT, *human.CORRELATIONS.values(), human.DIFFERENCE),
    )
    summary = "Movement of predictions along what tells protected status"
    formula = (
        "P(x) = w'Jv, w one-hot on the predicted class, v from ∇ of a protected-status "
        "model or from listed terms"
    )
    limits = (
        "First order: says nothing about large changes; small where the classifier is "
        "saturated. Levels are not comparable between models with other embeddings."
    )
    source = SOURCE
    asks = ("gradient",)

    def needs(self, data: Examples, card: ModelCard) -> Mapping[str, Request]:
        """Ask for one forward and one backward pass of each model.

        Of the texts, and for one forward pass of the texts with terms swapped.
        """
        if self.human is not None:
            read_judgements(Path(self.human), data)
        return make_plan(self, data, card).requests(data)

    def score(
        self,
        data: Examples,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterable[Finding]:
        """Return PSM quality, every form, its counterparts and human agreement."""
        plan = make_plan(self, data, card)
        scored = Scored(data=data, card=card, plan=plan, readings=readings, metric=self)
        streams = iter(rng.spawn(len(LEVELS) + 4))
        return self._findings(scored, streams)

    def _findings(
        self, scored: Scored, streams: Iterator[np.random.Generator]
    ) -> Iterator[Finding]:
        yield from scored.quality.findings if scored.quality else ()
        yield scored.saturation()
        for form in LEVELS:
            stream = next(streams)
            if form in chosen(self.forms):
                yield from scored.form(form, stream)
        yield from scored.counterfactual(next(streams))
        yield from scored.human(next(streams))
