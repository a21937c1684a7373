from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.methods.vessels.sampling import PaintedVolume
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.scaling import Scaling

SHAPE = (20, 96, 96)
UNIT = Scaling(0.0, 1.0)


def painted(held_out: float = 0.0, **changes) -> PaintedVolume:
    labels = np.ones((1, 96, 96), np.uint8)
    labels[0, 40:44] = 2
    labels[0, :, 50:54] = 2
    image = np.random.default_rng(0).random(SHAPE, np.float32)
    return PaintedVolume(image, UNIT, [Patch((8, 0, 0), labels, **changes)], held_out)


def test_most_sub_volumes_hold_vessel():
    volume = painted()
    rng = np.random.default_rng(0)
    shares = [(volume.draw((8, 32, 32), rng)[1] == 2).mean() for _ in range(60)]
    assert np.mean(np.array(shares) >= 0.001) > 0.7


def test_image_and_labels_are_of_the_same_place():
    volume = painted()
    volume.image[8] = np.where(volume.patches[0].labels[0] == 2, 1.0, 0.25)
    image, labels = volume.draw((6, 48, 48), np.random.default_rng(1))
    assert image.shape == labels.shape == (6, 48, 48)
    assert (image[labels == 2] == 1).all()
    assert (image[labels == 1] == 0.25).all()


def test_held_out_blocks_are_never_drawn_and_hold_both_classes():
    volume = painted(0.3)
    assert volume.held_out
    whole = tuple(slice(0, n) for n in SHAPE)
    train, held = volume.labels(whole), volume.labels(whole, held_out=True)
    assert not ((train > 0) & (held > 0)).any()
    assert ((train > 0) | (held > 0)).sum() == 96 * 96
    assert set(np.unique(held)) == {0, 1, 2}


def test_each_held_out_voxel_is_scored_once():
    volume = painted(0.4)
    assert len(volume.held_out) > 1
    count = np.zeros(SHAPE, int)
    for region, inner in volume.held_out_regions():
        count[region][inner] += volume.labels(region, held_out=True)[inner] > 0
    held = volume.labels(tuple(slice(0, n) for n in SHAPE), held_out=True)
    np.testing.assert_array_equal(count, held > 0)


def test_patches_anywhere_are_read_back():
    patch = Patch((3, 10, 20), np.full((2, 5, 6), 2, np.uint8))
    other = Patch((3, 0, 0), np.full((1, 4, 4), 1, np.uint8))
    volume = PaintedVolume(np.zeros(SHAPE, np.float32), UNIT, [patch, other])
    labels = volume.labels((slice(0, 20), slice(0, 96), slice(0, 96)))
    assert (labels[3:5, 10:15, 20:26] == 2).all()
    assert (labels == 2).sum() == 60
    assert (labels == 1).sum() == 16


def test_a_lazy_image_too_large_for_the_memory_is_read_where_it_is_painted():
    touched = []

    def make(block_info=None):
        touched.append(block_info[None]["chunk-location"])
        return np.zeros(block_info[None]["chunk-shape"], np.uint8)

    chunks = da.core.normalize_chunks((64, 512, 512), (2048, 2048, 2048))
    image = da.map_blocks(make, chunks=chunks, dtype=np.uint8, meta=np.empty((0, 0, 0), np.uint8))
    labels = np.array([[[1, 2]]], np.uint8)
    volume = PaintedVolume(image, UNIT, [Patch((100, 600, 600), labels)])
    volume.draw((16, 64, 64), np.random.default_rng(0))
    assert set(touched) <= {(1, 1, 1)}


def test_one_class_only_is_refused():
    with pytest.raises(InputError, match=r"holds no voxel labelled background \(1\)"):
        PaintedVolume(np.zeros(SHAPE), UNIT, [Patch((0, 0, 0), np.full((1, 4, 4), 2, np.uint8))])


def test_labels_beyond_the_image_are_refused():
    with pytest.raises(InputError, match="beyond the image"):
        PaintedVolume(np.zeros(SHAPE), UNIT, [Patch((19, 0, 0), np.ones((2, 4, 4), np.uint8))])
