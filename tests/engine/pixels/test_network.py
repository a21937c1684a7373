from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_midl.engine.initialisation import WeightsFrom
from napari_midl.engine.pixels.mixture import folds, judge, log_loss
from napari_midl.engine.pixels.network import PixelNetwork
from napari_midl.engine.pixels.scale_space import ScaleSpace, feature_names
from napari_midl.engine.pixels.voxels import features_of

RNG = np.random.default_rng(0)


def network(flat: bool, channels: int = 2, outputs: int = 3) -> PixelNetwork:
    with WeightsFrom(0):
        made = PixelNetwork(1, outputs, channels, flat)
    return made.requires_grad_(False).eval()


class Image:
    """Two channels."""

    def __init__(self, voxels: np.ndarray) -> None:
        self.voxels, self.shape = voxels, voxels.shape[1:]

    def read(self, box: tuple[slice, ...]) -> np.ndarray:
        return self.voxels[(slice(None), *box)]


@pytest.mark.parametrize("flat", [True, False])
def test_the_pass_gives_what_the_perceptron_says_of_the_features(flat):
    made, image = network(flat), Image(RNG.random((2, 3, 40, 50), np.float32))
    region = (slice(1, 2), slice(5, 30), slice(8, 40))
    features = features_of(image, made.space, region)
    assert features.shape == (1, 25, 32, 2 * len(feature_names(flat)))
    rows = made.standardised(torch.from_numpy(features.reshape(-1, features.shape[-1])))
    wanted = made.logits(rows).reshape(25, 32, 3).movedim(-1, 0)
    found = made(torch.from_numpy(image.voxels)[None], region)[0, :, 0]
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-3)


def test_a_flat_network_looks_at_no_other_slice():
    made, image = network(flat=True), RNG.random((1, 2, 3, 40, 40)).astype(np.float32)
    before = made(torch.from_numpy(image))[:, :, 1]
    image[:, :, [0, 2]] = 0
    torch.testing.assert_close(made(torch.from_numpy(image))[:, :, 1], before)
    assert ScaleSpace(flat=True).halo[0] == 0


def test_log_loss_of_what_a_voxel_may_be_by_hand():
    probability = np.array([[0.2, 0.3, 0.5], [0.1, 0.6, 0.3]])
    allowed = np.array([[True, False, False], [False, True, True]])
    assert log_loss(probability, allowed) == pytest.approx(-np.log([0.2, 0.9]).mean())


def test_of_several_classes_the_learner_that_is_right_gets_the_larger_share():
    labels = RNG.integers(0, 3, 600)
    truth = np.eye(3, dtype=bool)[labels]
    fold = np.arange(600) % 3
    right = np.where(truth, 0.8, 0.1).astype(np.float32)
    guess = np.full((600, 3), 1 / 3, np.float32)
    judged = judge({"right": right, "guess": guess}, truth, fold, {"right": 0.5, "guess": 0.5})
    assert judged.shares["right"] > 0.8
    assert (judged.probability.argmax(1) == labels).all()


def test_a_class_of_a_few_voxels_does_not_keep_the_strokes_from_being_parted():
    places = np.repeat([[0, 0, 0], [0, 0, 400], [0, 400, 0], [0, 400, 400]], 60, 0)
    places = places + RNG.integers(0, 9, places.shape)
    labels = np.arange(len(places)) % 2 + 1
    labels[:3] = 3
    assert len(np.unique(folds(places, labels, 1.0, 0))) > 1
