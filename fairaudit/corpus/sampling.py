"""Feed the words of a corpus, block by block, to one reservoir each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.corpus.matching import Finder, Stimulus
from fairaudit.corpus.neighbours import neighbours
from fairaudit.corpus.reading import Block
from fairaudit.corpus.reservoir import Reservoir
from fairaudit.corpus.sentences import Window
from fairaudit.corpus.spelling import Spellings

Row: TypeAlias = tuple[int, float, int, int, int, int, int, bool]


@dataclass(frozen=True)
class Hits:
    """Candidates of a block that the reservoirs would take, shape (n,) each."""

    number: IntArray
    at: IntArray
    key: Array

    def by_place(self) -> "Hits":
        """Return them in the order of the text, in which looking around is fastest."""
        order = np.argsort(self.at)
        return Hits(self.number[order], self.at[order], self.key[order])


class Sampler:
    """One reservoir a word, fed block by block.

    Parameters
    ----------
    words
        What is looked for.
    per_word, window, seed
        As in the settings of a pool.
    """

    def __init__(
        self, words: Sequence[str], per_word: int, window: int, seed: int
    ) -> None:
        self.stimuli = [Stimulus(word) for word in words]
        self.samples = [
            Reservoir(per_word, np.random.default_rng([seed, *stimulus.encoded]))
            for stimulus in self.stimuli
        ]
        self._finder = Finder(self.stimuli)
        self._spellings = Spellings(self.stimuli)
        self._window = Window(window)

    def take(self, block: Block, label: str) -> None:
        """Offer the occurrences of a block, those first whose keys are smallest.

        Keys are drawn before anything is cut out, and what lies above the bar is not;
        the smallest first, so that the bar is soon as low as the block can make it.
        """
        drawn = [
            (number, offsets, *self.samples[number].draw(len(offsets)))
            for number, offsets in self._finder.find(block.content)
        ]
        drawn = [hit for hit in drawn if hit[2].size]
        if not drawn:
            return
        hits = Hits(
            np.repeat([n for n, *_ in drawn], [len(keys) for *_, keys in drawn]),
            np.concatenate([offsets[chosen] for _, offsets, chosen, _ in drawn]),
            np.concatenate([keys for *_, keys in drawn]),
        )
        hits = hits.by_place()
        part, at = block.around(hits.at)
        self._offer(replace(hits, at=at), part, label)

    def _offer(self, hits: Hits, block: Block, label: str) -> None:
        content, cut = block.content, self._window.cut
        for number, key, at, end, begin, stop, document, whole in self._rows(
            hits, block
        ):
            reservoir = self.samples[number]
            if key >= reservoir.bar:
                continue
            found = (
                (content[begin:stop], at - begin, end - begin)
                if whole
                else cut(content, (begin, stop), at, self.stimuli[number])
            )
            if found:
                reservoir.add(key, found, (label, document))

    def _rows(self, hits: Hits, block: Block) -> Iterator[Row]:
        """Yield the possible matches by stimulus, the smallest keys first.

        The last column tells whether a match is sure and its sentence kept as it is.
        """
        end = hits.at + self._spellings.lengths[hits.number]
        near = neighbours(block, hits.at, end)
        whole = near.apart & near.short(block.content, hits.at, end, self._window)
        whole &= self._spellings.same(block.content, hits.at, hits.number)
        order = np.lexsort((hits.key, hits.number))
        order = order[near.possible[order]]
        columns = (
            *(hits.number, hits.key, hits.at, end),
            *(near.begins, near.ends, near.documents, whole),
        )
        return zip(*(column[order].tolist() for column in columns), strict=True)
