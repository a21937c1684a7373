"""What the tracker learns by, and that it learns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_midl.engine.jobs import run
from napari_midl.errors import InputError
from napari_midl.methods.axons.imitation import imitation_loss
from napari_midl.methods.axons.learn import finetune, train
from napari_midl.methods.axons.network import Policy
from napari_midl.methods.axons.settings import FinetuneSettings, TrainSettings
from napari_midl.volumes.traces import Trace

if TYPE_CHECKING:
    from napari_midl.engine.models import Model
    from napari_midl.volumes.volume import Volume

Wave = tuple[np.ndarray, np.ndarray]


def test_imitation_is_the_likelihood_of_what_a_perfect_tracker_does() -> None:
    two = torch.full((2, 2), 2.0)
    policy = Policy(two, two, torch.tensor([0.0, math.log(3.0)]))
    # Beta(2, 2) is 1.5 in the middle; the second agent does not count.
    targets = torch.tensor([[0.0, 0.0, 0.0, 1.0], [3.0, 3.0, 1.0, 0.0]])
    expected = -2 * math.log(1.5) + math.log(2.0)
    assert imitation_loss(policy, targets).item() == pytest.approx(expected, abs=1e-5)


def test_stopping_is_learnt_by_cross_entropy() -> None:
    two = torch.full((1, 2), 2.0)
    policy = Policy(two, two, torch.tensor([math.log(3.0)]))
    loss = imitation_loss(policy, torch.tensor([[0.0, 0.0, 1.0, 1.0]]))
    assert loss.item() == pytest.approx(-2 * math.log(1.5) - math.log(0.75), abs=1e-5)


@pytest.mark.parametrize("preset", ["compact", "paper"])
def test_training_runs_from_nothing_to_a_model(preset: str) -> None:
    settings = TrainSettings(
        preset=preset,
        images="SI",
        steps=3,
        minutes=10,
        agents=1,
        reinforce=1,  # type: ignore[arg-type]
    )
    model = run(train(settings))
    assert model.card["steps"] == 3
    assert len(model.card["calibration"]) == 2
    assert model.card["tool"] == "axons"


def test_a_training_repeats_to_the_bit() -> None:
    settings = TrainSettings(images="SI", steps=3, minutes=10, agents=1)
    assert run(train(settings)).sha256 == run(train(settings)).sha256


def test_fine_tuning_keeps_what_was_known_and_shows_it_on_traces_kept_aside(
    plane: Volume, wave: Wave, base: Model
) -> None:
    points = np.pad(wave[1], ((0, 0), (1, 0)))
    traces = [
        Trace(str(i), part, np.zeros(len(part))) for i, part in enumerate(np.array_split(points, 4))
    ]
    tuned = run(finetune(plane, traces, base, FinetuneSettings(steps=5, minutes=10)))
    assert tuned.steps == 5
    assert tuned.before["coverage"] > 0.9
    assert tuned.after["coverage"] > 0.9
    assert tuned.model.sha256 != base.sha256
    assert tuned.model.card["parent"] == base.sha256


def test_traces_of_another_image_are_refused(plane: Volume, base: Model) -> None:
    points = np.array([[0.0, 10.0, 10.0], [0.0, 10.0, 900.0]])
    far = Trace("far", points, np.zeros(2))
    with pytest.raises(InputError, match="leaves wave"):
        run(finetune(plane, [far], base, FinetuneSettings()))
    with pytest.raises(InputError, match="no trace"):
        run(finetune(plane, [], base, FinetuneSettings()))
