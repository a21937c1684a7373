"""A fine-tuning from a good model never leaves a worse one, wherever it is stopped."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_midl.engine import annotation, training
from napari_midl.engine.annotation import PaintedVolume
from napari_midl.engine.jobs import run
from napari_midl.engine.scores import at_blocks, class_scores, most_probable
from napari_midl.engine.trees import synthetic_sample
from napari_midl.engine.verdict import Basis, Verdict, verdict_of
from napari_midl.methods.vessels import apply, learn, learn_pixels
from napari_midl.methods.vessels.classes import CLASSES, VESSEL
from napari_midl.methods.vessels.models import named_model, scratch
from napari_midl.methods.vessels.settings import FinetuneSettings
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.scaling import robust_scaling
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from napari_midl.engine.models import Model
    from napari_midl.engine.trained import Finetuned

IMAGE, MASK = (whole[:, :72, :72] for whole in synthetic_sample((20, 96, 96), seed=7)[:2])
HELD_OUT = 0.3
VOLUME = Volume.from_array(IMAGE, name="scan")
# Ruins whatever it trains.
RUINOUS = {"learning_rate": 0.1, "patch": (8, 16, 16), "batch": 1, "minutes": 60.0}


@pytest.fixture(autouse=True)
def less_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks look at half as much around what they are scored on: that takes the time."""
    monkeypatch.setattr(annotation, "MARGIN", (4, 8, 8))


def patches(*planes: int) -> list[Patch]:
    painted = np.where(MASK, 2, 1).astype(np.uint8)
    return [Patch((z, 0, 0), painted[z : z + 1], f"slice {z}") for z in planes]


@cache
def good() -> Model:
    """The shipped model, which finds the vessels of such an image."""
    return named_model("unet")


def dice(model: Model, held_out: float, *planes: int) -> float:
    """Of a model on the strokes that are held out, or stand in for them."""
    painted = PaintedVolume(
        IMAGE, robust_scaling(VOLUME), patches(*planes), CLASSES, held_out, seed=0
    )

    def found(image):
        return apply.both_classes(apply.probability(model.network, image))

    probability, labels = at_blocks(found, painted, painted.scored.scoring)
    return class_scores(most_probable(probability, axis=1), labels, CLASSES)[VESSEL].dice


@cache
def dice_of_good(held_out: float) -> float:
    return dice(good(), held_out, 4, 12)


def tuned(start: Model, *planes: int, enough=lambda: False, **changes) -> Finetuned:
    settings = FinetuneSettings(**{**RUINOUS, "held_out": HELD_OUT, **changes})
    return run(learn.finetune(VOLUME, patches(*planes), start, settings, enough=enough))


def assert_no_worse(result: Finetuned, held_out: float) -> None:
    assert dice(result.model, held_out, 4, 12) >= dice_of_good(held_out) > 0.5
    assert (result.model.sha256 == good().sha256) == result.verdict.is_start
    assert result.taken != result.verdict.is_start
    assert result.after["dice"] >= result.before["dice"]


@pytest.mark.parametrize(
    ("steps", "held_out"), [(1, HELD_OUT), (7, 0.0), (12, HELD_OUT), (25, HELD_OUT)]
)
def test_a_training_that_ruins_what_it_trains_leaves_no_worse_model(steps, held_out):
    result = tuned(good(), 4, 12, steps=steps, held_out=held_out)
    assert result.steps == steps
    assert_no_worse(result, held_out)
    # The training itself did get worse, or this would prove nothing.
    looks = [look["validation_dice"] for look in result.history]
    assert steps < 25 or looks[-1] < looks[0] - 0.1


@pytest.mark.parametrize("pressed_at", [1, 11])
def test_stop_and_keep_leaves_no_worse_model(pressed_at):
    asked = []

    def enough() -> bool:
        asked.append(None)
        return len(asked) >= pressed_at

    result = tuned(good(), 4, 12, enough=enough)
    assert result.steps == pressed_at
    assert_no_worse(result, HELD_OUT)


def test_the_clock_leaves_no_worse_model(monkeypatch):
    now = [0.0]

    def tick() -> float:
        now[0] += 1.0
        return now[0]

    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=tick))
    result = tuned(good(), 4, 12, minutes=1.0)
    assert 0 < result.steps < 60
    assert_no_worse(result, HELD_OUT)


@pytest.mark.parametrize("stopped_at", ["scored", "step 3"])
def test_a_cancelled_training_leaves_the_start_as_it_was(stopped_at):
    start = named_model("unet")
    job = learn.finetune(VOLUME, patches(4, 12), start, FinetuneSettings(**RUINOUS))
    for progress in job:
        if progress.message == stopped_at:
            break
    job.close()
    assert start.sha256 == good().sha256


@pytest.mark.usefixtures("few_pixel_steps", "few_learners")
@pytest.mark.parametrize("kind", ["unet", "base"])
def test_at_whichever_step_it_is_cancelled_the_start_is_as_it_was(kind):
    start = named_model(kind)
    before = {name: weight.clone() for name, weight in start.network.state_dict().items()}
    if kind == "unet":
        settings = FinetuneSettings(**RUINOUS, steps=5)
        job = learn.finetune(VOLUME, patches(4, 12), start, settings)
    else:
        job = learn_pixels.finetune(
            VOLUME, patches(4, 12), start, FinetuneSettings(), lambda: start
        )
    messages = set()
    for progress in job:
        messages.add(progress.message)
        now = start.network.state_dict()
        assert all(torch.equal(now[name], weight) for name, weight in before.items())
    assert messages >= ({"step 3"} if kind == "unet" else {"learning all strokes"})


def test_what_neither_trained_nor_chose_decides_whether_it_is_taken():
    result = tuned(good(), 4, 18, steps=10, held_out=0.5, learning_rate=1e-3)
    assert result.basis is Basis.UNSEEN
    assert result.counts["blocks"] >= 3 and result.counts["voxels of vessel"] > 0
    if result.verdict is not Verdict.NOTHING:
        gained = result.after["dice"] - result.before["dice"]
        assert result.verdict is verdict_of(gained)
        assert result.taken == (gained >= 0)
    assert (result.model.sha256 == good().sha256) == result.verdict.is_start


def test_what_was_held_out_is_learnt_in_the_end_and_the_scores_are_from_before():
    how = {"steps": 4, "learning_rate": 1e-3}
    whole, part = (tuned(scratch(), 4, 12, finish=finish, **how) for finish in (True, False))
    assert (part.finished, part.after) == (0, whole.after)
    assert whole.finished > 0 and whole.model.sha256 != part.model.sha256
    assert whole.model.card["steps"] == part.model.card["steps"] + whole.finished


def test_from_scratch_the_start_is_no_candidate():
    result = tuned(scratch(), 4, 12, steps=3)
    assert result.verdict is Verdict.NOT_COMPARED and result.taken
    assert result.model.card["steps"] >= 3 and result.before == {}
