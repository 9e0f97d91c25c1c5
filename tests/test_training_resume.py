"""A training that was interrupted ends as if it had not been."""

import json
from dataclasses import replace

import numpy as np
import pytest

from fairaudit.errors import AuditError
from fairaudit.models.checkpoint import TRAINING_CARD
from fairaudit.recipe import Recipe, select
from fairaudit.training import fine_tune, trained
from fairaudit.training.places import last_checkpoint, workplace
from tests.test_training import notes, probabilities, weights

BASE = Recipe(
    epochs=3, learning_rate=5e-3, batch_size=8, held_out=0.25, device="cpu", seed=2
)
RECIPES = {
    "plain": BASE,
    "patient": replace(BASE, patience=1, validation=0.2),
    "head": replace(BASE, freeze="encoder", patience=2, validation=0.2),
    "weighed": replace(BASE, class_weights="balanced", freeze="nothing"),
}


class Stop(Exception):
    """What interrupts a training here."""


@pytest.fixture(scope="module")
def encoder(zoo):
    return zoo("Bert", "Model", scale=1.0)


def stopping(at):
    """Watch a training until a step is done."""

    def watch(what, done, _total):
        if what.startswith("training") and done == at:
            raise Stop

    return watch


def hidden(place):
    return sorted(path.name for path in place.iterdir() if path.name.startswith("."))


@pytest.fixture(scope="module")
def whole(encoder, tmp_path_factory):
    """Train without interruption, each recipe once."""
    place = tmp_path_factory.mktemp("whole")
    return {
        name: (place / name, fine_tune(str(encoder), notes(48), recipe, place / name))
        for name, recipe in RECIPES.items()
    }


@pytest.mark.parametrize(
    ("name", "at"),
    [("plain", 3), ("patient", 6), ("head", 6), ("weighed", 11)],
)
def test_the_weights_are_those_of_a_run_without_interruption(
    encoder, whole, tmp_path, name, at
):
    """To the byte; an epoch has five steps, and four with validation rows."""
    data, recipe, out = notes(48), RECIPES[name], tmp_path / "out"
    with pytest.raises(Stop):
        fine_tune(str(encoder), data, recipe, out, watch=stopping(at), save_seconds=0.0)
    assert not out.exists()
    (work,) = hidden(tmp_path)
    assert work.startswith(".out-")
    seen = []
    card = fine_tune(
        str(encoder), data, recipe, out, watch=lambda *step: seen.append(step)
    )
    steps = [done for what, done, _ in seen if what.startswith("training")]
    assert steps[0] > 1
    path, expected = whole[name]
    assert weights(out) == weights(path)
    assert card == expected
    assert hidden(tmp_path) == []


@pytest.mark.slow
def test_interrupted_again_and_again_is_the_same(encoder, whole, tmp_path):
    out = tmp_path / "out"
    for at in (2, 4, 5, 9):
        with pytest.raises(Stop):
            fine_tune(
                str(encoder),
                notes(48),
                RECIPES["patient"],
                out,
                watch=stopping(at),
                save_seconds=0.0,
            )
    fine_tune(str(encoder), notes(48), RECIPES["patient"], out)
    assert weights(out) == weights(whole["patient"][0])


def test_restart_begins_anew(encoder, whole, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(Stop):
        fine_tune(
            str(encoder), notes(48), BASE, out, watch=stopping(9), save_seconds=0.0
        )
    seen = []
    fine_tune(
        str(encoder),
        notes(48),
        BASE,
        out,
        restart=True,
        watch=lambda *step: seen.append(step),
    )
    assert seen[0][1] == 1
    assert weights(out) == weights(whole["plain"][0])


def test_another_recipe_does_not_go_on_from_it(encoder, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(Stop):
        fine_tune(
            str(encoder), notes(48), BASE, out, watch=stopping(9), save_seconds=0.0
        )
    seen = []
    other = replace(BASE, seed=5, epochs=1)
    fine_tune(
        str(encoder), notes(48), other, out, watch=lambda *step: seen.append(step)
    )
    assert seen[0][1] == 1
    assert len(hidden(tmp_path)) == 1


def test_a_checkpoint_that_was_cut_off_is_not_used(tmp_path):
    for step, state in ((4, "{}"), (9, '{"epoch": 1'), (2, "{}")):
        place = tmp_path / "checkpoints" / f"checkpoint-{step}"
        place.mkdir(parents=True)
        (place / "trainer_state.json").write_text(state)
    (tmp_path / "checkpoints" / "checkpoint-12").mkdir()
    assert last_checkpoint(tmp_path).name == "checkpoint-4"


def test_two_trainings_of_one_model_at_once_are_refused(tmp_path):
    with (
        workplace(tmp_path / "out", "0" * 64, restart=False),
        pytest.raises(AuditError, match="Another process"),
        workplace(tmp_path / "out", "0" * 64, restart=False),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_patience_stops_early_and_keeps_the_best_weights(encoder, opened, tmp_path):
    """The loss that the card tells is that of the saved weights, and the lowest."""
    recipe = replace(
        BASE, epochs=30, learning_rate=2e-2, patience=2, validation=0.3, seed=1
    )
    data = notes(80)
    card = fine_tune(str(encoder), data, recipe, tmp_path / "out")
    told = card.training
    assert told["epochs"] == told["best_epoch"] + 2 < 30
    rows = select(data, recipe)
    texts = [data.texts[row] for row in rows.validation]
    found = probabilities(opened(tmp_path / "out"), texts)
    truth = rows.classes[rows.validation]
    losses = -np.log(found[np.arange(len(truth)), truth])
    assert card.n_validation == len(truth)
    assert told["best_validation_loss"] == pytest.approx(losses.mean(), rel=1e-4)


def test_without_patience_there_is_no_best_epoch(whole):
    told = whole["plain"][1].training
    assert told["best_epoch"] is None
    assert told["best_validation_loss"] is None
    assert told["epochs"] == 3


def test_a_model_is_trained_once_and_then_found(encoder, tmp_path):
    recipe = replace(BASE, epochs=1)
    path = trained(str(encoder), notes(48), recipe, tmp_path)
    assert path.parent.parent == tmp_path / "models"
    assert path.name == f"{encoder.name}-label"
    stamp = (path / TRAINING_CARD).stat().st_mtime_ns

    def fail(*_step):
        raise Stop

    assert trained(str(encoder), notes(48), recipe, tmp_path, watch=fail) == path
    assert (path / TRAINING_CARD).stat().st_mtime_ns == stamp
    other = replace(recipe, task="group", axis="gender")
    psm = trained(str(encoder), notes(48), other, tmp_path)
    assert psm.name == f"{encoder.name}-gender"
    assert json.loads((psm / TRAINING_CARD).read_text())["labels"] == ["men", "women"]
    with pytest.raises(Stop):
        trained(str(encoder), notes(52), recipe, tmp_path, watch=fail)
