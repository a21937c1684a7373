from __future__ import annotations

import pytest

from napari_midl.engine.curve import Curve
from napari_midl.engine.jobs import Progress


def test_the_loss_is_smoothed_and_a_score_belongs_to_its_step():
    curve = Curve("dice")
    curve.add([Progress(1, 3, metrics={"loss": 1.0}), Progress(2, 3, metrics={"loss": 0.0})])
    curve.add([Progress(2, 3, metrics={"dice": 0.7, "other": 1.0})])
    steps, losses = curve.smoothed()
    assert steps.tolist() == [1, 2] and losses.tolist() == pytest.approx([1.0, 0.9])
    assert curve.losses == [1.0, 0.0] and curve.scores == [(2, 0.7)]


def test_a_long_training_is_thinned_out():
    curve = Curve()
    curve.add([Progress(i, 5000, metrics={"loss": 1.0, "dice": 0.5}) for i in range(5000)])
    steps, losses = curve.smoothed()
    assert steps.tolist() == list(range(1, 5001, 5)) and len(losses) == 1000
    assert not curve.scores
