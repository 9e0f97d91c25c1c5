"""A backward pass is spent only on texts that need one."""

from dataclasses import dataclass, field

import numpy as np

from fairaudit.cache import Cache
from fairaudit.model import Predict, Sensitivity
from fairaudit.reading import read


@dataclass
class Recorder:
    """Notes, for each batch, its texts and the kinds of request."""

    batches: list[tuple[frozenset[str], frozenset[str]]] = field(default_factory=list)

    def identity(self, request):
        return {}

    def token_counts(self, texts):
        return np.array([len(text) for text in texts])

    def read(self, texts, asks):
        kinds = frozenset(ask.request.kind for ask in asks)
        self.batches.append((frozenset(texts), kinds))
        return [self._answer(ask) for ask in asks]

    def _answer(self, ask):
        n = len(ask.request.texts)
        value = np.array([float(len(text)) for text in ask.request.texts])
        if ask.request.kind == "predict":
            return {"probabilities": value}
        names = ("contribution", "start", "end")
        return {"lengths": np.ones(n, int), **dict.fromkeys(names, value)}


def test_backward_passes_are_spent_only_on_texts_that_need_them():
    model = Recorder()
    plain, deep = Predict(("a", "bb", "ccc")), Sensitivity(("bb", "dddd"))
    (first, second), cost = read(model, [plain, deep], Cache(None), 1000)
    assert dict(model.batches) == {
        frozenset({"a", "ccc"}): {"predict"},
        frozenset({"bb", "dddd"}): {"predict", "sensitivity"},
    }
    assert first["probabilities"].tolist() == [1.0, 2.0, 3.0]
    assert second["contribution"].tolist() == [2.0, 4.0]
    assert cost.forward_passes == 4
