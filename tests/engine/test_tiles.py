from __future__ import annotations

import math
import time

import numpy as np
import pytest

from napari_midl.engine.tiles import Tiling


@pytest.mark.parametrize("shape", [(7, 33, 50), (32, 64, 64), (1, 5, 3)])
def test_cores_partition_the_volume(shape):
    tiling = Tiling(shape, (4, 16, 16), (2, 4, 4), (2, 4, 4))
    count = np.zeros(shape, int)
    for index in range(len(tiling)):
        count[tiling.core(index)] += 1
    assert (count == 1).all()


def test_padded_tiles_start_at_multiples_of_the_stride_and_find_their_core():
    tiling = Tiling((21, 50, 61), (5, 10, 10), (3, 5, 5), (2, 4, 4))
    field = np.random.default_rng(0).random((21, 50, 61))
    for index in range(len(tiling)):
        outer, inner = tiling.padded(index)
        assert all(s.start % t == 0 for s, t in zip(outer, tiling.stride, strict=True))
        np.testing.assert_array_equal(field[outer][inner], field[tiling.core(index)])


def test_a_core_keeps_its_whole_halo_away_from_the_borders():
    tiling = Tiling((64, 64, 64), (16, 16, 16), (6, 6, 6), (4, 4, 4))
    middle = int(np.ravel_multi_index((1, 2, 1), tiling.grid))
    core, (outer, _) = tiling.core(middle), tiling.padded(middle)
    for c, o in zip(core, outer, strict=True):
        assert c.start - o.start >= 6
        assert o.stop - c.stop == 6


def test_tiles_come_from_the_focus_outwards():
    tiling = Tiling((4, 64, 64), (4, 16, 16))
    order = tiling.nearest_first((2, 56, 8))
    assert tiling.core(order[0]) == (slice(0, 4), slice(48, 64), slice(0, 16))
    assert sorted(order) == list(range(len(tiling)))


def test_a_million_tiles_are_ordered_at_once():
    tiling = Tiling((1600, 12800, 12800), (16, 128, 128))
    started = time.perf_counter()
    order = tiling.nearest_first((800.0, 0.0, 12800.0))
    assert time.perf_counter() - started < 5
    distances = [
        math.dist([(s.start + s.stop) / 2 for s in tiling.core(i)], (800.0, 0.0, 12800.0))
        for i in order[::10_000]
    ]
    assert distances == sorted(distances)
