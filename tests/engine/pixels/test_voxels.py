"""Voxels that learners of strokes see."""

from __future__ import annotations

import numpy as np

from napari_midl.engine.annotation import PaintedVolume
from napari_midl.engine.pixels.scale_space import ScaleSpace
from napari_midl.engine.pixels.voxels import LEAST, MOST, Voxels, read_voxels
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.classes import Classes
from napari_midl.volumes.scaling import Scaling

CLASSES = Classes("background", "vessel")
IMAGE = np.random.default_rng(0).integers(60, 200, (2, 320, 320)).astype(np.uint8)


def read(labels: np.ndarray) -> Voxels:
    painted = PaintedVolume(IMAGE, Scaling(0, 255), [Patch((0, 0, 0), labels, "l")], CLASSES)
    *_, voxels = read_voxels(painted, ScaleSpace(1.0), seed=3)
    assert isinstance(voxels, Voxels)
    return voxels


def test_what_is_rarely_labelled_is_read_whole():
    labels = np.ones(IMAGE.shape, np.uint8)
    labels[0, 5:10, 5:25] = 2
    counts = np.bincount(read(labels).labels)
    assert counts[2] == 100 < LEAST
    assert abs(counts[1] - MOST) < 0.01 * MOST


def test_some_voxels_are_seen_in_another_light():
    labels = np.zeros(IMAGE.shape, np.uint8)
    labels[1, 40:44, 40:60], labels[1, 80:84, 40:60] = 1, 2
    voxels, again = read(labels), read(labels)
    np.testing.assert_array_equal(voxels.lit, again.lit)
    assert len(voxels.lit) > 1_000
    # The spread of brightness among images is more than that of the one.
    assert voxels.lit[:, 0].std() > 1.1 * voxels.unpainted[:, 0].std()
