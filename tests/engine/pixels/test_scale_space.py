from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_midl.engine.annotation import PaintedVolume
from napari_midl.engine.pixels.depth import depth_of, known_depth
from napari_midl.engine.pixels.filters import smooth, smooth_z
from napari_midl.engine.pixels.scale_space import ScaleSpace, feature_names
from napari_midl.engine.tiles import Tiling
from napari_midl.methods.vessels.classes import CLASSES
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.scaling import Scaling
from napari_midl.volumes.volume import Volume

SHAPE = (11, 150, 170)
NOISE = np.random.default_rng(0).random(SHAPE, np.float32)


def features(space: ScaleSpace, image: np.ndarray, region) -> np.ndarray:
    with torch.inference_mode():
        return space.features(torch.from_numpy(np.ascontiguousarray(image)), region).numpy()


@pytest.mark.parametrize("depth", [0.5, 1.0, 3.0, 5.0])
def test_a_tile_has_the_features_of_the_whole(depth):
    space = ScaleSpace(depth)
    whole = features(space, NOISE, tuple(slice(0, n) for n in SHAPE))
    assert whole.shape == (*SHAPE, len(feature_names()))
    # Room for the halo to end within the image would need a large one: each border counts, too.
    tiling = Tiling(SHAPE, (5, 60, 70), space.halo, space.stride)
    wanted = (slice(3, 6), slice(70, 101), slice(65, 90))
    outer, inner = tiling.expand(wanted)
    np.testing.assert_allclose(features(space, NOISE[outer], inner), whole[wanted], atol=2e-4)


def test_the_halo_ends_where_nothing_is_changed_any_more():
    space = ScaleSpace(5.0)
    image = np.random.default_rng(1).random((9, 64, 448), np.float32)
    other = image.copy()
    region = (slice(4, 5), slice(0, 64), slice(0, 32))
    _, _, halo = space.halo
    other[..., 32 + halo :] = 0
    np.testing.assert_array_equal(features(space, image, region), features(space, other, region))
    other[..., 33:] = 0
    assert (features(space, image, region) != features(space, other, region)).any()


def test_each_feature_has_a_name_of_its_own():
    names = feature_names()
    assert len(set(names)) == len(names)
    levels = ScaleSpace(3.0).levels(torch.zeros(4, 64, 64), (slice(0, 4),) + (slice(0, 64),) * 2)
    assert tuple(name for level in levels for name in level.names) == names
    for level in levels:
        assert len(level.names) == len(level.maps)


def test_a_brighter_image_moves_the_brightness_alone():
    """All else is relative; both images are far brighter than the floor of the noise."""
    region = (slice(0, 2), slice(0, 32), slice(0, 32))
    image = 0.5 + NOISE[:2, :32, :32]
    dim, bright = (features(ScaleSpace(), k * image, region) for k in (1e4, 2e5))
    moved = np.abs(dim - bright).max((0, 1, 2))
    for name, by in zip(feature_names(), moved, strict=True):
        is_brightness = len(name.split()) == 2 and name.split()[0] in ("L", "L3", "I3")
        assert by > 2.9 if is_brightness else by < 0.05, name


def painted(image: np.ndarray) -> PaintedVolume:
    strokes = Patch((0, 0, 0), np.array([[[1, 2]]], np.uint8), "stroke")
    return PaintedVolume(image, Scaling(0.0, 1.0), [strokes], CLASSES)


def blobs(shape: tuple[int, int, int]) -> np.ndarray:
    """An image that looks alike along each axis."""
    rough = torch.from_numpy(np.random.default_rng(3).random(shape, np.float32))
    image = rough
    for _ in range(3):
        image = smooth_z(smooth(image), 1.0)
    image = (image - image.min()) / (image.max() - image.min())
    return image.numpy()


def test_the_distance_of_slices_is_that_of_the_voxels_where_it_is_known():
    image = blobs((8, 32, 32))
    volume = Volume.from_array(image, scale=(6.0, 2.0, 2.0), units=("micrometer",) * 3)
    assert known_depth(volume) == depth_of(volume, painted(image)) == 3.0


@pytest.mark.parametrize("step", [1, 2, 4])
def test_the_distance_of_slices_is_estimated_where_it_is_not_known(step):
    image = np.ascontiguousarray(blobs((48, 96, 96))[::step])
    volume = Volume.from_array(image)
    assert known_depth(volume) is None
    assert depth_of(volume, painted(image)) == pytest.approx(step, rel=0.3)
