"""Sentence Encoder Association Test."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from fairaudit.data import BuiltIn
from fairaudit.metric import Unmeasurable
from fairaudit.model import STATIC, Embed, ModelCard
from fairaudit.result import Json, Quantity
from fairaudit.stats.wordbootstrap import WordTable
from fairaudit_metrics.intrinsic.templates import bleached
from fairaudit_metrics.intrinsic.textassociation import (
    TextAssociation,
    effect_quantity,
)
from fairaudit_metrics.intrinsic.wordsets import AssociationTest

EFFECT_SIZE = effect_quantity(
    "sentences that say little besides the word",
    "May et al. 2019, doi:10.18653/v1/N19-1063",
)


@dataclass(frozen=True)
class SEAT(TextAssociation):
    """Measure how vectors of sentences associate targets with attributes.

    The effect size of the word embedding association test, on vectors of sentences:
    each word stands in five short sentences that fit its kind and say little besides.
    0 is neutral; positive means X goes with A.

    Parameters
    ----------
    tests
        Names such as ``"C6+C8"`` (plus signs or spaces between them); empty: C1 to C10
        and I1 to I4, or all tests of `test_file`.
    test_file
        JSON file with tests of your own: words by name, whose sets may say their
        ``"kind"`` (name, singular, plural, mass, adjective, other), or one test in the
        format of May et al. 2019, whose sentences are used as they are.
    max_missing
        A test is not run where a set loses a larger share of its words.
    layer
        Hidden layer, 0 the embedding output, -1 the last.
    pool
        How tokens make the vector of a sentence. ``"mean"`` of all tokens, the default,
        has a meaning for every architecture; ``"cls"`` is the first position, which few
        models are trained to make a summary; ``"last"`` suits causal models. Special
        tokens count for ``"cls"`` only.
    level
        Level of the interval.

    References
    ----------
    May, Wang, Bordia, Bowman & Rudinger 2019, "On Measuring Social Biases in Sentence
    Encoders", doi:10.18653/v1/N19-1063.

    Notes
    -----
    Deviations from the paper:

    - The p-value is our own: a two-sided permutation of words between X and Y, all
      sentences moving with their word, on the difference between the mean scores of
      words. The paper permutes sentences as if they were independent; sentences of one
      word are not, so that p-value is too small. It is in the detail as
      ``published_p``, one-sided, ties counted and not.
    - A file that does not say which sentences belong to one word has neither our
      p-value nor an interval.
    - The interval is our own: a percentile bootstrap that draws words anew within X, Y,
      A and B, with all their sentences.
    - The sentences are our own, so numbers differ from published ones.
    """

    name: ClassVar[str] = "seat"
    quantities: ClassVar[tuple[Quantity, ...]] = (EFFECT_SIZE,)
    summary: ClassVar[str] = "Association of targets with attributes in bare sentences."
    formula: ClassVar[str] = "d = (mean_X s - mean_Y s) / std_XY s, over sentences"
    limits: ClassVar[str] = (
        "Says how sentences are represented, not how a model treats people; depends on "
        "the templates, on pooling and on few words. Sets whose words are of different "
        "kinds differ in their sentences too."
    )
    source: ClassVar[str] = "https://doi.org/10.18653/v1/N19-1063"
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "association",
        "task": "representation",
    }

    def needs(self, data: BuiltIn, card: ModelCard) -> Mapping[str, Embed]:
        """Ask once for the vector of each sentence."""
        if card.entry.architecture == STATIC:
            raise Unmeasurable(
                "static vectors have none for sentences; weat reads them word by word"
            )
        return super().needs(data, card)

    def spell(self, listed: str, word: str, kind: str) -> tuple[str, ...]:
        """Return the sentences of a word."""
        return bleached().sentences(listed, word, kind)

    def further(self, kept: AssociationTest, table: WordTable) -> Mapping[str, Json]:
        """Return how many sentences each set has."""
        return {"sentences": {one.name: len(one.flat) for one in kept.sets}}
