"""Clicks into depth: the brightest place on a ray, and the brightest voxel along an axis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_midl.methods.axons.rays import brightest_on_ray
from napari_midl.volumes.lazy import Lazy
from napari_midl.volumes.projecting import projected, slab_around
from napari_midl.volumes.volume import Volume


class Counted(Lazy):
    """Voxels in memory, of which it is known how many were read."""

    def __init__(self, voxels: np.ndarray, chunks=None) -> None:
        super().__init__(voxels.shape, voxels.dtype, chunks)
        self.voxels, self.count, self.most = voxels, 0, 0

    def read(self, box):
        found = self.voxels[box]
        self.count, self.most = self.count + found.size, max(self.most, found.size)
        return found


def _fibre(shape=(40, 60, 80), at=(25, 30)):
    """A bright fibre along x, in noise with a few hot voxels."""
    rng = np.random.default_rng(0)
    voxels = rng.normal(10, 1, shape).astype(np.float32)
    z, y = np.mgrid[: shape[0], : shape[1]]
    voxels += 20 * np.exp(-((z - at[0]) ** 2 + (y - at[1]) ** 2) / 4)[..., None]
    voxels[5, 30, 40] = 60
    return voxels


def test_the_fibre_on_the_ray_is_met_and_no_single_hot_voxel():
    volume = Volume.from_array(_fibre())
    z, y, x = brightest_on_ray(volume, (0, 30, 40), (39, 30, 40))
    assert abs(z - 25) <= 1 and (y, x) == (30, 40)
    slanting = brightest_on_ray(volume, (0, 10, 20), (39, 42, 60))
    assert abs(slanting[0] - 25) < 2.5 and abs(slanting[1] - 30) < 2.5


def test_dark_fibres_are_met_where_they_are_dark():
    z, *_ = brightest_on_ray(Volume.from_array(50 - _fibre()), (0, 30, 40), (39, 30, 40), dark=True)
    assert abs(z - 25) <= 1


def test_only_what_lies_about_the_ray_is_read():
    counted = Counted(np.zeros((200, 300, 300), np.float32))
    volume = Volume.from_array(counted)
    brightest_on_ray(volume, (0, 0, 0), (199, 299, 299))
    assert counted.count < counted.size / 4 and counted.most <= 2**18
    counted.count = 0
    brightest_on_ray(volume, (0, 150, 150), (199, 150, 150))
    assert counted.count < 5000


def test_a_long_ray_is_looked_along_in_a_coarse_level_first():
    fine = np.zeros((3200, 16, 16), np.float32)
    fine[2400:2404, 6:11, 6:11] = 9
    coarse = Counted(fine.reshape(800, 4, 4, 4, 4, 4).mean((1, 3, 5)))
    finest = Counted(fine)
    whole = Volume.from_array(finest)
    volume = replace(whole, levels=(finest, coarse))
    z, *_ = brightest_on_ray(volume, (0, 8, 8), (3199, 8, 8))
    assert 2399 <= z <= 2404
    assert 0 < finest.count < 3000, "of the finest level only what is near the place"


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("dark", [False, True])
def test_a_projection_is_that_of_numpy(axis, dark):
    voxels = np.random.default_rng(1).normal(size=(7, 9, 11)).astype(np.float32)
    volume = Volume.from_array(voxels)
    made = projected(volume, axis, (1, 6), dark)
    part = np.take(voxels, range(1, 6), axis)
    wanted = (part.min if dark else part.max)(axis, keepdims=True)
    np.testing.assert_array_equal(made.values, wanted)
    assert not made.whole


def test_a_projection_reads_block_by_block_and_stops_when_it_is_not_wanted():
    counted = Counted(np.zeros((600, 128, 128), np.uint8), (1, 128, 128))
    volume = Volume.from_array(counted)
    answers = iter([True, False])
    assert projected(volume, 0, (0, 600), wanted=lambda: next(answers)) is None
    assert counted.count == counted.most <= 2**22


def test_of_a_large_stack_a_slab_is_projected():
    volume = Volume.from_array(Counted(np.zeros((100, 50, 50), np.uint8)))
    assert slab_around(volume, 0, 50) == (0, 100)
    first, last = slab_around(volume, 0, 50, most=25_000)
    assert (first, last) == (45, 55)
    assert slab_around(volume, 0, 99, most=25_000) == (90, 100)
