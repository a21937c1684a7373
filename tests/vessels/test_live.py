"""Learning from each stroke, for the view."""

from __future__ import annotations

import numpy as np
import pytest

from napari_midl.engine.pixels.seen import Look
from napari_midl.methods.vessels.classes import CLASSES, VESSEL
from napari_midl.methods.vessels.learn_pixels import Known
from napari_midl.methods.vessels.live import LiveLearner
from napari_midl.methods.vessels.models import named_model
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.scaling import Scaling
from napari_midl.volumes.volume import Volume

SHAPE = (12, 96, 96)
VIEW = (slice(6, 7), slice(0, 96), slice(0, 96))
BACKGROUND, PAINTED = CLASSES.value("background"), CLASSES.value(VESSEL)


class Counting:
    """An image with one bright vessel, which counts the voxels that are read."""

    shape, dtype, ndim, size = SHAPE, np.dtype(np.uint8), 3, int(np.prod(SHAPE))

    def __init__(self):
        rng = np.random.default_rng(0)
        self.voxels = rng.integers(10, 40, SHAPE, np.uint8)
        self.voxels[:, 40:52] += 120
        self.read = 0

    def __getitem__(self, key):
        part = self.voxels[key]
        self.read += part.size
        return part


@pytest.fixture
def image():
    return Counting()


@pytest.fixture
def learner(image):
    return learner_of(image)


def learner_of(image):
    base = named_model("base")
    volume = Volume.from_array(image, scale=(3, 1, 1), name="tube")
    return LiveLearner(volume, Known.of(base, lambda: base, "tube"), Scaling(0, 200))


def strokes(*rows):
    labels = np.zeros(SHAPE, np.uint8)
    for row, value in rows:
        labels[6, row : row + 3, 20:60] = value
    return [Patch((0, 0, 0), labels)]


def test_nothing_is_found_until_both_classes_are_painted(learner):
    assert learner(Look(VIEW, strokes((44, PAINTED)))) is None


def test_the_view_is_read_before_anything_is_painted(learner, image):
    assert learner(Look(VIEW, [], learn=False)) is None
    before = image.read
    assert before > 0
    assert learner(Look(VIEW, strokes((44, PAINTED), (10, BACKGROUND)))) is not None
    assert image.read == before


def test_where_the_image_is_no_number_nothing_is_found(image):
    holes = image.voxels.astype(np.float32)
    holes[:, 46:] = np.nan
    found = learner_of(holes)(Look(VIEW, strokes((41, PAINTED), (10, BACKGROUND))))
    assert (found[0, 41:44] > 0.5).all() and not found[0, 46:].any()


def test_a_stroke_in_view_is_learnt_without_reading_the_image_again(learner, image):
    found = learner(Look(VIEW, strokes((44, PAINTED), (10, BACKGROUND))))
    truth = image.voxels[6] > 80
    agrees = (found[0] >= 0.5) == truth
    assert found.shape == (1, 96, 96) and agrees.mean() > 0.97
    before = image.read
    again = learner(Look(VIEW, strokes((44, PAINTED), (10, BACKGROUND), (80, BACKGROUND))))
    assert image.read == before
    assert again[0, 80:83, 20:60].max() < 0.5
